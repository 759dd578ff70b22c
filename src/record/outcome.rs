//! How an observation ended.

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Phase, Reason, Text};

/// How far an observation came and why it ended there. `done/ok` is the only success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Outcome {
    /// The step at which it ended.
    pub phase: Phase,
    /// Why, from a closed vocabulary.
    pub reason: Reason,
    /// What the other side or the system said, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Text>,
}

impl Outcome {
    /// `done/ok`.
    pub fn ok() -> Self {
        Self::new(Phase::Done, Reason::Ok)
    }

    /// An outcome without detail.
    pub fn new(phase: Phase, reason: Reason) -> Self {
        Self {
            phase,
            reason,
            detail: None,
        }
    }

    /// The same with what was said.
    pub fn with(mut self, detail: impl Into<Text>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Whether it is `done/ok`.
    pub fn is_ok(&self) -> bool {
        self.reason == Reason::Ok
    }
}
