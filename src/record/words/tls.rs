//! What is told of TLS: versions, groups, signature schemes, alerts, oddities.

use super::vocabulary;

vocabulary! {
    /// A version of TLS or SSL, oldest first; another number is written `0x0305`.
    registry TlsVersion(u16, "0x{:04X}") {
        /// SSL 2.0, forbidden (RFC 6176).
        Ssl2 = "SSLv2" 0x0002,
        /// SSL 3.0, forbidden (RFC 7568).
        Ssl3 = "SSLv3" 0x0300,
        /// TLS 1.0, deprecated (RFC 8996).
        Tls10 = "TLSv1" 0x0301,
        /// TLS 1.1, deprecated (RFC 8996).
        Tls11 = "TLSv1.1" 0x0302,
        /// TLS 1.2 (RFC 5246).
        Tls12 = "TLSv1.2" 0x0303,
        /// TLS 1.3 (RFC 8446).
        Tls13 = "TLSv1.3" 0x0304,
    }
}

vocabulary! {
    /// A key-exchange group by its IANA name ("TLS Supported Groups"), or its number.
    registry NamedGroup(u16, "0x{:04X}") {
        /// A binary Koblitz curve of 163 bits, no longer to be used (RFC 8422).
        Sect163k1 = "sect163k1" 1,
        /// A binary curve of 163 bits, no longer to be used (RFC 8422).
        Sect163r1 = "sect163r1" 2,
        /// A binary curve of 163 bits, no longer to be used (RFC 8422).
        Sect163r2 = "sect163r2" 3,
        /// A binary curve of 193 bits, no longer to be used (RFC 8422).
        Sect193r1 = "sect193r1" 4,
        /// A binary curve of 193 bits, no longer to be used (RFC 8422).
        Sect193r2 = "sect193r2" 5,
        /// A binary Koblitz curve of 233 bits, no longer to be used (RFC 8422).
        Sect233k1 = "sect233k1" 6,
        /// A binary curve of 233 bits, no longer to be used (RFC 8422).
        Sect233r1 = "sect233r1" 7,
        /// A binary Koblitz curve of 239 bits, no longer to be used (RFC 8422).
        Sect239k1 = "sect239k1" 8,
        /// A binary Koblitz curve of 283 bits, no longer to be used (RFC 8422).
        Sect283k1 = "sect283k1" 9,
        /// A binary curve of 283 bits, no longer to be used (RFC 8422).
        Sect283r1 = "sect283r1" 10,
        /// A binary Koblitz curve of 409 bits, no longer to be used (RFC 8422).
        Sect409k1 = "sect409k1" 11,
        /// A binary curve of 409 bits, no longer to be used (RFC 8422).
        Sect409r1 = "sect409r1" 12,
        /// A binary Koblitz curve of 571 bits, no longer to be used (RFC 8422).
        Sect571k1 = "sect571k1" 13,
        /// A binary curve of 571 bits, no longer to be used (RFC 8422).
        Sect571r1 = "sect571r1" 14,
        /// A Koblitz curve of 160 bits, no longer to be used (RFC 8422).
        Secp160k1 = "secp160k1" 15,
        /// A prime curve of 160 bits, no longer to be used (RFC 8422).
        Secp160r1 = "secp160r1" 16,
        /// A prime curve of 160 bits, no longer to be used (RFC 8422).
        Secp160r2 = "secp160r2" 17,
        /// A Koblitz curve of 192 bits, no longer to be used (RFC 8422).
        Secp192k1 = "secp192k1" 18,
        /// A prime curve of 192 bits, no longer to be used (RFC 8422).
        Secp192r1 = "secp192r1" 19,
        /// A Koblitz curve of 224 bits, no longer to be used (RFC 8422).
        Secp224k1 = "secp224k1" 20,
        /// A prime curve of 224 bits, no longer to be used (RFC 8422).
        Secp224r1 = "secp224r1" 21,
        /// A Koblitz curve of 256 bits, that of Bitcoin, no longer to be used (RFC 8422).
        Secp256k1 = "secp256k1" 22,
        /// NIST P-256.
        Secp256r1 = "secp256r1" 23,
        /// NIST P-384.
        Secp384r1 = "secp384r1" 24,
        /// NIST P-521.
        Secp521r1 = "secp521r1" 25,
        /// Brainpool's curve of 256 bits (RFC 7027).
        BrainpoolP256r1 = "brainpoolP256r1" 26,
        /// Brainpool's curve of 384 bits (RFC 7027).
        BrainpoolP384r1 = "brainpoolP384r1" 27,
        /// Brainpool's curve of 512 bits (RFC 7027).
        BrainpoolP512r1 = "brainpoolP512r1" 28,
        /// Curve25519 (RFC 7748).
        X25519 = "x25519" 29,
        /// Curve448 (RFC 7748).
        X448 = "x448" 30,
        /// Brainpool's curve of 256 bits, as TLS 1.3 numbers it (RFC 8734).
        BrainpoolP256r1tls13 = "brainpoolP256r1tls13" 31,
        /// Brainpool's curve of 384 bits, as TLS 1.3 numbers it (RFC 8734).
        BrainpoolP384r1tls13 = "brainpoolP384r1tls13" 32,
        /// Brainpool's curve of 512 bits, as TLS 1.3 numbers it (RFC 8734).
        BrainpoolP512r1tls13 = "brainpoolP512r1tls13" 33,
        /// Finite-field Diffie-Hellman of 2048 bits (RFC 7919).
        Ffdhe2048 = "ffdhe2048" 256,
        /// Finite-field Diffie-Hellman of 3072 bits (RFC 7919).
        Ffdhe3072 = "ffdhe3072" 257,
        /// Finite-field Diffie-Hellman of 4096 bits (RFC 7919).
        Ffdhe4096 = "ffdhe4096" 258,
        /// Finite-field Diffie-Hellman of 6144 bits (RFC 7919).
        Ffdhe6144 = "ffdhe6144" 259,
        /// Finite-field Diffie-Hellman of 8192 bits (RFC 7919).
        Ffdhe8192 = "ffdhe8192" 260,
        /// ML-KEM-512 alone: post-quantum (FIPS 203).
        MLKEM512 = "MLKEM512" 512,
        /// ML-KEM-768 alone: post-quantum (FIPS 203).
        MLKEM768 = "MLKEM768" 513,
        /// ML-KEM-1024 alone: post-quantum (FIPS 203).
        MLKEM1024 = "MLKEM1024" 514,
        /// NIST P-256 with ML-KEM-768: post-quantum.
        SecP256r1MLKEM768 = "SecP256r1MLKEM768" 4587,
        /// Curve25519 with ML-KEM-768: post-quantum, what browsers offer today.
        X25519MLKEM768 = "X25519MLKEM768" 4588,
        /// NIST P-384 with ML-KEM-1024: post-quantum.
        SecP384r1MLKEM1024 = "SecP384r1MLKEM1024" 4589,
        /// Curve25519 with a draft of ML-KEM-768, of browsers in 2023 and 2024.
        X25519Kyber768Draft00 = "X25519Kyber768Draft00" 25497,
    }
}

