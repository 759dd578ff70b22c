//! mx-survey measures how e-mail travels between servers: who resolves, who answers SMTP, who offers STARTTLS, with which
//! TLS and which certificate, under which policy. The programs are thin; the modules of this library are the nouns of the
//! field, in reading order, and those that read bytes are pure: bytes in, value out, no input or output, no clock.
//!
//! # The map
//!
//! | module | what it is for | feature |
//! |---|---|---|
//! | [`record`] | the records of the stream, and every closed vocabulary | always there |
//! | [`ndjson`] | lines: the reader that bounds them, the one form in which they are written | always there |
//! | [`cipher`] | the cipher suites, by number and by every spelling of their names | `received`, `tls`, `store` |
//! | [`received`] | the Received field: what mail that was sent says about its way | `received` |
//! | [`leak`] | leaked lists of addresses, counted by domain | `leak` |
//! | [`net`] | special-purpose addresses, exclusions, connecting, pacing | `net` |
//! | [`x509`] | facts of certificates, verdicts on chains | `x509` |
//! | [`dns`] | the DNS client, the MX rules, lists of names | `dns` |
//! | [`policy`] | SPF, DMARC, DKIM, MTA-STS, TLS-RPT, BIMI, CAA | `policy` |
//! | [`smtp`] | replies, the session as far as STARTTLS, the probe | `smtp` |
//! | [`tls`] | hellos written and read, handshakes, what a server speaks | `tls` |
//! | [`judge`] | rules: facts in, judgement out | `store` |
//! | [`program`], [`driver`], [`stages`] | the front door of every program, and what drives its stage | `programs` |
//! | [`store`] | the database of a survey | `store` |
//! | [`report`], [`study`] | tables, charts, the page; the study of 2014 | `report` |
//! | [`pipeline`] | the programs as one pipe | `pipeline` |
//! | [`lab`] | a mail internet on loopback, for tests and benchmarks | `lab` |
//!
//! # One family as a library
//!
//! A feature builds its family and what that stands on, nothing else: the parser of Received fields brings neither SQLite
//! nor a DNS client nor a command line.
//!
//! ```toml
//! [dependencies]
//! mx-survey = { version = "0.2", default-features = false, features = ["received"] }
//! ```
//!
//! It tells whether a message went encrypted from one server to the next. What the field does not say is `None`, which is
//! not "no":
//!
//! ```
//! # #[cfg(feature = "received")] {
//! use mx_survey::received::hop::hops;
//!
//! // The bodies of a message's Received fields, the newest first.
//! let fields: [&[u8]; 2] = [
//!     b"from mx.a.test (mx.a.test [192.0.2.1]) by mx.b.test (Postfix) with ESMTPS id 2; \
//!       Tue, 31 Mar 2026 12:00:02 +0200",
//!     b"from laptop.a.test by mx.a.test with SMTP id 1; Tue, 31 Mar 2026 12:00:00 +0200",
//! ];
//! let hops = hops("message", "run", &fields, &[]);
//! assert_eq!(hops[1].encrypted, Some(true));
//! assert_eq!(hops[1].delay_ms, Some(2000));
//! # }
//! ```
//!
//! A policy is read from its text, by the letter and as lax senders read it:
//!
//! ```
//! # #[cfg(feature = "policy")] {
//! use mx_survey::policy::mta_sts::covers_strictly;
//! use mx_survey::policy::mta_sts_policy::read_strictly;
//! use mx_survey::record::StsMode;
//!
//! let policy = read_strictly(b"version: STSv1\r\nmode: enforce\r\nmx: *.b.test\r\nmax_age: 604800\r\n");
//! assert_eq!(policy.mode, Some(StsMode::Enforce));
//! assert!(policy.mx.iter().any(|pattern| covers_strictly(&pattern.0, "mx.b.test")));
//! # }
//! ```
//!
//! What the programs write is read back into the same types. Fields and vocabularies grow: a program that reads the stream
//! keeps what it does not know.
//!
//! ```
//! use mx_survey::ndjson;
//! use mx_survey::record::{Outcome, Phase, Reason};
//!
//! let line = br#"{"type":"domain","domain":"a.test","outcome":{"phase":"dns","reason":"timeout","detail":null}}"#;
//! assert_eq!(ndjson::tag(line).unwrap(), "domain");
//!
//! let outcome = Outcome::new(Phase::Dns, Reason::Timeout);
//! assert_eq!(serde_json::to_value(&outcome)?["reason"], "timeout");
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! # A stage of one's own
//!
//! The page of [`driver`] shows a whole one.

pub mod record;

pub mod ndjson;

#[cfg(feature = "net")]
pub mod net;

#[cfg(feature = "pipeline")]
pub mod pipeline;

#[cfg(feature = "programs")]
pub mod program;

#[cfg(feature = "programs")]
pub mod driver;

#[cfg(feature = "dns")]
pub mod dns;

#[cfg(feature = "policy")]
pub mod policy;

#[cfg(feature = "smtp")]
pub mod smtp;

#[cfg(feature = "x509")]
pub mod x509;

#[cfg(any(feature = "received", feature = "tls", feature = "store"))]
pub mod cipher;

#[cfg(feature = "tls")]
pub mod tls;

#[cfg(feature = "received")]
pub mod received;

#[cfg(feature = "leak")]
pub mod leak;

#[cfg(feature = "store")]
pub mod judge;

#[cfg(feature = "store")]
pub mod store;

#[cfg(feature = "programs")]
pub mod stages;

#[cfg(feature = "lab")]
pub mod lab;
#[cfg(feature = "report")]
pub mod report;

#[cfg(feature = "report")]
pub mod study;
