//! The Received field (RFC 5321 §4.4): what mail that was really sent says about its way, above all whether it went
//! encrypted.

pub mod date;
pub mod field;
pub mod idiom;
pub mod party;
pub mod protocol;
pub mod token;
pub mod writer;
