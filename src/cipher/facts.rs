//! What a cipher suite is made of, by its number: the columns of tls-parser's table of the registry, and the kinds of SSLv2.

use tls_parser::{
    TlsCipherAu, TlsCipherEnc, TlsCipherEncMode, TlsCipherKx, TlsCipherMac, TlsCipherSuite,
};

/// The parts of a suite, each a value of its own: nobody has to read them out of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SuiteFacts {
    /// How both sides come to a key.
    pub key_exchange: KeyExchange,
    /// What proves to the client whom it speaks to.
    pub authentication: Authentication,
    /// The cipher of the data.
    pub bulk: BulkCipher,
    /// The mode of a block cipher.
    pub mode: BlockMode,
    /// What protects the data from being changed.
    pub mac: Mac,
    /// Weakened for the export rules of the 1990s (RFC 2246 §A.5, draft-ietf-tls-56-bit-ciphersuites): RSA keys over 512
    /// bits come with a temporary one.
    pub is_export: bool,
}

/// How a suite agrees on a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyExchange {
    /// None: the suite of a connection before its first handshake (RFC 5246 §A.5).
    Null,
    /// The client encrypts the secret to the server's RSA key (RFC 5246 §7.4.7.1), as every kind of SSLv2 does.
    Rsa,
    /// Finite-field Diffie-Hellman with the key of the certificate.
    StaticDh,
    /// Ephemeral or anonymous finite-field Diffie-Hellman: the parameters are sent.
    Dhe,
    /// Elliptic-curve Diffie-Hellman with the key of the certificate.
    StaticEcdh,
    /// Ephemeral or anonymous elliptic-curve Diffie-Hellman: the curve is sent (RFC 8422 §5.4).
    Ecdhe,
    /// A key that both had before, and nothing else (RFC 4279 §2).
    Psk,
    /// A Kerberos ticket (RFC 2712).
    Kerberos,
    /// A password by SRP (RFC 5054).
    Srp,
    /// A password by Dragonfly (RFC 8492).
    Password,
    /// TLS 1.3: in extensions (RFC 8446 §4.2.8).
    Tls13,
}

/// What proves to the client whom it speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// Nothing: no certificate is sent.
    Anonymous,
    /// A certificate.
    Certificate,
    /// A secret that both sides had before: a key, a password or a ticket, with or without a certificate.
    SharedSecret,
    /// TLS 1.3: in extensions (RFC 8446 §4.2.3).
    Tls13,
}

/// The cipher of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkCipher {
    /// None: the data goes in the clear.
    Null,
    /// DES, with a key of 56 bits or of 40.
    Des,
    /// DES three times over.
    TripleDes,
    /// RC2.
    Rc2,
    /// RC4 (RFC 7465).
    Rc4,
    /// IDEA.
    Idea,
    /// SEED.
    Seed,
    /// AES.
    Aes,
    /// Camellia.
    Camellia,
    /// ARIA.
    Aria,
    /// ChaCha20 with Poly1305 (RFC 7905).
    ChaCha20,
    /// SM4 (RFC 8998).
    Sm4,
    /// AEGIS.
    Aegis,
}

/// The mode of a block cipher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockMode {
    /// None: a stream cipher, an AEAD of its own, or no cipher.
    None,
    /// Cipher block chaining.
    Cbc,
    /// Counter with CBC-MAC (RFC 6655).
    Ccm,
    /// Galois/counter mode (RFC 5288).
    Gcm,
}

/// What protects the data from being changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mac {
    /// Nothing.
    Null,
    /// MD5, keyed in the way of its version.
    Md5,
    /// SHA-1, keyed in the way of its version.
    Sha1,
    /// HMAC with a hash of the SHA-2 family.
    Sha2,
    /// The cipher itself.
    Aead,
}

impl SuiteFacts {
    /// Whether what was recorded stays secret once the server's own key is known: the key of the data came from keys that
    /// both sides throw away.
    pub const fn has_forward_secrecy(self) -> bool {
        use KeyExchange::{Dhe, Ecdhe, Tls13};
        matches!(self.key_exchange, Dhe | Ecdhe | Tls13)
    }

    /// Whether no certificate is sent, and none is needed.
    pub const fn is_anonymous(self) -> bool {
        matches!(self.authentication, Authentication::Anonymous)
    }

    /// Whether the cipher works on blocks of 64 bits (SWEET32, CVE-2016-2183), DES included.
    pub const fn has_short_blocks(self) -> bool {
        use BulkCipher::{Des, Idea, Rc2, TripleDes};
        matches!(self.bulk, Des | TripleDes | Rc2 | Idea)
    }

    /// Whether it needs nothing that a stranger cannot have: no shared key, password or ticket.
    pub const fn is_for_strangers(self) -> bool {
        !matches!(self.authentication, Authentication::SharedSecret)
            && !matches!(self.key_exchange, KeyExchange::Null)
    }
}

