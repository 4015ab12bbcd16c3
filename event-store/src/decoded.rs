use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// What an event says, as its writer in this process had it in hand: readers in this process need not read
/// its JSON again. Never on disk and never on the wire, so whoever looks for it must be able to do without.
///
/// It says nothing that the event does not say, so two events that differ in it alone are equal.
///
/// ```
/// let decoded = event_store::Decoded::new(7_u32);
/// assert_eq!(decoded.get::<u32>().as_deref(), Some(&7));
/// assert!(decoded.get::<u64>().is_none());
/// ```
#[derive(Clone, Default)]
pub struct Decoded(Option<Arc<dyn Any + Send + Sync>>);

impl Decoded {
    /// What it says.
    pub fn new<T: Send + Sync + 'static>(said: T) -> Self {
        Self(Some(Arc::new(said)))
    }

    /// Whether it is at hand.
    pub fn is_at_hand(&self) -> bool {
        self.0.is_some()
    }

    /// What it says, if that is at hand and of this type.
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.0.clone()?.downcast().ok()
    }
}

impl PartialEq for Decoded {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Decoded {}

impl fmt::Debug for Decoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_at_hand() { "at hand" } else { "not at hand" })
    }
}
