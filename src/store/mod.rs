//! The store: one SQLite database for one survey. Facts as they came, every line beside its row; judgements made from
//! them by the rules of `crate::judge`, so that a changed rule needs no new scan.
//!
//! A key seen again with a later time replaces, an earlier one is ignored; the same entry of a list with other counts
//! is an error, never a sum.

mod dictionary;
mod entries;
mod error;
mod exchange_key;
mod insert;
mod judging;
mod label;
mod load;
mod lookup;
mod migrate;
mod open;
mod packed;
mod parsed;
mod parts;
mod published;
mod published_parts;
pub mod query;
mod ranks;
mod rows;
mod schema;
mod views;
mod whole;
mod writer;

pub use error::StoreError;
pub use judging::{expire_within, is_judged, judge, rollover};
pub use label::{label, set_label};
pub use load::{CommitPace, Load, LoadSummary, load};
pub use lookup::{RecordLookup, earlier};
pub use open::{close, create, open, temporary};
pub use schema::{MAIL, SCHEMA};
pub use views::index;
pub use writer::{LineCounts, Refused, Stored, SurveyWriter};

/// Text for a terminal, and JSON without raw controls: for those who read the store.
pub use crate::ndjson::{printable, to_json};