vocabulary! {
    /// A signature scheme by its IANA name ("TLS SignatureScheme"), or its number.
    registry SignatureScheme(u16, "0x{:04X}") {
        /// RSA of PKCS #1 1.5 with MD5.
        RsaMd5 = "rsa_md5" 0x0101,
        /// RSA of PKCS #1 1.5 with SHA-1.
        RsaPkcs1Sha1 = "rsa_pkcs1_sha1" 0x0201,
        /// DSA with SHA-1.
        DsaSha1 = "dsa_sha1" 0x0202,
        /// ECDSA with SHA-1.
        EcdsaSha1 = "ecdsa_sha1" 0x0203,
        /// RSA of PKCS #1 1.5 with SHA-224.
        RsaPkcs1Sha224 = "rsa_pkcs1_sha224" 0x0301,
        /// ECDSA with SHA-224.
        EcdsaSha224 = "ecdsa_sha224" 0x0303,
        /// RSA of PKCS #1 1.5 with SHA-256.
        RsaPkcs1Sha256 = "rsa_pkcs1_sha256" 0x0401,
        /// DSA with SHA-256.
        DsaSha256 = "dsa_sha256" 0x0402,
        /// ECDSA on P-256 with SHA-256.
        EcdsaSecp256r1Sha256 = "ecdsa_secp256r1_sha256" 0x0403,
        /// RSA of PKCS #1 1.5 with SHA-384.
        RsaPkcs1Sha384 = "rsa_pkcs1_sha384" 0x0501,
        /// ECDSA on P-384 with SHA-384.
        EcdsaSecp384r1Sha384 = "ecdsa_secp384r1_sha384" 0x0503,
        /// RSA of PKCS #1 1.5 with SHA-512.
        RsaPkcs1Sha512 = "rsa_pkcs1_sha512" 0x0601,
        /// ECDSA on P-521 with SHA-512.
        EcdsaSecp521r1Sha512 = "ecdsa_secp521r1_sha512" 0x0603,
        /// RSASSA-PSS with SHA-256, by an RSA key of any use.
        RsaPssRsaeSha256 = "rsa_pss_rsae_sha256" 0x0804,
        /// RSASSA-PSS with SHA-384, by an RSA key of any use.
        RsaPssRsaeSha384 = "rsa_pss_rsae_sha384" 0x0805,
        /// RSASSA-PSS with SHA-512, by an RSA key of any use.
        RsaPssRsaeSha512 = "rsa_pss_rsae_sha512" 0x0806,
        /// EdDSA on Curve25519 (RFC 8032).
        Ed25519 = "ed25519" 0x0807,
        /// EdDSA on Curve448 (RFC 8032).
        Ed448 = "ed448" 0x0808,
        /// RSASSA-PSS with SHA-256, by a key for PSS alone.
        RsaPssPssSha256 = "rsa_pss_pss_sha256" 0x0809,
        /// RSASSA-PSS with SHA-384, by a key for PSS alone.
        RsaPssPssSha384 = "rsa_pss_pss_sha384" 0x080a,
        /// RSASSA-PSS with SHA-512, by a key for PSS alone.
        RsaPssPssSha512 = "rsa_pss_pss_sha512" 0x080b,
        /// ML-DSA-44: post-quantum (FIPS 204).
        Mldsa44 = "mldsa44" 0x0904,
        /// ML-DSA-65: post-quantum (FIPS 204).
        Mldsa65 = "mldsa65" 0x0905,
        /// ML-DSA-87: post-quantum (FIPS 204).
        Mldsa87 = "mldsa87" 0x0906,
    }
}

