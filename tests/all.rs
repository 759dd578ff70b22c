//! The one test binary: a module for each program, the harness, the pipeline, the docs, the regressions.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, dead_code)]

mod changes;
mod conformance;
mod docs;
mod fuzz;
mod harness;
mod header_trace;
mod house;
mod imports;
mod leak_count;
mod mx_lookup;
mod peers;
#[cfg(feature = "lab")]
mod policy_lookup;
mod problems;
mod report;
mod shard;
mod smtp_probe;
mod source;
mod tls_inspect;
mod to_sqlite;

#[cfg(feature = "lab")]
mod dane;
#[cfg(feature = "lab")]
mod mail_lab;
#[cfg(feature = "lab")]
mod mx_survey;
#[cfg(feature = "lab")]
mod one_connection;
#[cfg(feature = "lab")]
mod pipeline;
#[cfg(feature = "lab")]
mod policy_fetch;
#[cfg(feature = "lab")]
mod postmaster;
#[cfg(feature = "lab")]
mod study;
#[cfg(feature = "lab")]
mod watch;
#[cfg(feature = "lab")]
mod worlds;