/// The parts of the suite of a number: 16 bits, or 24 for a kind of SSLv2.
///
/// None where the registry has no such number, and for the two signalling values (RFC 5746 §3.3, RFC 7507), which stand in
/// lists of suites and are none.
///
/// ```
/// use mx_survey::cipher::{self, BulkCipher, KeyExchange};
///
/// let facts = cipher::facts(0xc011).unwrap();
/// assert_eq!((facts.key_exchange, facts.bulk), (KeyExchange::Ecdhe, BulkCipher::Rc4));
/// assert!(facts.has_forward_secrecy() && !facts.is_export);
/// assert_eq!(cipher::facts(0x0a0a), None);
/// ```
pub fn facts(number: u32) -> Option<SuiteFacts> {
    match u16::try_from(number) {
        Ok(0x00ff | 0x5600) => None,
        Ok(id) => TlsCipherSuite::from_id(id).map(registered),
        Err(_) => sslv2(number),
    }
}

fn registered(suite: &TlsCipherSuite) -> SuiteFacts {
    let key_exchange = key_exchange(suite);
    SuiteFacts {
        key_exchange,
        authentication: authentication(suite.au, key_exchange),
        bulk: bulk(suite.enc),
        mode: match suite.enc_mode {
            TlsCipherEncMode::Null => BlockMode::None,
            TlsCipherEncMode::Cbc => BlockMode::Cbc,
            TlsCipherEncMode::Ccm => BlockMode::Ccm,
            TlsCipherEncMode::Gcm => BlockMode::Gcm,
        },
        mac: match suite.mac {
            TlsCipherMac::Null => Mac::Null,
            TlsCipherMac::HmacMd5 => Mac::Md5,
            TlsCipherMac::HmacSha1 => Mac::Sha1,
            TlsCipherMac::HmacSha256 | TlsCipherMac::HmacSha384 | TlsCipherMac::HmacSha512 => {
                Mac::Sha2
            }
            TlsCipherMac::Aead => Mac::Aead,
        },
        is_export: is_export(suite.id.0),
    }
}

fn key_exchange(suite: &TlsCipherSuite) -> KeyExchange {
    // The table has anonymous suites as `DH`; and the two of RFC 6655 that are called TLS_PSK_DHE as authenticated by DHE.
    let is_anonymous = suite.au == TlsCipherAu::Null;
    match suite.kx {
        TlsCipherKx::Null => KeyExchange::Null,
        TlsCipherKx::Psk if suite.au == TlsCipherAu::Dhe => KeyExchange::Dhe,
        TlsCipherKx::Psk => KeyExchange::Psk,
        TlsCipherKx::Krb5 => KeyExchange::Kerberos,
        TlsCipherKx::Srp => KeyExchange::Srp,
        TlsCipherKx::Rsa => KeyExchange::Rsa,
        TlsCipherKx::Dh if is_anonymous => KeyExchange::Dhe,
        TlsCipherKx::Dh => KeyExchange::StaticDh,
        TlsCipherKx::Dhe => KeyExchange::Dhe,
        TlsCipherKx::Ecdh if is_anonymous => KeyExchange::Ecdhe,
        TlsCipherKx::Ecdh => KeyExchange::StaticEcdh,
        TlsCipherKx::Ecdhe | TlsCipherKx::Aecdh => KeyExchange::Ecdhe,
        TlsCipherKx::Eccpwd => KeyExchange::Password,
        TlsCipherKx::Tls13 => KeyExchange::Tls13,
    }
}

fn authentication(au: TlsCipherAu, key_exchange: KeyExchange) -> Authentication {
    use KeyExchange::{Kerberos, Password, Psk, Srp};
    match au {
        _ if matches!(key_exchange, Psk | Kerberos | Srp | Password) => {
            Authentication::SharedSecret
        }
        TlsCipherAu::Null => Authentication::Anonymous,
        TlsCipherAu::Dss | TlsCipherAu::Rsa | TlsCipherAu::Ecdsa => Authentication::Certificate,
        TlsCipherAu::Tls13 => Authentication::Tls13,
        TlsCipherAu::Psk
        | TlsCipherAu::Dhe
        | TlsCipherAu::Krb5
        | TlsCipherAu::Srp
        | TlsCipherAu::Srp_Dss
        | TlsCipherAu::Srp_Rsa
        | TlsCipherAu::Eccpwd => Authentication::SharedSecret,
    }
}

