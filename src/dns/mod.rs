//! Who takes a domain's mail: lists of names read, a DNS client made for bulk, and the rules of MX records
//! (RFC 5321 §5.1, RFC 7505, RFC 7672).

pub mod name;

pub mod list;

pub mod zone;

pub mod lookup;

pub mod mx;

pub mod exchange;

pub mod tlsa;

pub mod chain;

pub mod beginning;
pub mod cache;

pub mod resolve;

pub mod upstream;

pub mod own_name;

pub mod encrypted;

pub mod client;

pub mod pool;

pub mod udp;

pub mod subject;
pub mod tcp;

pub mod message;
