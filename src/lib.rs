//! mx-survey measures how e-mail travels between servers. The modules are the nouns of the field, in reading order.

pub mod record;

pub mod ndjson;

pub mod net;

pub mod pipeline;

pub mod program;

pub mod driver;

pub mod dns;

pub mod policy;

pub mod smtp;

pub mod x509;

pub mod cipher;

pub mod tls;

pub mod received;

pub mod leak;

pub mod judge;

pub mod store;

pub mod stages;

#[cfg(feature = "lab")]
pub mod lab;
pub mod report;

pub mod study;
