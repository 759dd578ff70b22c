//! What each program does at the driver: which subjects its input names, and what is done about each.

pub mod header_trace;
pub mod leak_count;
pub mod mx_lookup;
pub mod policy_fetch;
pub mod policy_lookup;
pub mod smtp_probe;
pub mod tls_inspect;
