//! SPF (RFC 7208): the record, what it says of a client ([`check_host`]), and what it comes to whoever the client is
//! ([`survey()`]).

pub mod check;
mod dangling;
pub mod grammar;
pub mod macros;
mod reading;
mod settled;
pub mod space;
pub mod survey;
pub mod vendors;
mod walk;

pub use check::{SpfCheck, SpfClient, check_host};
pub use settled::SettledRecords;
pub use survey::{survey, survey_among};
pub use vendors::included_names;

use super::lookup::{FoundRecords, LookupAnswer, Txt};
use crate::record::Outcome;

/// The SPF records among the TXT records of a name (RFC 7208 §4.5).
#[derive(Clone, Debug)]
pub enum Selected {
    /// Not known.
    Failed(Outcome),
    /// There is none.
    None,
    /// The one there is.
    One(Txt),
    /// More than one.
    Multiple(Vec<Txt>),
}

/// Chooses the records that begin as one of SPF does.
pub fn select(answer: &LookupAnswer<Txt>) -> Selected {
    if let FoundRecords::Failed(outcome) = &answer.found {
        return Selected::Failed(outcome.clone());
    }
    let mut records = answer
        .records()
        .iter()
        .filter(|text| grammar::is_record(text));
    match (records.next(), records.next()) {
        (None, _) => Selected::None,
        (Some(one), None) => Selected::One(one.clone()),
        (Some(one), Some(two)) => {
            Selected::Multiple([one, two].into_iter().chain(records).cloned().collect())
        }
    }
}

#[cfg(test)]
mod tests;
