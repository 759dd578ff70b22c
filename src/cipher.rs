//! Names of cipher suites: the IANA registry (through tls-parser's table), OpenSSL's names, and the other spellings that
//! mail servers write into Received fields; and what each suite is made of. Pure: names and numbers in, suites out.

mod facts;

use std::collections::HashMap;
use std::sync::LazyLock;

use tls_parser::{CIPHERS, TlsCipherEnc, TlsCipherSuite};

pub use facts::{Authentication, BlockMode, BulkCipher, KeyExchange, Mac, SuiteFacts, facts};

/// A cipher suite of the IANA registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suite {
    /// The number on the wire.
    pub id: u16,
    /// The registry's name.
    pub iana: &'static str,
    /// OpenSSL's name, where it has one.
    pub openssl: Option<&'static str>,
    /// Bits of the bulk cipher's key; its strength in an export suite, 0 without encryption.
    pub bits: u16,
}

/// The suite of a number; `None` where the registry has none.
///
/// ```
/// use mx_survey::cipher;
///
/// assert_eq!(cipher::by_id(0x0035).unwrap().openssl, Some("AES256-SHA"));
/// assert_eq!(cipher::by_id(0x0a0a), None);
/// ```
pub fn by_id(id: u16) -> Option<Suite> {
    TlsCipherSuite::from_id(id).map(suite)
}

/// The suite that `name` names in any spelling: IANA's, OpenSSL's, GnuTLS's (`RSA_AES_256_CBC_SHA1`,
/// `ECDHE_SECP256R1__RSA_SHA256__AES_256_GCM`), rustls's (`TLS13_AES_128_GCM_SHA256`), and Exchange's, which has the
/// curve behind it (`TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384_P384`).
///
/// ```
/// use mx_survey::cipher;
///
/// for name in ["AES256-SHA", "RSA_AES_256_CBC_SHA1", "TLS_RSA_WITH_AES_256_CBC_SHA"] {
///     assert_eq!(cipher::by_name(name).unwrap().id, 0x0035);
/// }
/// assert_eq!(cipher::by_name("AES"), None);
/// ```
pub fn by_name(name: &str) -> Option<Suite> {
    let name = ["_P256", "_P384", "_P521"]
        .iter()
        .find_map(|curve| name.strip_suffix(curve))
        .unwrap_or(name);
    if let Some(&id) = NAMES.get(name) {
        return by_id(id);
    }
    if let Some(rest) = name.strip_prefix("TLS13_") {
        return by_iana(&format!("TLS_{rest}"));
    }
    if name.contains("__") {
        return by_iana(&from_gnutls_long(name)?);
    }
    if name.contains('_') && !name.starts_with("TLS_") {
        return by_iana(&from_gnutls(name)?);
    }
    None
}

/// The suite that `name` names under TLS 1.3, where a suite is a cipher and a hash (RFC 8446 §B.4). Exim with GnuTLS has key
/// exchange and signature before them all the same: `ECDHE_X25519__RSA_PSS_RSAE_SHA256__AES_256_GCM`, and as the name of
/// IANA `TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384`, are TLS_AES_256_GCM_SHA384.
///
/// ```
/// let suite = mx_survey::cipher::by_name_in_tls13("ECDHE_X25519__RSA_PSS_RSAE_SHA256__AES_256_GCM");
/// assert_eq!(suite.unwrap().iana, "TLS_AES_256_GCM_SHA384");
/// ```
pub fn by_name_in_tls13(name: &str) -> Option<Suite> {
    let Some((_, bulk)) = name.rsplit_once("__") else {
        let suite = by_name(name)?;
        let bulk = suite.iana.split_once("_WITH_").map(|(_, bulk)| bulk);
        return bulk
            .and_then(|bulk| by_iana(&format!("TLS_{bulk}")))
            .or(Some(suite));
    };
    by_iana(match bulk {
        "AES_128_GCM" | "AES_128_GCM_SHA256" => "TLS_AES_128_GCM_SHA256",
        "AES_256_GCM" | "AES_256_GCM_SHA384" => "TLS_AES_256_GCM_SHA384",
        "CHACHA20_POLY1305" | "CHACHA20_POLY1305_SHA256" => "TLS_CHACHA20_POLY1305_SHA256",
        "AES_128_CCM" | "AES_128_CCM_SHA256" => "TLS_AES_128_CCM_SHA256",
        "AES_128_CCM_8" | "AES_128_CCM_8_SHA256" => "TLS_AES_128_CCM_8_SHA256",
        _ => return None,
    })
}