vocabulary! {
    /// How grave an alert is (RFC 8446 §6).
    registry AlertLevel(u8, "{}") {
        /// The connection may go on.
        Warning = "warning" 1,
        /// The connection is over.
        Fatal = "fatal" 2,
    }
}

vocabulary! {
    /// What an alert says, by its IANA name (RFC 8446 §6, older ones by RFC 5246 §7.2 and RFC 6101 §5.4), or its number.
    registry AlertDescription(u8, "{}") {
        /// The connection is closed in order.
        CloseNotify = "close_notify" 0,
        /// A message that has no place here.
        UnexpectedMessage = "unexpected_message" 10,
        /// A record that does not decrypt.
        BadRecordMac = "bad_record_mac" 20,
        /// A record that does not decrypt, as TLS 1.0 says it.
        DecryptionFailed = "decryption_failed" 21,
        /// A record that is too long.
        RecordOverflow = "record_overflow" 22,
        /// A record that does not decompress.
        DecompressionFailure = "decompression_failure" 30,
        /// Nothing in common to agree on.
        HandshakeFailure = "handshake_failure" 40,
        /// There is no certificate to send (SSLv3).
        NoCertificate = "no_certificate" 41,
        /// A certificate that cannot be read or whose signature is wrong.
        BadCertificate = "bad_certificate" 42,
        /// A certificate of a kind that is not supported.
        UnsupportedCertificate = "unsupported_certificate" 43,
        /// A certificate that was revoked.
        CertificateRevoked = "certificate_revoked" 44,
        /// A certificate that has expired.
        CertificateExpired = "certificate_expired" 45,
        /// Something else is wrong with a certificate.
        CertificateUnknown = "certificate_unknown" 46,
        /// A field with a value that is not allowed.
        IllegalParameter = "illegal_parameter" 47,
        /// A certificate of an issuer that is not known.
        UnknownCa = "unknown_ca" 48,
        /// A good certificate, and no access by it.
        AccessDenied = "access_denied" 49,
        /// A message that cannot be read.
        DecodeError = "decode_error" 50,
        /// A signature or a proof that does not hold.
        DecryptError = "decrypt_error" 51,
        /// An export rule was broken (TLS 1.0).
        ExportRestriction = "export_restriction" 60,
        /// No version in common.
        ProtocolVersion = "protocol_version" 70,
        /// Nothing in common that is strong enough.
        InsufficientSecurity = "insufficient_security" 71,
        /// An error of the server, which says nothing of the offer.
        InternalError = "internal_error" 80,
        /// The version was lowered without need (RFC 7507).
        InappropriateFallback = "inappropriate_fallback" 86,
        /// Somebody cancelled the handshake.
        UserCanceled = "user_canceled" 90,
        /// No new handshake inside this one.
        NoRenegotiation = "no_renegotiation" 100,
        /// An extension that has to be there is not.
        MissingExtension = "missing_extension" 109,
        /// An extension that was not offered.
        UnsupportedExtension = "unsupported_extension" 110,
        /// A certificate could not be fetched (RFC 6066).
        CertificateUnobtainable = "certificate_unobtainable" 111,
        /// No server has the name that was asked for (RFC 6066).
        UnrecognizedName = "unrecognized_name" 112,
        /// An OCSP response that is wrong (RFC 6066).
        BadCertificateStatusResponse = "bad_certificate_status_response" 113,
        /// A shared key that is not known (RFC 4279).
        UnknownPskIdentity = "unknown_psk_identity" 115,
        /// A client certificate is required.
        CertificateRequired = "certificate_required" 116,
        /// No application protocol in common (RFC 7301).
        NoApplicationProtocol = "no_application_protocol" 120,
    }
}

