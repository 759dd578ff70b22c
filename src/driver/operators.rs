//! Connections by operator, for the last line of a run.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Operators whose connections are counted by name.
const NAMES: usize = 100_000;
/// Operators that the last line names.
const NAMED: usize = 10;

/// How many connections each operator had.
#[derive(Debug, Default)]
pub(super) struct OperatorCounts(HashMap<Arc<str>, u64>);

impl OperatorCounts {
    /// So many more of one operator.
    pub(super) fn add(&mut self, operator: &Arc<str>, connections: u32) {
        if self.0.len() < NAMES || self.0.contains_key(operator) {
            *self.0.entry(operator.clone()).or_default() += u64::from(connections);
        }
    }

    /// Those with most.
    pub(super) fn most(&self) -> BTreeMap<String, u64> {
        let mut operators: Vec<_> = self.0.iter().filter(|(_, count)| **count > 0).collect();
        operators.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        let most = operators.into_iter().take(NAMED);
        most.map(|(name, &count)| (name.to_string(), count))
            .collect()
    }
}
