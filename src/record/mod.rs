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
    let time = time.to_offset(UtcOffset::UTC);
    // A clock set beyond the year 9999, or before the year 0, is the one thing this form refuses.
    let Some(year) = u32::try_from(time.year()).ok().filter(|year| *year <= 9999) else {
        return "9999-12-31T23:59:59.999Z".into();
    };
    // Every record has one: by hand it costs a tenth of what a general formatter does.
    let mut text = String::with_capacity(24);
    let mut put = |value: u32, digits: u32, behind: char| {
        for place in (0..digits).rev() {
            let digit = value / 10u32.pow(place) % 10;
            text.push(char::from_digit(digit, 10).unwrap_or('0'));
        }
        text.push(behind);
    };
    put(year, 4, '-');
    put(u8::from(time.month()).into(), 2, '-');
    put(time.day().into(), 2, 'T');
    put(time.hour().into(), 2, ':');
    put(time.minute().into(), 2, ':');
    put(time.second().into(), 2, '.');
    put(time.millisecond().into(), 3, 'Z');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn times_have_one_width_and_are_utc() {
        for (time, text) in [
            (
                datetime!(2026-01-02 03:04:05.006 UTC),
                "2026-01-02T03:04:05.006Z",
            ),
            (
                datetime!(1970-01-01 00:30:00 +01:00),
                "1969-12-31T23:30:00.000Z",
            ),
            (
                datetime!(9999-12-31 23:59:59.9999 UTC),
                "9999-12-31T23:59:59.999Z",
            ),
            (
                datetime!(0007-11-30 23:59:59.9999 UTC),
                "0007-11-30T23:59:59.999Z",
            ),
            (datetime!(-0001-11-30 0:00 UTC), "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(timestamp(time), text);
        }
    }
}
