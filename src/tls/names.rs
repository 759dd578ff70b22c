//! Versions, groups, signature schemes and alerts: numbers on the wire and the names that the records use.
//!
//! Newtypes, so that numbers which nobody has registered survive.

use rustls::pki_types::ServerName;

/// A protocol version as it stands in hellos.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version(pub u16);

impl Version {
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

    /// `TLSv1.3`, …, `SSLv2`, or the number.
    pub fn name(self) -> String {
        match self {
            Self::SSLV2 => "SSLv2".into(),
            Self::SSLV3 => "SSLv3".into(),
            Self::TLS10 => "TLSv1".into(),
            Self::TLS11 => "TLSv1.1".into(),
            Self::TLS12 => "TLSv1.2".into(),
            Self::TLS13 => "TLSv1.3".into(),
            Self(other) => format!("0x{other:04X}"),
        }
    }
}

/// A key-exchange group (IANA "TLS Supported Groups").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Group(pub u16);

impl Group {
    /// Every group that `--enumerate groups` offers, post-quantum ones first.
    pub const ALL: [u16; 24] = [
        4588, 4587, 4589, 513, 512, 514, 25497, 29, 23, 24, 25, 30, 26, 27, 28, 21, 256, 257, 258,
        259, 260, 31, 32, 33,
    ];
    /// The curves that a hello for TLS 1.2 offers: all that are registered for it, rare ones last. No ffdhe: a server
    /// that knows RFC 7919 would leave its own parameters for them.
    pub const CURVES: [u16; 30] = [
        29, 23, 24, 25, 30, 26, 27, 28, 22, 21, 19, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1,
        20, 18, 17, 16, 15,
    ];

    /// Its IANA name, or the number.
    pub fn name(self) -> String {
        let name = match self.0 {
            1 => "sect163k1",
            2 => "sect163r1",
            3 => "sect163r2",
            4 => "sect193r1",
            5 => "sect193r2",
            6 => "sect233k1",
            7 => "sect233r1",
            8 => "sect239k1",
            9 => "sect283k1",
            10 => "sect283r1",
            11 => "sect409k1",
            12 => "sect409r1",
            13 => "sect571k1",
            14 => "sect571r1",
            15 => "secp160k1",
            16 => "secp160r1",
            17 => "secp160r2",
            18 => "secp192k1",
            19 => "secp192r1",
            20 => "secp224k1",
            21 => "secp224r1",
            22 => "secp256k1",
            23 => "secp256r1",
            24 => "secp384r1",
            25 => "secp521r1",
            26 => "brainpoolP256r1",
            27 => "brainpoolP384r1",
            28 => "brainpoolP512r1",
            29 => "x25519",
            30 => "x448",
            31 => "brainpoolP256r1tls13",
            32 => "brainpoolP384r1tls13",
            33 => "brainpoolP512r1tls13",
            256 => "ffdhe2048",
            257 => "ffdhe3072",
            258 => "ffdhe4096",
            259 => "ffdhe6144",
            260 => "ffdhe8192",
            512 => "MLKEM512",
            513 => "MLKEM768",
            514 => "MLKEM1024",
            4587 => "SecP256r1MLKEM768",
            4588 => "X25519MLKEM768",
            4589 => "SecP384r1MLKEM1024",
            25497 => "X25519Kyber768Draft00",
            other => return format!("0x{other:04X}"),
        };
        name.into()
    }
}

/// The IANA name of a signature scheme, or its number.
pub fn signature_scheme(number: u16) -> String {
    let name = match number {
        0x0101 => "rsa_md5",
        0x0201 => "rsa_pkcs1_sha1",
        0x0202 => "dsa_sha1",
        0x0203 => "ecdsa_sha1",
        0x0301 => "rsa_pkcs1_sha224",
        0x0303 => "ecdsa_sha224",
        0x0401 => "rsa_pkcs1_sha256",
        0x0402 => "dsa_sha256",
        0x0403 => "ecdsa_secp256r1_sha256",
        0x0501 => "rsa_pkcs1_sha384",
        0x0503 => "ecdsa_secp384r1_sha384",
        0x0601 => "rsa_pkcs1_sha512",
        0x0603 => "ecdsa_secp521r1_sha512",
        0x0804 => "rsa_pss_rsae_sha256",
        0x0805 => "rsa_pss_rsae_sha384",
        0x0806 => "rsa_pss_rsae_sha512",
        0x0807 => "ed25519",
        0x0808 => "ed448",
        0x0809 => "rsa_pss_pss_sha256",
        0x080a => "rsa_pss_pss_sha384",
        0x080b => "rsa_pss_pss_sha512",
        0x0904 => "mldsa44",
        0x0905 => "mldsa65",
        0x0906 => "mldsa87",
        other => return format!("0x{other:04X}"),
    };
    name.into()
}

/// The name that goes out as SNI for a host: without the dot at its end, and none for what is no host name or is an
/// address (RFC 6066 §3).
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

/// The IANA description of an alert, or its number (RFC 8446 §6, older ones by RFC 5246 §7.2 and RFC 6101 §5.4).
pub fn alert(number: u8) -> String {
    let name = match number {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        21 => "decryption_failed",
        22 => "record_overflow",
        30 => "decompression_failure",
        40 => "handshake_failure",
        41 => "no_certificate",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        60 => "export_restriction",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        100 => "no_renegotiation",
        109 => "missing_extension",
        110 => "unsupported_extension",
        111 => "certificate_unobtainable",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        115 => "unknown_psk_identity",
        116 => "certificate_required",
        120 => "no_application_protocol",
        other => return other.to_string(),
    };
    name.into()
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