impl Suite {
    /// What the suite is made of.
    pub fn facts(self) -> Option<SuiteFacts> {
        facts(self.id.into())
    }

    /// Whether the suite is one of TLS 1.3, which are in no other version (RFC 8446 §B.4).
    pub fn is_of_tls13(self) -> bool {
        self.facts()
            .is_some_and(|facts| facts.key_exchange == KeyExchange::Tls13)
    }

    /// Whether the suite came with TLS 1.2: those with AEAD, or with a hash beyond SHA-1 (RFC 5246 §1.2).
    pub fn needs_tls12(self) -> bool {
        self.facts()
            .is_some_and(|facts| matches!(facts.mac, Mac::Sha2 | Mac::Aead))
    }
}

fn by_iana(name: &str) -> Option<Suite> {
    by_id(*NAMES.get(name)?)
}

fn suite(of: &TlsCipherSuite) -> Suite {
    let bits = match of.enc {
        // The table has 128; the key of ChaCha20 has 256 bits (RFC 7905 §2, RFC 8439 §2.3).
        TlsCipherEnc::Chacha20_Poly1305 => 256,
        _ => of.enc_size,
    };
    let id = of.id.0;
    Suite {
        id,
        // The table is static; its entries are handed out by reference only.
        iana: TlsCipherSuite::from_id(id).map_or("", |of| of.name),
        openssl: OPENSSL
            .binary_search_by_key(&id, |&(id, _)| id)
            .ok()
            .map(|at| OPENSSL[at].1),
        bits,
    }
}

/// GnuTLS's own names, as Exim writes them: `ECDHE_RSA_AES_256_GCM_SHA384`, `RSA_ARCFOUR_MD5`, `RSA_AES_256_CBC_SHA1`.
fn from_gnutls(name: &str) -> Option<String> {
    const EXCHANGES: [&str; 8] = [
        "ECDHE_RSA_",
        "ECDHE_ECDSA_",
        "DHE_RSA_",
        "DHE_DSS_",
        "DH_ANON_",
        "ECDH_ANON_",
        "PSK_",
        "RSA_",
    ];
    let exchange = EXCHANGES
        .iter()
        .find(|exchange| name.starts_with(**exchange))?;
    let bulk = name[exchange.len()..].replace("ARCFOUR_128", "RC4_128");
    let bulk = bulk.replace("ARCFOUR", "RC4_128");
    let bulk = bulk
        .strip_suffix("_SHA1")
        .map_or(bulk.clone(), |start| format!("{start}_SHA"));
    let exchange = exchange.trim_end_matches('_').replace("ANON", "anon");
    Some(format!("TLS_{exchange}_WITH_{bulk}"))
}

/// GnuTLS 3.6 and later: key exchange and group, signature, cipher, MAC, parted by two underscores.
fn from_gnutls_long(name: &str) -> Option<String> {
    let mut parts = name.split("__");
    let (exchange, second, rest) = (parts.next()?, parts.next()?, parts.collect::<Vec<_>>());
    let (authentication, bulk) = match rest.split_first() {
        Some((cipher, mac)) => (second, join(cipher, mac)),
        None => ("RSA", second.to_owned()),
    };
    let bulk = bulk.replace("3DES_CBC", "3DES_EDE_CBC");
    let bulk = bulk.replace("ARCFOUR_128", "RC4_128");
    let bulk = match bulk.as_str() {
        "AES_256_GCM" | "CAMELLIA_256_GCM" => format!("{bulk}_SHA384"),
        "AES_128_GCM" | "CAMELLIA_128_GCM" | "CHACHA20_POLY1305" => format!("{bulk}_SHA256"),
        other => other
            .strip_suffix("_SHA1")
            .map_or(other.to_owned(), |start| format!("{start}_SHA")),
    };
    let authentication = if authentication.starts_with("EC") || authentication.starts_with("ED") {
        "ECDSA"
    } else {
        "RSA"
    };
    let exchange = match exchange.split('_').next()? {
        "ECDHE" => format!("ECDHE_{authentication}"),
        "DHE" => format!("DHE_{authentication}"),
        "RSA" => "RSA".to_owned(),
        _ => return None,
    };
    Some(format!("TLS_{exchange}_WITH_{bulk}"))
}

