//! TLS as mail servers speak it: today's handshake by rustls, and a hello codec of our own for all that rustls cannot
//! speak, from SSLv2 on (RFC 8446, 5246, 4346, 2246, 6101, and the SSL 2.0 specification of 1995).

pub mod names;
pub mod suite;

mod ccm;
pub mod flight;
pub mod hello;
pub mod modern;
mod octets;
#[cfg(any(test, feature = "lab"))]
pub mod rehearsal;
pub mod share;
pub mod sslv2;

pub mod memory;
mod opening;

pub mod handshake;
mod provider;
pub mod tap;

pub mod contact;
pub mod exchange;

pub mod enumerate;
pub mod inspect;
pub mod inspector;
pub mod ledger;
pub mod regrade;
