//! Versions, groups, signature schemes and alerts: numbers on the wire and the names that the records use.
//!
//! Newtypes, so that numbers which nobody has registered survive.

use rustls::pki_types::ServerName;

use crate::record::{NamedGroup, TlsVersion};

/// A protocol version as it stands in hellos.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProtocolVersion(pub u16);

impl ProtocolVersion {
    /// SSL 2.0.
    pub const SSLV2: Self = Self(0x0002);
    /// SSL 3.0 (RFC 6101).
    pub const SSLV3: Self = Self(0x0300);
    /// TLS 1.0 (RFC 2246).
    pub const TLS10: Self = Self(0x0301);
    /// TLS 1.1 (RFC 4346).
    pub const TLS11: Self = Self(0x0302);
    /// TLS 1.2 (RFC 5246).
    pub const TLS12: Self = Self(0x0303);
    /// TLS 1.3 (RFC 8446).
    pub const TLS13: Self = Self(0x0304);

    /// All of them, oldest first.
    pub const ALL: [Self; 6] = [
        Self::SSLV2,
        Self::SSLV3,
        Self::TLS10,
        Self::TLS11,
        Self::TLS12,
        Self::TLS13,
    ];

    /// Its name, or the number.
    pub fn name(self) -> TlsVersion {
        TlsVersion::from_number(self.0)
    }
}

/// A key-exchange group (IANA "TLS Supported Groups").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Group(pub u16);

impl Group {
    /// Curve25519 (RFC 7748).
    pub const X25519: Self = Self(29);
    /// Curve448 (RFC 7748).
    pub const X448: Self = Self(30);

    /// Every group that `--enumerate groups` offers, post-quantum ones first.
    pub const ALL: [u16; 24] = [
        4588, 4587, 4589, 513, 512, 514, 25497, 29, 23, 24, 25, 30, 26, 27, 28, 21, 256, 257, 258,
        259, 260, 31, 32, 33,
    ];
    /// The curves that a hello for TLS 1.2 offers: all that are registered for it, rare ones last, and those that TLS 1.3
    /// has instead of three of them. No ffdhe: a server that knows RFC 7919 would leave its own parameters for them.
    pub const CURVES: [u16; 33] = [
        29, 23, 24, 25, 30, 26, 27, 28, 22, 21, 19, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1,
        20, 18, 17, 16, 15, 31, 32, 33,
    ];

    /// Its IANA name, or the number.
    pub fn name(self) -> NamedGroup {
        NamedGroup::from_number(self.0)
    }
}

/// The name that goes out as SNI for a host: without the dot at its end, and none for what is no host name or is an
/// address (RFC 6066 §3).
///
/// ```
/// use mx_survey::tls::names::server_name;
///
/// assert_eq!(server_name("mx.a.test.").as_deref(), Some("mx.a.test"));
/// assert_eq!(server_name("192.0.2.1"), None);
/// ```
pub fn server_name(host: &str) -> Option<String> {
    let host = host.strip_suffix('.').unwrap_or(host);
    match ServerName::try_from(host) {
        Ok(ServerName::DnsName(name)) if !host.ends_with('.') => Some(name.as_ref().to_owned()),
        _ => None,
    }
}

/// The alerts that speak about an offer (RFC 8446 §6.2).
pub mod alerts {
    /// Nothing in common.
    pub const HANDSHAKE_FAILURE: u8 = 40;
    /// No version in common.
    pub const PROTOCOL_VERSION: u8 = 70;
    /// Nothing in common that is strong enough.
    pub const INSUFFICIENT_SECURITY: u8 = 71;

    /// Something that has nothing to do with the other side (RFC 8446 §6.2).
    pub const INTERNAL_ERROR: u8 = 80;
    /// The server name is not known (RFC 6066 §3).
    pub const UNRECOGNIZED_NAME: u8 = 112;

    /// Whether an alert says that a hello offered nothing to agree on. Others, as of an internal error or of a name
    /// that is not known, say nothing about what it offered.
    pub fn is_refusal(alert: u8) -> bool {
        alert == PROTOCOL_VERSION || is_no_suite(alert)
    }

    /// Whether an alert says that a hello offered no suite, group or signature to agree on.
    pub fn is_no_suite(alert: u8) -> bool {
        matches!(alert, HANDSHAKE_FAILURE | INSUFFICIENT_SECURITY)
    }

    /// Whether an alert says that a hello could not be read: unexpected_message, bad_record_mac, record_overflow,
    /// illegal_parameter, decode_error.
    pub fn is_unreadable(alert: u8) -> bool {
        matches!(alert, 10 | 20 | 22 | 47 | 50)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_host_names_are_sent() {
        for host in [
            "mx.test",
            "MX.Test",
            "_mx.test",
            "xn--mx-eka.test",
            "localhost",
        ] {
            assert_eq!(server_name(host).as_deref(), Some(host));
        }
        assert_eq!(server_name("mx.test.").as_deref(), Some("mx.test"));
        let long = format!("{}.test", "x".repeat(64));
        for host in [
            "",
            ".",
            "mx.test..",
            "a..test",
            "mx-.test",
            "-mx.test",
            "*.test",
            "a b.test",
            "m\u{fc}x.test",
            "192.0.2.1",
            "192.0.2.1.",
            "2001:db8::1",
            "[192.0.2.1]",
            &long,
        ] {
            assert_eq!(server_name(host), None, "{host}");
        }
    }
}
