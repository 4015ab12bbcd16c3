use std::collections::{HashMap, HashSet};

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn request(n: u64) -> RequestId {
    RequestId(Uuid::from_u64_pair(0x0190_0000_0000_7000, n))
}

fn number(number: u32) -> Capacity {
    Capacity::try_from(number).unwrap()
}

/// So many, and these changes have happened.
fn given(capacity: u32, changes: impl IntoIterator<Item = Change>) -> Holds {
    changes.into_iter().fold(Holds::new(number(capacity)), Holds::after)
}

/// A log that was written by hand may say anything; it is folded all the same.
#[test]
fn what_nobody_could_have_asked_for_is_folded_too() {
    let less_than_held = given(1, [Change::Placed(request(1)), Change::Resized(number(0))]);
    assert_eq!(
        (less_than_held.free(), less_than_held.place(request(2))),
        (number(0), Err(Unholdable::Exhausted))
    );
    assert_eq!(given(1, [Change::Released(request(1))]).free(), number(1));
}

/// RC-I1: the last one is held once.
#[test]
fn what_is_there_can_be_held_and_no_more() {
    let one_left = given(2, [Change::Placed(request(1))]);
    assert_eq!(one_left.free(), number(1));
    assert_eq!(one_left.place(request(2)), Ok(Some(Change::Placed(request(2)))));
    let none_left = one_left.after(Change::Placed(request(2)));
    assert_eq!((none_left.free(), none_left.place(request(3))), (number(0), Err(Unholdable::Exhausted)));
}

/// G1, G5: a repeat holds nothing more, even when none is left.
#[test]
fn who_holds_one_already_holds_it_still() {
    assert_eq!(given(1, [Change::Placed(request(1))]).place(request(1)), Ok(None));
}

/// RC-I14
#[test]
fn what_is_given_back_twice_comes_back_once() {
    let held = given(1, [Change::Placed(request(1))]);
    assert_eq!(held.release(request(1)), Some(Change::Released(request(1))));
    let released = held.after(Change::Released(request(1)));
    assert_eq!((released.free(), released.release(request(1))), (number(1), None));
}

/// RC-I15
#[test]
fn a_release_that_comes_first_forestalls_the_hold() {
    assert_eq!(given(1, []).release(request(1)), Some(Change::Forestalled(request(1))));
    let forestalled = given(1, [Change::Forestalled(request(1))]);
    assert_eq!(forestalled.place(request(1)), Err(Unholdable::LetGo));
    assert_eq!((forestalled.free(), forestalled.release(request(1))), (number(1), None));
}

/// RC-I2: a retry that comes after the release does not hold it again.
#[test]
fn who_let_go_never_holds_again() {
    let released = given(1, [Change::Placed(request(1)), Change::Released(request(1))]);
    assert_eq!(released.place(request(1)), Err(Unholdable::LetGo));
    assert_eq!(released.place(request(2)), Ok(Some(Change::Placed(request(2)))));
}

/// RC-I12
#[test]
fn the_capacity_changes_around_what_is_held() {
    let held = given(3, [Change::Placed(request(1)), Change::Placed(request(2))]);
    assert_eq!(held.resize(number(3)), Ok(None));
    assert_eq!(held.resize(number(1)), Err(Unholdable::Held));
    assert_eq!(held.resize(number(2)), Ok(Some(Change::Resized(number(2)))));
    assert_eq!(held.clone().after(Change::Resized(number(2))).free(), number(0));
    assert_eq!(held.after(Change::Resized(number(10))).free(), number(8));
}

/// RC R5
#[test]
fn a_capacity_may_be_nothing_and_is_whole() {
    for (text, read) in [("0", Some(0)), ("10.0", Some(10)), ("1e1", Some(10)), ("-1", None), ("1.5", None)] {
        assert_eq!(text.parse::<Capacity>().ok().map(u32::from), read, "{text}");
    }
    assert_eq!("2147483648".parse::<Capacity>(), Err(InvalidCapacity));
}

/// What can be asked.
#[derive(Debug, Clone, Copy)]
enum Ask {
    Place(u64),
    Release(u64),
    Resize(u32),
}

fn asks() -> impl Strategy<Value = Vec<Ask>> {
    let ask = prop_oneof![
        6 => (0..200_u64).prop_map(Ask::Place),
        4 => (0..200_u64).prop_map(Ask::Release),
        1 => (0..90_u32).prop_map(Ask::Resize),
    ];
    prop::collection::vec(ask, 0..600)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// RC R1, R2: against the obvious model, after every step; and a copy of before stays as it was.
    #[test]
    fn nothing_leaks_and_nothing_is_held_twice(capacity in 0..80_u32, asks in asks()) {
        let mut holds = given(capacity, []);
        let (mut total, mut live, mut ended) = (capacity, HashSet::new(), HashSet::new());
        let mut copies = HashMap::new();
        for (step, ask) in asks.into_iter().enumerate() {
            let change = match ask {
                Ask::Place(n) => holds.place(request(n)).ok().flatten(),
                Ask::Release(n) => holds.release(request(n)),
                Ask::Resize(n) => holds.resize(number(n)).ok().flatten(),
            };
            match ask {
                Ask::Place(n) if !ended.contains(&n) && !live.contains(&n) && live.len() < total as usize => {
                    prop_assert!(change.is_some());
                    live.insert(n);
                }
                Ask::Release(n) if !ended.contains(&n) => {
                    prop_assert!(change.is_some());
                    live.remove(&n);
                    ended.insert(n);
                }
                Ask::Resize(n) if n != total && n as usize >= live.len() => {
                    prop_assert!(change.is_some());
                    total = n;
                }
                Ask::Place(_) | Ask::Release(_) | Ask::Resize(_) => prop_assert_eq!(change, None),
            }
            if step % 50 == 0 {
                copies.insert(step, (holds.clone(), holds.free()));
            }
            holds = change.into_iter().fold(holds, Holds::after);
            prop_assert_eq!(u32::from(holds.free()) as usize + live.len(), total as usize);
        }
        for (copy, free) in copies.values() {
            prop_assert_eq!(copy.free(), *free);
        }
        let kept: Holds = serde_json::from_slice(&serde_json::to_vec(&holds).unwrap()).unwrap();
        prop_assert_eq!(kept, holds);
    }
}
