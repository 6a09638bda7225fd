//! A handle on the first write that failed, kept by whoever hands a report to the engine: the run
//! goes on without its log, and the user is told once.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// The first error that a report met while writing.
#[derive(Clone, Debug, Default)]
pub struct FirstError(Arc<Mutex<Slot>>);

#[derive(Debug, Default)]
enum Slot {
    #[default]
    Empty,
    Held(io::Error),
    Taken,
}

impl FirstError {
    /// The error, the first time that this is asked after one occurred.
    #[must_use]
    pub fn take(&self) -> Option<io::Error> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*slot, Slot::Held(_)) {
            return None;
        }
        match std::mem::replace(&mut *slot, Slot::Taken) {
            Slot::Held(error) => Some(error),
            Slot::Empty | Slot::Taken => None,
        }
    }

    /// Keeps the error unless there was one before.
    pub(super) fn note(&self, error: io::Error) {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*slot, Slot::Empty) {
            *slot = Slot::Held(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_error_is_told_and_only_once() {
        let first = FirstError::default();
        assert!(first.take().is_none());
        first.note(io::Error::other("one"));
        first.note(io::Error::other("two"));
        assert_eq!(first.take().unwrap().to_string(), "one");
        first.note(io::Error::other("three"));
        assert!(first.take().is_none());
    }
}