fn bulk(enc: TlsCipherEnc) -> BulkCipher {
    match enc {
        TlsCipherEnc::Null => BulkCipher::Null,
        TlsCipherEnc::Des => BulkCipher::Des,
        TlsCipherEnc::TripleDes => BulkCipher::TripleDes,
        TlsCipherEnc::Rc2 => BulkCipher::Rc2,
        TlsCipherEnc::Rc4 => BulkCipher::Rc4,
        TlsCipherEnc::Aria => BulkCipher::Aria,
        TlsCipherEnc::Idea => BulkCipher::Idea,
        TlsCipherEnc::Seed => BulkCipher::Seed,
        TlsCipherEnc::Aes => BulkCipher::Aes,
        TlsCipherEnc::Camellia => BulkCipher::Camellia,
        TlsCipherEnc::Chacha20_Poly1305 => BulkCipher::ChaCha20,
        TlsCipherEnc::Sm4 => BulkCipher::Sm4,
        TlsCipherEnc::Aegis => BulkCipher::Aegis,
    }
}

/// The export suites: those of RFC 2246 §A.5, of Kerberos (RFC 2712 §3), and the six of 56 bits
/// (draft-ietf-tls-56-bit-ciphersuites-01).
const fn is_export(id: u16) -> bool {
    matches!(
        id,
        0x0003 | 0x0006 | 0x0008 | 0x000b | 0x000e | 0x0011 | 0x0014 | 0x0017 | 0x0019
            | 0x0026..=0x002b
            | 0x0060..=0x0065
    )
}

/// The kinds of SSLv2: all with the server's RSA key and MD5.
fn sslv2(kind: u32) -> Option<SuiteFacts> {
    let (bulk, mode) = match kind {
        0x01_0080 | 0x02_0080 => (BulkCipher::Rc4, BlockMode::None),
        0x03_0080 | 0x04_0080 => (BulkCipher::Rc2, BlockMode::Cbc),
        0x05_0080 => (BulkCipher::Idea, BlockMode::Cbc),
        0x06_0040 => (BulkCipher::Des, BlockMode::Cbc),
        0x07_00c0 => (BulkCipher::TripleDes, BlockMode::Cbc),
        _ => return None,
    };
    Some(SuiteFacts {
        key_exchange: KeyExchange::Rsa,
        authentication: Authentication::Certificate,
        bulk,
        mode,
        mac: Mac::Md5,
        is_export: matches!(kind, 0x02_0080 | 0x04_0080),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tls_parser::CIPHERS;

    /// The names of the registry say the same as the columns of the table and the numbers above.
    #[test]
    fn parts_agree_with_the_names_of_all_registered_suites() {
        let mut compared = 0;
        for suite in CIPHERS.values() {
            let name = suite.name;
            let Some(facts) = facts(u32::from(suite.id.0)) else {
                assert!(name.ends_with("_SCSV"), "{name}");
                continue;
            };
            compared += 1;
            let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
            // RFC 9150: integrity without encryption in TLS 1.3, where names have no WITH.
            let is_null = has(&["_WITH_NULL_", "TLS_SHA256_SHA256", "TLS_SHA384_SHA384"]);
            let told = [
                (facts.bulk == BulkCipher::Null, is_null),
                (facts.is_anonymous(), has(&["_anon_", "_NULL_WITH_"])),
                (facts.is_export, has(&["EXPORT"])),
                (facts.bulk == BulkCipher::Rc4, has(&["RC4_"])),
                (
                    facts.bulk == BulkCipher::Des,
                    has(&["_DES_CBC_", "_DES40_"]),
                ),
                (
                    facts.has_short_blocks(),
                    has(&["DES_", "DES40", "IDEA", "RC2_"]),
                ),
                (facts.mac == Mac::Md5, name.ends_with("_MD5")),
                (
                    facts.mode == BlockMode::Cbc && facts.mac == Mac::Sha1,
                    name.contains("_CBC_") && name.ends_with("_SHA"),
                ),
                (
                    facts.key_exchange == KeyExchange::Rsa,
                    name.starts_with("TLS_RSA_"),
                ),
                (
                    facts.key_exchange == KeyExchange::Dhe,
                    has(&["_DHE_", "_DH_anon_"]),
                ),
                (
                    facts.key_exchange == KeyExchange::Ecdhe,
                    has(&["_ECDHE_", "_ECDH_anon_"]),
                ),
                (
                    facts.key_exchange == KeyExchange::Tls13,
                    !name.contains("_WITH_"),
                ),
                (
                    facts.is_for_strangers(),
                    !has(&["PSK", "KRB5", "SRP", "ECCPWD", "_NULL_WITH_"]),
                ),
            ];
            for (at, (by_number, by_name)) in told.into_iter().enumerate() {
                assert_eq!(by_number, by_name, "{name}, question {at}: {facts:?}");
            }
        }
        assert_eq!(compared, CIPHERS.len() - 2);
    }

    #[test]
    fn numbers_of_no_suite_have_no_parts() {
        for number in [0x00ff, 0x5600, 0x0a0a, 0x01_0000, 0x08_0080, u32::MAX] {
            assert_eq!(facts(number), None, "{number:#x}");
        }
    }
}