fn join(cipher: &str, mac: &[&str]) -> String {
    std::iter::once(&cipher)
        .chain(mac)
        .copied()
        .collect::<Vec<_>>()
        .join("_")
}

/// Every name of the registry and of OpenSSL.
static NAMES: LazyLock<HashMap<&'static str, u16>> = LazyLock::new(|| {
    let registered = CIPHERS.values().map(|suite| (suite.name, suite.id.0));
    // OpenSSL 1.1 and later call these two otherwise than 1.0 did.
    let renamed = [
        ("DHE-RSA-DES-CBC3-SHA", 0x0016),
        ("DHE-DSS-DES-CBC3-SHA", 0x0013),
    ];
    registered
        .chain(OPENSSL.iter().map(|&(id, name)| (name, id)))
        .chain(renamed)
        .collect()
});

/// OpenSSL's names by number, 1.0.2's where a later release has another.
#[rustfmt::skip]
const OPENSSL: &[(u16, &str)] = &[
    (0x0001, "NULL-MD5"),
    (0x0002, "NULL-SHA"),
    (0x0003, "EXP-RC4-MD5"),
    (0x0004, "RC4-MD5"),
    (0x0005, "RC4-SHA"),
    (0x0006, "EXP-RC2-CBC-MD5"),
    (0x0007, "IDEA-CBC-SHA"),
    (0x0008, "EXP-DES-CBC-SHA"),
    (0x0009, "DES-CBC-SHA"),
    (0x000A, "DES-CBC3-SHA"),
    (0x000B, "EXP-DH-DSS-DES-CBC-SHA"),
    (0x000C, "DH-DSS-DES-CBC-SHA"),
    (0x000D, "DH-DSS-DES-CBC3-SHA"),
    (0x000E, "EXP-DH-RSA-DES-CBC-SHA"),
    (0x000F, "DH-RSA-DES-CBC-SHA"),
    (0x0010, "DH-RSA-DES-CBC3-SHA"),
    (0x0011, "EXP-EDH-DSS-DES-CBC-SHA"),
    (0x0012, "EDH-DSS-DES-CBC-SHA"),
    (0x0013, "EDH-DSS-DES-CBC3-SHA"),
    (0x0014, "EXP-EDH-RSA-DES-CBC-SHA"),
    (0x0015, "EDH-RSA-DES-CBC-SHA"),
    (0x0016, "EDH-RSA-DES-CBC3-SHA"),
    (0x0017, "EXP-ADH-RC4-MD5"),
    (0x0018, "ADH-RC4-MD5"),
    (0x0019, "EXP-ADH-DES-CBC-SHA"),
    (0x001A, "ADH-DES-CBC-SHA"),
    (0x001B, "ADH-DES-CBC3-SHA"),
    (0x002C, "PSK-NULL-SHA"),
    (0x002D, "DHE-PSK-NULL-SHA"),
    (0x002E, "RSA-PSK-NULL-SHA"),
    (0x002F, "AES128-SHA"),
    (0x0030, "DH-DSS-AES128-SHA"),
    (0x0031, "DH-RSA-AES128-SHA"),
    (0x0032, "DHE-DSS-AES128-SHA"),
    (0x0033, "DHE-RSA-AES128-SHA"),
    (0x0034, "ADH-AES128-SHA"),
    (0x0035, "AES256-SHA"),
    (0x0036, "DH-DSS-AES256-SHA"),
    (0x0037, "DH-RSA-AES256-SHA"),
    (0x0038, "DHE-DSS-AES256-SHA"),
    (0x0039, "DHE-RSA-AES256-SHA"),
    (0x003A, "ADH-AES256-SHA"),
    (0x003B, "NULL-SHA256"),
    (0x003C, "AES128-SHA256"),
    (0x003D, "AES256-SHA256"),
    (0x003E, "DH-DSS-AES128-SHA256"),
    (0x003F, "DH-RSA-AES128-SHA256"),
    (0x0040, "DHE-DSS-AES128-SHA256"),
    (0x0041, "CAMELLIA128-SHA"),
    (0x0042, "DH-DSS-CAMELLIA128-SHA"),
    (0x0043, "DH-RSA-CAMELLIA128-SHA"),
    (0x0044, "DHE-DSS-CAMELLIA128-SHA"),
    (0x0045, "DHE-RSA-CAMELLIA128-SHA"),
    (0x0046, "ADH-CAMELLIA128-SHA"),
    (0x0060, "EXP1024-RC4-MD5"),
    (0x0061, "EXP1024-RC2-CBC-MD5"),
    (0x0062, "EXP1024-DES-CBC-SHA"),
    (0x0063, "EXP1024-DHE-DSS-DES-CBC-SHA"),
    (0x0064, "EXP1024-RC4-SHA"),
    (0x0065, "EXP1024-DHE-DSS-RC4-SHA"),
    (0x0066, "DHE-DSS-RC4-SHA"),
    (0x0067, "DHE-RSA-AES128-SHA256"),
    (0x0068, "DH-DSS-AES256-SHA256"),
    (0x0069, "DH-RSA-AES256-SHA256"),
    (0x006A, "DHE-DSS-AES256-SHA256"),
    (0x006B, "DHE-RSA-AES256-SHA256"),
    (0x006C, "ADH-AES128-SHA256"),
    (0x006D, "ADH-AES256-SHA256"),
    (0x0084, "CAMELLIA256-SHA"),
    (0x0085, "DH-DSS-CAMELLIA256-SHA"),
    (0x0086, "DH-RSA-CAMELLIA256-SHA"),
    (0x0087, "DHE-DSS-CAMELLIA256-SHA"),
    (0x0088, "DHE-RSA-CAMELLIA256-SHA"),
    (0x0089, "ADH-CAMELLIA256-SHA"),
    (0x008A, "PSK-RC4-SHA"),
    (0x008B, "PSK-3DES-EDE-CBC-SHA"),
    (0x008C, "PSK-AES128-CBC-SHA"),
    (0x008D, "PSK-AES256-CBC-SHA"),
    (0x008E, "DHE-PSK-RC4-SHA"),
    (0x008F, "DHE-PSK-3DES-EDE-CBC-SHA"),
    (0x0090, "DHE-PSK-AES128-CBC-SHA"),
    (0x0091, "DHE-PSK-AES256-CBC-SHA"),
    (0x0092, "RSA-PSK-RC4-SHA"),
    (0x0093, "RSA-PSK-3DES-EDE-CBC-SHA"),
    (0x0094, "RSA-PSK-AES128-CBC-SHA"),
    (0x0095, "RSA-PSK-AES256-CBC-SHA"),
    (0x0096, "SEED-SHA"),
    (0x0097, "DH-DSS-SEED-SHA"),
    (0x0098, "DH-RSA-SEED-SHA"),
    (0x0099, "DHE-DSS-SEED-SHA"),
    (0x009A, "DHE-RSA-SEED-SHA"),
    (0x009B, "ADH-SEED-SHA"),
    (0x009C, "AES128-GCM-SHA256"),
    (0x009D, "AES256-GCM-SHA384"),
    (0x009E, "DHE-RSA-AES128-GCM-SHA256"),
    (0x009F, "DHE-RSA-AES256-GCM-SHA384"),
    (0x00A0, "DH-RSA-AES128-GCM-SHA256"),
    (0x00A1, "DH-RSA-AES256-GCM-SHA384"),
    (0x00A2, "DHE-DSS-AES128-GCM-SHA256"),
    (0x00A3, "DHE-DSS-AES256-GCM-SHA384"),
    (0x00A4, "DH-DSS-AES128-GCM-SHA256"),
    (0x00A5, "DH-DSS-AES256-GCM-SHA384"),
    (0x00A6, "ADH-AES128-GCM-SHA256"),
    (0x00A7, "ADH-AES256-GCM-SHA384"),
    (0x00A8, "PSK-AES128-GCM-SHA256"),
    (0x00A9, "PSK-AES256-GCM-SHA384"),
    (0x00AA, "DHE-PSK-AES128-GCM-SHA256"),
    (0x00AB, "DHE-PSK-AES256-GCM-SHA384"),
    (0x00AC, "RSA-PSK-AES128-GCM-SHA256"),
    (0x00AD, "RSA-PSK-AES256-GCM-SHA384"),
    (0x00AE, "PSK-AES128-CBC-SHA256"),
    (0x00AF, "PSK-AES256-CBC-SHA384"),
    (0x00B0, "PSK-NULL-SHA256"),
    (0x00B1, "PSK-NULL-SHA384"),
    (0x00B2, "DHE-PSK-AES128-CBC-SHA256"),
    (0x00B3, "DHE-PSK-AES256-CBC-SHA384"),
    (0x00B4, "DHE-PSK-NULL-SHA256"),
    (0x00B5, "DHE-PSK-NULL-SHA384"),
    (0x00B6, "RSA-PSK-AES128-CBC-SHA256"),
    (0x00B7, "RSA-PSK-AES256-CBC-SHA384"),
    (0x00B8, "RSA-PSK-NULL-SHA256"),
    (0x00B9, "RSA-PSK-NULL-SHA384"),
    (0x00BA, "CAMELLIA128-SHA256"),
    (0x00BD, "DHE-DSS-CAMELLIA128-SHA256"),
    (0x00BE, "DHE-RSA-CAMELLIA128-SHA256"),
    (0x00BF, "ADH-CAMELLIA128-SHA256"),
    (0x00C0, "CAMELLIA256-SHA256"),
    (0x00C3, "DHE-DSS-CAMELLIA256-SHA256"),
    (0x00C4, "DHE-RSA-CAMELLIA256-SHA256"),
    (0x00C5, "ADH-CAMELLIA256-SHA256"),
    (0x1301, "TLS_AES_128_GCM_SHA256"),
    (0x1302, "TLS_AES_256_GCM_SHA384"),
    (0x1303, "TLS_CHACHA20_POLY1305_SHA256"),
    (0x1304, "TLS_AES_128_CCM_SHA256"),
    (0x1305, "TLS_AES_128_CCM_8_SHA256"),
    (0xC001, "ECDH-ECDSA-NULL-SHA"),
    (0xC002, "ECDH-ECDSA-RC4-SHA"),
    (0xC003, "ECDH-ECDSA-DES-CBC3-SHA"),
    (0xC004, "ECDH-ECDSA-AES128-SHA"),
    (0xC005, "ECDH-ECDSA-AES256-SHA"),
    (0xC006, "ECDHE-ECDSA-NULL-SHA"),
    (0xC007, "ECDHE-ECDSA-RC4-SHA"),
    (0xC008, "ECDHE-ECDSA-DES-CBC3-SHA"),
    (0xC009, "ECDHE-ECDSA-AES128-SHA"),
    (0xC00A, "ECDHE-ECDSA-AES256-SHA"),
    (0xC00B, "ECDH-RSA-NULL-SHA"),
    (0xC00C, "ECDH-RSA-RC4-SHA"),
    (0xC00D, "ECDH-RSA-DES-CBC3-SHA"),
    (0xC00E, "ECDH-RSA-AES128-SHA"),
    (0xC00F, "ECDH-RSA-AES256-SHA"),
    (0xC010, "ECDHE-RSA-NULL-SHA"),
    (0xC011, "ECDHE-RSA-RC4-SHA"),
    (0xC012, "ECDHE-RSA-DES-CBC3-SHA"),
    (0xC013, "ECDHE-RSA-AES128-SHA"),
    (0xC014, "ECDHE-RSA-AES256-SHA"),
    (0xC015, "AECDH-NULL-SHA"),
    (0xC016, "AECDH-RC4-SHA"),
    (0xC017, "AECDH-DES-CBC3-SHA"),
    (0xC018, "AECDH-AES128-SHA"),
    (0xC019, "AECDH-AES256-SHA"),
    (0xC01D, "SRP-AES-128-CBC-SHA"),
    (0xC01E, "SRP-RSA-AES-128-CBC-SHA"),
    (0xC01F, "SRP-DSS-AES-128-CBC-SHA"),
    (0xC020, "SRP-AES-256-CBC-SHA"),
    (0xC021, "SRP-RSA-AES-256-CBC-SHA"),
    (0xC022, "SRP-DSS-AES-256-CBC-SHA"),
    (0xC023, "ECDHE-ECDSA-AES128-SHA256"),
    (0xC024, "ECDHE-ECDSA-AES256-SHA384"),
    (0xC025, "ECDH-ECDSA-AES128-SHA256"),
    (0xC026, "ECDH-ECDSA-AES256-SHA384"),
    (0xC027, "ECDHE-RSA-AES128-SHA256"),
    (0xC028, "ECDHE-RSA-AES256-SHA384"),
    (0xC029, "ECDH-RSA-AES128-SHA256"),
    (0xC02A, "ECDH-RSA-AES256-SHA384"),
    (0xC02B, "ECDHE-ECDSA-AES128-GCM-SHA256"),
    (0xC02C, "ECDHE-ECDSA-AES256-GCM-SHA384"),
    (0xC02D, "ECDH-ECDSA-AES128-GCM-SHA256"),
    (0xC02E, "ECDH-ECDSA-AES256-GCM-SHA384"),
    (0xC02F, "ECDHE-RSA-AES128-GCM-SHA256"),
    (0xC030, "ECDHE-RSA-AES256-GCM-SHA384"),
    (0xC031, "ECDH-RSA-AES128-GCM-SHA256"),
    (0xC032, "ECDH-RSA-AES256-GCM-SHA384"),
    (0xC033, "ECDHE-PSK-RC4-SHA"),
    (0xC034, "ECDHE-PSK-3DES-EDE-CBC-SHA"),
    (0xC035, "ECDHE-PSK-AES128-CBC-SHA"),
    (0xC036, "ECDHE-PSK-AES256-CBC-SHA"),
    (0xC037, "ECDHE-PSK-AES128-CBC-SHA256"),
    (0xC038, "ECDHE-PSK-AES256-CBC-SHA384"),
    (0xC039, "ECDHE-PSK-NULL-SHA"),
    (0xC03A, "ECDHE-PSK-NULL-SHA256"),
    (0xC03B, "ECDHE-PSK-NULL-SHA384"),
    (0xC050, "ARIA128-GCM-SHA256"),
    (0xC051, "ARIA256-GCM-SHA384"),
    (0xC052, "DHE-RSA-ARIA128-GCM-SHA256"),
    (0xC053, "DHE-RSA-ARIA256-GCM-SHA384"),
    (0xC056, "DHE-DSS-ARIA128-GCM-SHA256"),
    (0xC057, "DHE-DSS-ARIA256-GCM-SHA384"),
    (0xC05C, "ECDHE-ECDSA-ARIA128-GCM-SHA256"),
    (0xC05D, "ECDHE-ECDSA-ARIA256-GCM-SHA384"),
    (0xC060, "ECDHE-ARIA128-GCM-SHA256"),
    (0xC061, "ECDHE-ARIA256-GCM-SHA384"),
    (0xC06A, "PSK-ARIA128-GCM-SHA256"),
    (0xC06B, "PSK-ARIA256-GCM-SHA384"),
    (0xC06C, "DHE-PSK-ARIA128-GCM-SHA256"),
    (0xC06D, "DHE-PSK-ARIA256-GCM-SHA384"),
    (0xC06E, "RSA-PSK-ARIA128-GCM-SHA256"),
    (0xC06F, "RSA-PSK-ARIA256-GCM-SHA384"),
    (0xC072, "ECDHE-ECDSA-CAMELLIA128-SHA256"),
    (0xC073, "ECDHE-ECDSA-CAMELLIA256-SHA384"),
    (0xC076, "ECDHE-RSA-CAMELLIA128-SHA256"),
    (0xC077, "ECDHE-RSA-CAMELLIA256-SHA384"),
    (0xC094, "PSK-CAMELLIA128-SHA256"),
    (0xC095, "PSK-CAMELLIA256-SHA384"),
    (0xC096, "DHE-PSK-CAMELLIA128-SHA256"),
    (0xC097, "DHE-PSK-CAMELLIA256-SHA384"),
    (0xC098, "RSA-PSK-CAMELLIA128-SHA256"),
    (0xC099, "RSA-PSK-CAMELLIA256-SHA384"),
    (0xC09A, "ECDHE-PSK-CAMELLIA128-SHA256"),
    (0xC09B, "ECDHE-PSK-CAMELLIA256-SHA384"),
    (0xC09C, "AES128-CCM"),
    (0xC09D, "AES256-CCM"),
    (0xC09E, "DHE-RSA-AES128-CCM"),
    (0xC09F, "DHE-RSA-AES256-CCM"),
    (0xC0A0, "AES128-CCM8"),
    (0xC0A1, "AES256-CCM8"),
    (0xC0A2, "DHE-RSA-AES128-CCM8"),
    (0xC0A3, "DHE-RSA-AES256-CCM8"),
    (0xC0A4, "PSK-AES128-CCM"),
    (0xC0A5, "PSK-AES256-CCM"),
    (0xC0A6, "DHE-PSK-AES128-CCM"),
    (0xC0A7, "DHE-PSK-AES256-CCM"),
    (0xC0A8, "PSK-AES128-CCM8"),
    (0xC0A9, "PSK-AES256-CCM8"),
    (0xC0AA, "DHE-PSK-AES128-CCM8"),
    (0xC0AB, "DHE-PSK-AES256-CCM8"),
    (0xC0AC, "ECDHE-ECDSA-AES128-CCM"),
    (0xC0AD, "ECDHE-ECDSA-AES256-CCM"),
    (0xC0AE, "ECDHE-ECDSA-AES128-CCM8"),
    (0xC0AF, "ECDHE-ECDSA-AES256-CCM8"),
    (0xCCA8, "ECDHE-RSA-CHACHA20-POLY1305"),
    (0xCCA9, "ECDHE-ECDSA-CHACHA20-POLY1305"),
    (0xCCAA, "DHE-RSA-CHACHA20-POLY1305"),
    (0xCCAB, "PSK-CHACHA20-POLY1305"),
    (0xCCAC, "ECDHE-PSK-CHACHA20-POLY1305"),
    (0xCCAD, "DHE-PSK-CHACHA20-POLY1305"),
    (0xCCAE, "RSA-PSK-CHACHA20-POLY1305"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_leads_to_one_suite() {
        for (name, iana, openssl, bits) in [
            (
                "DHE-RSA-AES128-SHA",
                "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
                "DHE-RSA-AES128-SHA",
                128,
            ),
            (
                "ECDHE-RSA-RC4-SHA",
                "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
                "ECDHE-RSA-RC4-SHA",
                128,
            ),
            (
                "DHE-RSA-DES-CBC3-SHA",
                "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA",
                "EDH-RSA-DES-CBC3-SHA",
                168,
            ),
            (
                "ECDHE_RSA_AES_256_GCM_SHA384",
                "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
                "ECDHE-RSA-AES256-GCM-SHA384",
                256,
            ),
            (
                "RSA_AES_256_CBC_SHA",
                "TLS_RSA_WITH_AES_256_CBC_SHA",
                "AES256-SHA",
                256,
            ),
            (
                "RSA_ARCFOUR_MD5",
                "TLS_RSA_WITH_RC4_128_MD5",
                "RC4-MD5",
                128,
            ),
            (
                "DHE_RSA_AES_128_CBC_SHA1",
                "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
                "DHE-RSA-AES128-SHA",
                128,
            ),
            (
                "ECDHE_SECP256R1__RSA_SHA256__AES_256_GCM",
                "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
                "ECDHE-RSA-AES256-GCM-SHA384",
                256,
            ),
            (
                "ECDHE_X25519__ECDSA_SECP256R1_SHA256__AES_128_CBC__SHA1",
                "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
                "ECDHE-ECDSA-AES128-SHA",
                128,
            ),
            (
                "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384_P384",
                "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
                "ECDHE-RSA-AES256-SHA384",
                256,
            ),
            (
                "TLS13_AES_256_GCM_SHA384",
                "TLS_AES_256_GCM_SHA384",
                "TLS_AES_256_GCM_SHA384",
                256,
            ),
            (
                "EXP-RC4-MD5",
                "TLS_RSA_EXPORT_WITH_RC4_40_MD5",
                "EXP-RC4-MD5",
                40,
            ),
            ("NULL-SHA", "TLS_RSA_WITH_NULL_SHA", "NULL-SHA", 0),
        ] {
            let suite = by_name(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(
                (suite.iana, suite.openssl, suite.bits),
                (iana, Some(openssl), bits),
                "{name}"
            );
        }
        assert_eq!(by_name("AES-256-GCM"), None);
        assert_eq!(by_name("A_B"), None);
        assert_eq!(by_name("__"), None);
    }

    #[test]
    fn openssl_names_are_sorted_and_each_is_of_a_registered_suite() {
        assert!(OPENSSL.is_sorted_by_key(|&(id, _)| id));
        for &(id, name) in OPENSSL {
            let suite = by_id(id).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(by_name(name), Some(suite));
            assert_eq!(by_name(suite.iana), Some(suite));
        }
    }
}
