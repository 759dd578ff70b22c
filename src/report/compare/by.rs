//! By what two surveys are compared.

use crate::judge::Rule;
use crate::report::accept::Accepted;
use crate::report::providers::Providers;

/// By what two surveys are compared.
#[derive(Clone, Copy, Debug)]
pub struct CompareBy<'a> {
    /// The rule that takes the servers of a domain together.
    pub rule: Rule,
    /// Who runs which exchange.
    pub providers: &'a Providers,
    /// Problems that are left out, since they are known.
    pub accepted: &'a Accepted,
}
