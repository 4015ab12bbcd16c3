//! Every word of the page that is its own. What the wire says stays as it is; only its meaning is told.

use super::row::Stage;
use crate::web::frame::FrameTexts;
use crate::web::lang::Lang;
use crate::web::list::Remarks;

/// What the page says in one language.
pub(super) struct Texts {
    pub(super) frame: FrameTexts,
    pub(super) user_id: &'static str,
    pub(super) car: &'static str,
    pub(super) date: &'static str,
    pub(super) submit: &'static str,
    /// How many cars are left, as a reader says it.
    pub(super) left: fn(&u64) -> String,
    pub(super) steps: [&'static str; 3],
    pub(super) cancel: &'static str,
    /// What a stage is called, and what comes next.
    pub(super) stage: fn(Stage) -> (&'static str, Option<&'static str>),
    pub(super) already_sent: &'static str,
    pub(super) none_left: &'static str,
    pub(super) no_such_car: &'static str,
    pub(super) not_taken_now: &'static str,
    pub(super) not_cancelled_now: &'static str,
    pub(super) already_used: &'static str,
    pub(super) no_such: &'static str,
}

/// What the page says in this language.
pub(super) fn texts(lang: Lang) -> &'static Texts {
    match lang {
        Lang::En => &EN,
        Lang::Ko => &KO,
    }
}

const EN: Texts = Texts {
    frame: FrameTexts {
        title: "Car rental",
        lead: "Reserve a car, and one is allocated to you.",
        skip: "To my reservations",
        form: "Reserve",
        list: "My reservations",
        who: "Customer ID",
        none_yet: "Nothing here yet. What you reserve appears here.",
        remarks: Remarks {
            who: "Enter your customer ID to see your reservations.",
            elsewhere: "The list of reservations is kept on another server. You can reserve here all the same.",
            unreadable: "The list cannot be read at the moment. Your reservations are safe; try again shortly.",
            behind: "Your latest change is being added to the list.",
            degraded: "The list may be out of date at the moment. Your reservations are safe.",
            only_latest: "You have more reservations than are shown here.",
        },
    },
    user_id: "Customer ID",
    car: "Car",
    date: "Date",
    submit: "Reserve",
    left: |cars| format!("{cars} left"),
    steps: ["Reserved", "Allocated", "Used"],
    cancel: "Cancel",
    stage: |stage| match stage {
        Stage::Success => ("Reserved", Some("A car is allocated to you by itself in a moment.")),
        Stage::Allocated => ("Car allocated", None),
        Stage::UseCompleted => ("Use completed", None),
        Stage::Cancelled => ("Cancelled", None),
    },
    already_sent: "This form was already sent with other details, and that reservation stands. \
                   Reserve again if you want this one as well.",
    none_left: "No car of this kind is left.",
    no_such_car: "There is no such car.",
    not_taken_now: "Reservations cannot be taken at the moment. Nothing was reserved; please try again shortly.",
    not_cancelled_now: "This cannot be cancelled at the moment. Please try again shortly.",
    already_used: "The use of this car is completed; it cannot be cancelled any more.",
    no_such: "There is no such reservation.",
};

const KO: Texts = Texts {
    frame: FrameTexts {
        title: "렌트카 예약",
        lead: "차량을 예약하면 바로 배차해 드립니다.",
        skip: "예약 내역으로 이동",
        form: "예약하기",
        list: "예약 내역",
        who: "고객 아이디",
        none_yet: "아직 예약 내역이 없습니다. 예약하시면 여기에 표시됩니다.",
        remarks: Remarks {
            who: "고객 아이디를 입력하면 예약 내역을 볼 수 있습니다.",
            elsewhere: "예약 내역은 다른 서버에서 조회할 수 있습니다. 예약은 여기에서도 가능합니다.",
            unreadable: "지금은 예약 내역을 불러올 수 없습니다. 예약은 안전하게 보관되어 있으니 잠시 후 다시 시도해 주세요.",
            behind: "방금 하신 변경을 내역에 반영하고 있습니다.",
            degraded: "지금은 예약 내역이 최신이 아닐 수 있습니다. 예약은 안전하게 보관되어 있습니다.",
            only_latest: "여기에 표시된 것보다 예약 내역이 더 있습니다.",
        },
    },
    user_id: "고객 아이디",
    car: "차량",
    date: "이용일",
    submit: "예약하기",
    left: |cars| format!("{cars}대 남음"),
    steps: ["예약", "배차", "사용"],
    cancel: "예약 취소",
    stage: |stage| match stage {
        Stage::Success => ("예약됨", Some("곧 자동으로 배차됩니다.")),
        Stage::Allocated => ("배차 완료", None),
        Stage::UseCompleted => ("사용 완료", None),
        Stage::Cancelled => ("취소됨", None),
    },
    already_sent: "이 예약서는 이미 다른 내용으로 접수되었고 그 예약은 유효합니다. \
                   이 내용으로도 예약하시려면 다시 예약해 주세요.",
    none_left: "남은 차량이 없습니다.",
    no_such_car: "등록되지 않은 차량입니다.",
    not_taken_now: "지금은 예약을 받을 수 없습니다. 예약되지 않았으니 잠시 후 다시 시도해 주세요.",
    not_cancelled_now: "지금은 취소할 수 없습니다. 잠시 후 다시 시도해 주세요.",
    already_used: "이미 사용이 완료되어 취소할 수 없습니다.",
    no_such: "해당 예약을 찾을 수 없습니다.",
};
