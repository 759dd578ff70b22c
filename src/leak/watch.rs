//! A look into a count that is going on, and a way to end it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Shared by a count and those who watch it.
#[derive(Debug, Default)]
pub struct Watch {
    read: AtomicU64,
    stop: AtomicBool,
}

impl Watch {
    /// Bytes read so far, of all inputs.
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Nothing more is read; what was read is counted.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether reading was stopped before its end.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, bytes: usize) {
        self.read.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}
