//! What a domain publishes about its mail, judged by the letter of the RFCs: SPF (RFC 7208) and DMARC (RFC 9989),
//! DKIM keys (RFC 6376), MTA-STS (RFC 8461), TLS-RPT (RFC 8460), CAA (RFC 8659), BIMI.
//!
//! Everything here but [`fetch`] is pure: an evaluator gets a [`lookup::Lookup`], asks it, and returns a part of the `policy` record.
//! It knows no socket, no clock and no cache, so that a test hands it a zone and a program its name servers. Whatever
//! is bounded in time or bytes is bounded by the `Lookup`, which fails a question that it no longer asks; the number
//! of questions is bounded here, by the limits of each RFC. A question that failed makes what hangs on it unknown,
//! never absent.

use std::fmt::Write as _;
use std::net::IpAddr;

pub mod faults;

pub mod lookup;

mod fields;

mod tag_list;

mod versioned;

pub mod mta_sts;

pub mod mta_sts_policy;

pub mod fetch;

pub mod tls_rpt;

pub mod dkim;

pub mod dmarc;

pub mod dkim_key;

pub mod selectors;

pub mod denial;

pub mod bimi;

pub mod caa;

pub mod spf;

#[cfg(any(test, feature = "lab"))]
pub mod zone;

/// The name under which the PTR records of `address` stand (RFC 1035 §3.5, RFC 3596 §2.5).
///
/// ```
/// let address = "192.0.2.1".parse().unwrap();
/// assert_eq!(mx_survey::policy::reverse(address), "1.2.0.192.in-addr.arpa");
/// ```
pub fn reverse(address: IpAddr) -> String {
    let mut name = String::with_capacity(73);
    // Writing to a string never fails.
    match address.to_canonical() {
        IpAddr::V4(address) => {
            for octet in address.octets().iter().rev() {
                let _ = write!(name, "{octet}.");
            }
            name + "in-addr.arpa"
        }
        IpAddr::V6(address) => {
            for octet in address.octets().iter().rev() {
                let _ = write!(name, "{:x}.{:x}.", octet & 15, octet >> 4);
            }
            name + "ip6.arpa"
        }
    }
}
