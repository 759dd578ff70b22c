//! Faults of a policy's text, in words.

use crate::record::{Fault, PolicyState};

/// Where a fault is, in words.
pub(super) fn told(fault: &Fault) -> String {
    let mut text = fault.code.word().to_owned();
    if let Some(term) = &fault.term {
        text.push_str(&format!(": {}", term.lossy()));
    }
    if let Some(name) = &fault.name {
        text.push_str(&format!(" at {name}"));
    }
    text
}

/// The first fault of a part, in words; its state where there is none.
pub(super) fn first_fault(faults: &[Fault], state: PolicyState) -> String {
    faults.first().map_or_else(|| state.to_string(), told)
}