vocabulary! {
    /// What was odd about a server under STARTTLS.
    TlsOddity {
        /// A chain beyond the bounds on what is read.
        ChainBounded = "chain_bounded",
        /// Bytes came in clear behind the 220, and then TLS: a sign of response injection.
        Injected = "injected",
        /// It broke at a long hello, and chose from a short one what the long one offered as well.
        LengthIntolerant = "length_intolerant",
        /// Plain text came where TLS should begin.
        PlaintextAfterStarttls = "plaintext_after_starttls",
        /// It speaks TLS 1.2, and broke when that was offered beside TLS 1.3; said up to version 0.1, which did not tell it
        /// from `length_intolerant`.
        VersionIntolerant = "version_intolerant",
    }
}

vocabulary! {
    /// The key of a certificate, as far as servers that have several choose by it.
    LeafKey {
        /// DSA.
        Dsa = "dsa",
        /// An elliptic curve.
        Ec = "ec",
        /// EdDSA on Curve25519.
        Ed25519 = "ed25519",
        /// EdDSA on Curve448.
        Ed448 = "ed448",
        /// RSA.
        Rsa = "rsa",
        /// Another algorithm.
        Unusual = "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_listed_sorted_are_declared_sorted() {
        assert!(TlsOddity::WORDS.is_sorted());
    }

    #[test]
    fn versions_and_groups_are_numbers_with_names() {
        for version in TlsVersion::ALL {
            let number = version.number().unwrap();
            assert_eq!(&TlsVersion::from_number(number), version);
        }
        assert_eq!(TlsVersion::from_number(0x0305).word(), "0x0305");
        assert_eq!(NamedGroup::from_number(0x0a0a).word(), "0x0A0A");
        assert_eq!(AlertDescription::from_number(200).word(), "200");
        assert!(TlsVersion::Ssl3 < TlsVersion::Tls10);
    }
}
