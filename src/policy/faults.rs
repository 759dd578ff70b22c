//! A list of faults that stays short, however many there are.

use crate::record::{Fault, PolicyFault};

/// Faults that are listed for a part.
const LISTED: usize = 64;

/// Faults in the order in which they are found, each once. Past a limit one of them says that there are more.
#[derive(Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Adds a fault, if it is a new one and there is room.
    pub fn push(&mut self, fault: Fault) {
        if self.0.len() > LISTED || self.0.contains(&fault) {
            return;
        }
        match self.0.len() == LISTED {
            true => self.0.push(Fault::new(PolicyFault::MoreFaults)),
            false => self.0.push(fault),
        }
    }

    /// Whether there is one with this code.
    pub fn has(&self, code: PolicyFault) -> bool {
        self.0.iter().any(|fault| fault.code == code)
    }
}

impl From<Faults> for Vec<Fault> {
    fn from(faults: Faults) -> Self {
        faults.0
    }
}
