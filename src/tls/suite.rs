//! Cipher suites on the wire: which to offer, and what a server says in clear once it has chosen one.
//!
//! Their names are those of [`crate::cipher`], and SSLv2's own.

use std::sync::LazyLock;

use crate::cipher::{self, KeyExchange, Mac, SuiteFacts};
use crate::record::Cipher;

/// A suite by its number: 16 bits, or 24 for a kind of SSLv2 (those are above 0xffff).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SuiteNumber(pub u32);

impl SuiteNumber {
    /// Signalling suite of RFC 5746 §3.3: as good as an empty renegotiation_info extension, also for SSLv3.
    pub const RENEGOTIATION_INFO: Self = Self(0x00ff);
    /// TLS_AES_128_CCM_SHA256 (RFC 8446 §B.4).
    pub const AES_128_CCM: Self = Self(0x1304);
    /// TLS_AES_128_CCM_8_SHA256 (RFC 8446 §B.4).
    pub const AES_128_CCM_8: Self = Self(0x1305);

    /// The suite for a record; one that the registry does not have is named by its number.
    pub fn record(self) -> Cipher {
        let number = match self.0 {
            0..=0xffff => format!("0x{:04X}", self.0),
            _ => format!("0x{:06X}", self.0),
        };
        let registered = u16::try_from(self.0).ok().and_then(cipher::by_id);
        let sslv2 = SSLV2.iter().find(|(kind, ..)| *kind == self.0);
        let (iana, openssl, bits) = match (registered, sslv2) {
            (Some(suite), _) => (suite.iana.into(), suite.openssl, Some(suite.bits)),
            (_, Some(&(_, name, openssl, bits))) => (name.into(), Some(openssl), Some(bits)),
            _ => (number.clone(), None, None),
        };
        Cipher {
            iana,
            openssl: openssl.map(Into::into),
            id: number,
            bits,
        }
    }

    /// What it is made of; none for a number that the registry does not have.
    pub fn facts(self) -> Option<SuiteFacts> {
        cipher::facts(self.0)
    }

    /// How it agrees on a key.
    pub fn key_exchange(self) -> Option<KeyExchange> {
        self.facts().map(|facts| facts.key_exchange)
    }

    /// No certificate is sent, and none is needed.
    pub fn is_anonymous(self) -> bool {
        self.facts().is_some_and(SuiteFacts::is_anonymous)
    }

    /// An export suite: RSA keys over 512 bits come with a temporary one.
    pub fn is_export(self) -> bool {
        self.facts().is_some_and(|facts| facts.is_export)
    }

    /// Whether it can be negotiated below TLS 1.2: no AEAD, no hash but SHA-1 and MD5.
    fn is_old(self) -> bool {
        self.facts()
            .is_some_and(|facts| matches!(facts.mac, Mac::Null | Mac::Md5 | Mac::Sha1))
    }
}

/// Every suite of TLS 1.3.
pub const TLS13: [u16; 5] = [0x1302, 0x1303, 0x1301, 0x1304, 0x1305];

/// What senders of 2014 and before offer, best first: one hello, small enough for servers that choke on 255 bytes of
/// suites, that finds something in common with whatever a server speaks up to TLS 1.2.
pub const CLASSIC: [u16; 62] = [
    0xc02c, 0xc030, 0x009f, 0xcca9, 0xcca8, 0xccaa, 0xc02b, 0xc02f, 0x009e, 0xc024, 0xc028, 0x006b,
    0xc023, 0xc027, 0x0067, 0xc00a, 0xc014, 0x0039, 0x0088, 0xc009, 0xc013, 0x0033, 0x0045, 0x009a,
    0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x0084, 0x002f, 0x0041, 0x0096, 0xc008, 0xc012, 0x0016,
    0x0013, 0x000a, 0x0038, 0x0032, 0xc007, 0xc011, 0x0005, 0x0004, 0x0007, 0x0015, 0x0009, 0x0014,
    0x0008, 0x0006, 0x0003, 0xc019, 0xc018, 0x00a6, 0x003a, 0x0034, 0x001b, 0x0018, 0x0017, 0xc010,
    0x003b, 0x0002,
];

/// The suites of a hello that offers everything, those of TLS 1.3 last: the classic ones, or all there are for a server
/// that bears a long hello.
pub fn everything(is_long: bool) -> &'static [u16] {
    static SHORT: LazyLock<Vec<u16>> = LazyLock::new(|| [&CLASSIC[..], &TLS13].concat());
    static LONG: LazyLock<Vec<u16>> = LazyLock::new(|| [enumerable(true), &TLS13].concat());
    if is_long { &LONG } else { &SHORT }
}

/// Every registered suite that a server could agree on with a stranger in TLS 1.2, or in what came before; usual ones
/// first.
pub fn enumerable(is_tls12: bool) -> &'static [u16] {
    static TLS12: LazyLock<Vec<u16>> = LazyLock::new(|| {
        let others = (0x0001..=0xd00f).filter(|&number| {
            let suite = SuiteNumber(u32::from(number));
            suite.facts().is_some_and(|facts| {
                facts.is_for_strangers() && facts.key_exchange != KeyExchange::Tls13
            }) && !CLASSIC.contains(&number)
        });
        CLASSIC.iter().copied().chain(others).collect()
    });
    static OLD: LazyLock<Vec<u16>> = LazyLock::new(|| {
        let suites = TLS12.iter().copied();
        suites
            .filter(|&number| SuiteNumber(u32::from(number)).is_old())
            .collect()
    });
    if is_tls12 { &TLS12 } else { &OLD }
}

