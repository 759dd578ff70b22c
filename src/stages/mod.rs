//! What each program does at the driver: which subjects its input names, and what is done about each.

#[cfg(feature = "dns")]
pub mod asking;
#[cfg(feature = "tls")]
pub mod conversing;
#[cfg(feature = "received")]
pub mod header_trace;
#[cfg(all(feature = "dns", feature = "smtp"))]
pub mod helo;
#[cfg(feature = "leak")]
pub mod leak_count;
#[cfg(feature = "dns")]
pub mod mx_lookup;
#[cfg(feature = "dns")]
mod names;
#[cfg(feature = "policy")]
pub mod policy_fetch;
#[cfg(feature = "policy")]
pub mod policy_lookup;
#[cfg(feature = "dns")]
mod silent;
#[cfg(feature = "tls")]
pub mod smtp_probe;
#[cfg(feature = "tls")]
pub mod tls_inspect;
