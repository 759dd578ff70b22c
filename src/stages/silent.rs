//! Names about which no name server said a word, for the stages that ask the DNS.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// When the questions about names began that got no word: those that began behind the last name with a word. Which of two
/// names ends first says nothing, where one has its answer early and waits for more.
#[derive(Debug, Default)]
pub(super) struct SilentNames(Mutex<Vec<Instant>>);

impl SilentNames {
    fn starts(&self) -> MutexGuard<'_, Vec<Instant>> {
        // A list of moments is whole at any moment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more; how many there are now.
    pub(super) fn add(&self, start: Instant) -> u64 {
        let mut starts = self.starts();
        starts.push(start);
        starts.len() as u64
    }

    /// A word came about something that was asked at `start`.
    pub(super) fn heard(&self, start: Instant) {
        self.starts().retain(|silent| *silent > start);
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.starts().len() as u64
    }
}