/// The kinds of SSLv2: number, name, OpenSSL's name, bits of the secret part of the key.
pub const SSLV2: [(u32, &str, &str, u16); 7] = [
    (0x01_0080, "SSL_CK_RC4_128_WITH_MD5", "RC4-MD5", 128),
    (
        0x02_0080,
        "SSL_CK_RC4_128_EXPORT40_WITH_MD5",
        "EXP-RC4-MD5",
        40,
    ),
    (0x03_0080, "SSL_CK_RC2_128_CBC_WITH_MD5", "RC2-CBC-MD5", 128),
    (
        0x04_0080,
        "SSL_CK_RC2_128_CBC_EXPORT40_WITH_MD5",
        "EXP-RC2-CBC-MD5",
        40,
    ),
    (
        0x05_0080,
        "SSL_CK_IDEA_128_CBC_WITH_MD5",
        "IDEA-CBC-MD5",
        128,
    ),
    (0x06_0040, "SSL_CK_DES_64_CBC_WITH_MD5", "DES-CBC-MD5", 56),
    (
        0x07_00c0,
        "SSL_CK_DES_192_EDE3_CBC_WITH_MD5",
        "DES-CBC3-MD5",
        168,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The twelve of the study's third figure, as it names them.
    #[test]
    fn the_twelve_ciphers_of_the_study_bear_its_names() {
        let named = [
            (
                0x0039,
                "DHE-RSA-AES256-SHA",
                "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",
                256,
            ),
            (0x0035, "AES256-SHA", "TLS_RSA_WITH_AES_256_CBC_SHA", 256),
            (0x002f, "AES128-SHA", "TLS_RSA_WITH_AES_128_CBC_SHA", 128),
            (
                0xc011,
                "ECDHE-RSA-RC4-SHA",
                "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
                128,
            ),
            (
                0xc014,
                "ECDHE-RSA-AES256-SHA",
                "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
                256,
            ),
            (
                0xc012,
                "ECDHE-RSA-DES-CBC3-SHA",
                "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
                168,
            ),
            (
                0x0088,
                "DHE-RSA-CAMELLIA256-SHA",
                "TLS_DHE_RSA_WITH_CAMELLIA_256_CBC_SHA",
                256,
            ),
            (
                0x0016,
                "EDH-RSA-DES-CBC3-SHA",
                "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA",
                168,
            ),
            (0x000a, "DES-CBC3-SHA", "TLS_RSA_WITH_3DES_EDE_CBC_SHA", 168),
            (0x0004, "RC4-MD5", "TLS_RSA_WITH_RC4_128_MD5", 128),
            (0x0005, "RC4-SHA", "TLS_RSA_WITH_RC4_128_SHA", 128),
            (
                0x0084,
                "CAMELLIA256-SHA",
                "TLS_RSA_WITH_CAMELLIA_256_CBC_SHA",
                256,
            ),
        ];
        for (number, openssl, iana, bits) in named {
            let cipher = SuiteNumber(number).record();
            assert_eq!(
                (cipher.openssl.as_deref(), cipher.iana.as_str(), cipher.bits),
                (Some(openssl), iana, Some(bits))
            );
            assert!(
                CLASSIC.contains(&u16::try_from(number).unwrap()),
                "{openssl} is offered"
            );
        }
    }

    #[test]
    fn export_suites_have_their_strength_and_unknown_ones_their_number() {
        assert_eq!(SuiteNumber(0x0003).record().bits, Some(40));
        assert_eq!(SuiteNumber(0x0009).record().bits, Some(56));
        assert_eq!(SuiteNumber(0x0a0a).record().iana, "0x0A0A");
        assert_eq!(SuiteNumber(0x0a0a).record().openssl, None);
        let sslv2 = SuiteNumber(0x01_0080).record();
        assert_eq!(
            (sslv2.iana.as_str(), sslv2.id.as_str(), sslv2.bits),
            ("SSL_CK_RC4_128_WITH_MD5", "0x010080", Some(128))
        );
    }

    #[test]
    fn key_exchanges_tell_what_is_sent_in_clear() {
        assert_eq!(SuiteNumber(0x0039).key_exchange(), Some(KeyExchange::Dhe));
        assert_eq!(SuiteNumber(0xc02f).key_exchange(), Some(KeyExchange::Ecdhe));
        assert_eq!(SuiteNumber(0x0035).key_exchange(), Some(KeyExchange::Rsa));
        assert_eq!(SuiteNumber(0x1301).key_exchange(), Some(KeyExchange::Tls13));
        assert_eq!(SuiteNumber(0x003a).key_exchange(), Some(KeyExchange::Dhe));
        assert_eq!(SuiteNumber(0xc019).key_exchange(), Some(KeyExchange::Ecdhe));
        assert!(
            SuiteNumber(0x003a).is_anonymous()
                && SuiteNumber(0xc019).is_anonymous()
                && !SuiteNumber(0x0039).is_anonymous()
        );
        assert!(SuiteNumber(0x0003).is_export() && !SuiteNumber(0x0004).is_export());
    }

    #[test]
    fn every_suite_is_offered_once() {
        for is_tls12 in [true, false] {
            let suites = enumerable(is_tls12);
            let distinct: std::collections::HashSet<_> = suites.iter().collect();
            assert_eq!(distinct.len(), suites.len());
            assert!(suites.len() > 60 && suites.len() < 350, "{}", suites.len());
        }
        assert!(!enumerable(false).contains(&0xc02f));
    }
}
