//! The rules that find problems: records in, problems out, nothing read from anywhere else.
//!
//! A server's problems are found once ([`server_problems`]) and hold for every domain that it serves; what hangs on a
//! domain, its exchanges and its policies is found for each ([`domain_problems`], [`policy_problems`]). To add a code:
//! a line in the table of [`super::problem`], a rule here, a case in the tests.

mod authentication;
mod domain;
mod fault;
mod policy;
mod server;

pub use domain::{DomainView, ExchangeSeen, ServerSeen, domain_problems};
pub use policy::{PolicyView, policy_problems};
pub use server::{ServerRecords, chain_code, server_problems};

use super::problem::Problem;

/// Worst first, each once.
fn put_in_order(found: &mut Vec<Problem>) {
    found.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.cmp(b)));
    found.dedup();
}

#[cfg(test)]
mod tests;
