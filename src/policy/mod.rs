//! What a domain publishes about its mail, judged by the letter of the RFCs: SPF (RFC 7208) and DMARC (RFC 9989),
//! DKIM keys (RFC 6376), MTA-STS (RFC 8461), TLS-RPT (RFC 8460), CAA (RFC 8659), BIMI.
//!
//! Everything here is pure: an evaluator gets a [`lookup::Lookup`], asks it, and returns a part of the `policy` record.
//! It knows no socket, no clock and no cache, so that a test hands it a zone and a program its name servers. Whatever
//! is bounded in time or bytes is bounded by the `Lookup`, which fails a question that it no longer asks; the number
//! of questions is bounded here, by the limits of each RFC. A question that failed makes what hangs on it unknown,
//! never absent.

pub mod lookup;

mod fields;

mod tag_list;

pub mod mta_sts;

pub mod mta_sts_policy;

pub mod tls_rpt;

pub mod dkim;

pub mod dkim_key;

pub mod selectors;

pub mod denial;

pub mod bimi;

pub mod caa;
