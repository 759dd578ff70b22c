//! A long silence: whoever reads the end of a pipe sees which of its stages waits, and for what.

use std::time::{Duration, Instant};

/// What is long.
const LONG: Duration = Duration::from_secs(10);

/// How long nothing has ended while something was in flight.
#[derive(Debug)]
pub(super) struct SilentWait {
    since: Instant,
    is_told: bool,
}

impl SilentWait {
    /// One of which is told once; never, unless the stage `speaks`.
    pub(super) fn new(speaks: bool) -> Self {
        Self {
            since: Instant::now(),
            is_told: !speaks,
        }
    }

    /// Something ended, or nothing is in flight.
    pub(super) fn breaks(&mut self) {
        if !self.is_told {
            self.since = Instant::now();
        }
    }

    /// Waits until it is long; for ever, if it was told.
    pub(super) async fn is_long(&self) {
        match self.is_told {
            true => std::future::pending().await,
            false => tokio::time::sleep_until((self.since + LONG).into()).await,
        }
    }

    /// What to tell of it: `flying` observations are in flight with `whom`.
    pub(super) fn tell(&mut self, flying: usize, whom: &str) -> String {
        self.is_told = true;
        format!("waits for {flying} {whom}…")
    }
}
