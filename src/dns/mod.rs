//! Who takes a domain's mail: a DNS client made for bulk, and the rules of MX records (RFC 5321 §5.1, RFC 7505).

pub mod name;

pub mod message;

pub mod resolve;

pub mod pool;

pub mod udp;

pub mod tcp;

pub mod client;
