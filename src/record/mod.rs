//! The records of the stream: one observation of one subject, one JSON object a line (`mx-survey.5`).
//!
//! Data only. Three-valued facts are `Option<bool>` and always written: `null` means not asked, or could not be
//! learned, never "no". Times are RFC 3339 UTC, durations milliseconds, names A-labels in lower case without the
//! trailing dot. Every struct here tolerates fields it does not know.

mod cert;
mod counts;
mod dkim;
mod domain;
mod fault;
mod hop;
mod listed;
mod outcome;
mod policy;
mod run;
mod smtp;
mod sts;
mod text;
mod tls;
pub(crate) mod words;

use serde::Serialize;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

pub use cert::*;
pub use counts::*;
pub use dkim::*;
pub use domain::*;
pub use fault::*;
pub use hop::*;
pub use listed::*;
pub use outcome::*;
pub use policy::*;
pub use run::*;
pub use smtp::*;
pub use sts::*;
pub use text::*;
pub use tls::*;
pub use words::*;

/// A record's `type` on the wire, and its key.
pub trait Record: Serialize {
    /// The value of the field `type`.
    const TYPE: &'static str;
}

macro_rules! record {
    ($($name:ident = $tag:literal),* $(,)?) => {$(
        impl Record for $name { const TYPE: &'static str = $tag; }
    )*};
}

record! {
    Listed = "listed", Other = "other", Domain = "domain", Smtp = "smtp", Cert = "cert", Tls = "tls", Hop = "hop",
    Run = "run", Policy = "policy", Sts = "sts",
}

/// The time of day, RFC 3339 UTC, to the millisecond.
pub fn now() -> String {
    timestamp(OffsetDateTime::now_utc())
}

/// A time, RFC 3339 UTC, to the millisecond: of one width, so that text sorts as time does.
pub fn timestamp(time: OffsetDateTime) -> String {
    const FORM: &[BorrowedFormatItem<'_>] =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    // A clock set beyond the year 9999 is the one thing this form refuses.
    time.to_offset(UtcOffset::UTC)
        .format(FORM)
        .unwrap_or_else(|_| "9999-12-31T23:59:59.999Z".into())
}
