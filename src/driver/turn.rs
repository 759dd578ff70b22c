//! What an observation is told, and what it brings.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::ndjson;
use crate::net::pacing::Rate;
use crate::record::{Outcome, Phase, Reason, Record};

/// What an observation is told of its turn.
#[derive(Clone, Debug)]
pub struct Turn {
    /// Which try this is, from 1.
    pub attempt: u32,
    /// The id of this run.
    pub run: Arc<str>,
    pub(super) spacing: Duration,
    pub(super) rate: Rate,
    pub(super) is_paced: bool,
}

impl Turn {
    /// Waits until one more connection to the same address is due; the one before has just ended.
    pub async fn reconnect(&self) {
        tokio::time::sleep(self.spacing).await;
        if self.is_paced {
            tokio::time::sleep_until(self.rate.take(Instant::now()).into()).await;
        }
    }
}

/// What an observation brought.
#[derive(Debug)]
pub struct Observed<J> {
    /// Whole lines, to be written together.
    pub lines: Vec<u8>,
    /// For the counts.
    pub phase: Phase,
    /// For the counts; `deferred` slows the operator down.
    pub reason: Reason,
    /// Connections opened.
    pub connections: u32,
    /// Another try, if there is to be one: then `lines` are written only if it cannot be made.
    pub again: Option<J>,
}

impl<J> Observed<J> {
    /// A record and its outcome.
    pub fn record<R: Record>(record: &R, outcome: &Outcome) -> Self {
        Self {
            lines: ndjson::to_line(record),
            phase: outcome.phase,
            reason: outcome.reason,
            connections: 0,
            again: None,
        }
    }
}
