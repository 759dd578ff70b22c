//! What a run would cost the servers, counted instead of asked (`--dry-run`).

use std::collections::HashMap;
use std::sync::Arc;

use crate::program::say;
use crate::smtp::targets::SmtpTarget;

/// The servers that would be asked.
pub struct Cost {
    samples: usize,
    rate: f64,
    servers: u64,
    operators: HashMap<Arc<str>, u64>,
}

impl Cost {
    /// Nothing yet.
    pub fn new(samples: usize, rate: f64) -> Self {
        Self {
            samples,
            rate,
            servers: 0,
            operators: HashMap::new(),
        }
    }

    /// One more server.
    pub fn add(&mut self, target: &SmtpTarget) {
        self.servers += 1;
        if let Some(operator) = &target.operator {
            *self.operators.entry(operator.clone()).or_default() += 1;
        }
    }

    /// Connections, at the least.
    pub fn connections(&self) -> u64 {
        self.servers * self.samples as u64
    }

    /// On standard error.
    pub fn print(&self) {
        let connections = self.connections();
        let at_least = if self.rate > 0.0 {
            format!(
                ", {:.0} s at --rate {}",
                (connections as f64 / self.rate).ceil(),
                self.rate
            )
        } else {
            String::new()
        };
        say(
            "smtp-probe",
            &format!(
                "would make {connections} connections to {} servers{at_least}; tries after a 4xx come on top",
                self.servers
            ),
        );
        let mut operators: Vec<_> = self.operators.iter().collect();
        operators.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        for (operator, servers) in operators.into_iter().take(10) {
            say("smtp-probe", &format!("{servers:>8} servers of {operator}"));
        }
    }
}
