//! mx-survey measures how e-mail travels between servers. The modules are the nouns of the field, in reading order.

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
