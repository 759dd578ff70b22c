//! Certificates: what they say, what their chains are worth, which names and TLSA records they match.
//!
//! All of it is pure: DER and a time in, values out, no I/O but reading a file of roots. Certificates come from
//! hostile servers, so [`der`] bounds size, depth and number of elements before a parser sees them.

mod constraints;
pub mod dane;
pub mod der;
mod dn;
pub mod facts;
mod look;
pub mod names;
mod rsa;
pub mod signature;
pub mod store;
pub mod verdict;

use sha2::{Digest, Sha256};

/// SHA-256 in lower-case hex, the fingerprint by which the records name certificates and keys.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)] as char);
        text.push(DIGITS[usize::from(byte & 15)] as char);
    }
    text
}
