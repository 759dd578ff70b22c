//! What is told of certificates and chains (RFC 5280).

use super::vocabulary;

vocabulary! {
    /// The algorithm of a certificate's key, or its OID.
    open KeyType {
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
    }
}

vocabulary! {
    /// The curve of a certificate's key by its name, or its OID.
    open Curve {
        /// NIST P-192.
        P192 = "P-192",
        /// NIST P-224.
        P224 = "P-224",
        /// NIST P-256.
        P256 = "P-256",
        /// NIST P-384.
        P384 = "P-384",
        /// NIST P-521.
        P521 = "P-521",
        /// The Koblitz curve of 256 bits, that of Bitcoin.
        Secp256k1 = "secp256k1",
        /// Brainpool's curve of 256 bits.
        BrainpoolP256r1 = "brainpoolP256r1",
        /// Brainpool's curve of 384 bits.
        BrainpoolP384r1 = "brainpoolP384r1",
        /// Brainpool's curve of 512 bits.
        BrainpoolP512r1 = "brainpoolP512r1",
    }
}

vocabulary! {
    /// What a certificate is signed with, as RFC 3279, 4055, 5758 and 8410 spell it, or the OID.
    open SignatureAlgorithm {
        /// RSA of PKCS #1 1.5 with MD2.
        RsaMd2 = "md2WithRSAEncryption",
        /// RSA of PKCS #1 1.5 with MD4.
        RsaMd4 = "md4WithRSAEncryption",
        /// RSA of PKCS #1 1.5 with MD5.
        RsaMd5 = "md5WithRSAEncryption",
        /// RSA of PKCS #1 1.5 with SHA-1.
        RsaSha1 = "sha1WithRSAEncryption",
        /// RSA of PKCS #1 1.5 with SHA-224.
        RsaSha224 = "sha224WithRSAEncryption",
        /// RSA of PKCS #1 1.5 with SHA-256.
        RsaSha256 = "sha256WithRSAEncryption",
        /// RSA of PKCS #1 1.5 with SHA-384.
        RsaSha384 = "sha384WithRSAEncryption",
        /// RSA of PKCS #1 1.5 with SHA-512.
        RsaSha512 = "sha512WithRSAEncryption",
        /// RSASSA-PSS with SHA-1.
        PssSha1 = "rsassaPss-SHA1",
        /// RSASSA-PSS with SHA-224.
        PssSha224 = "rsassaPss-SHA224",
        /// RSASSA-PSS with SHA-256.
        PssSha256 = "rsassaPss-SHA256",
        /// RSASSA-PSS with SHA-384.
        PssSha384 = "rsassaPss-SHA384",
        /// RSASSA-PSS with SHA-512.
        PssSha512 = "rsassaPss-SHA512",
        /// RSASSA-PSS with another hash.
        PssUnusual = "rsassaPss-other",
        /// ECDSA with SHA-1.
        EcdsaSha1 = "ecdsa-with-SHA1",
        /// ECDSA with SHA-224.
        EcdsaSha224 = "ecdsa-with-SHA224",
        /// ECDSA with SHA-256.
        EcdsaSha256 = "ecdsa-with-SHA256",
        /// ECDSA with SHA-384.
        EcdsaSha384 = "ecdsa-with-SHA384",
        /// ECDSA with SHA-512.
        EcdsaSha512 = "ecdsa-with-SHA512",
        /// DSA with SHA-1.
        DsaSha1 = "dsa-with-SHA1",
        /// DSA with SHA-224.
        DsaSha224 = "dsa-with-SHA224",
        /// DSA with SHA-256.
        DsaSha256 = "dsa-with-SHA256",
        /// EdDSA on Curve25519.
        Ed25519 = "ed25519",
        /// EdDSA on Curve448.
        Ed448 = "ed448",
    }
}

vocabulary! {
    /// What a key may be used for (RFC 5280 §4.2.1.3).
    KeyUsage {
        /// To sign what is no certificate and no list.
        DigitalSignature = "digitalSignature",
        /// To sign what cannot be denied later.
        NonRepudiation = "nonRepudiation",
        /// To encrypt other keys.
        KeyEncipherment = "keyEncipherment",
        /// To encrypt data.
        DataEncipherment = "dataEncipherment",
        /// To agree on keys.
        KeyAgreement = "keyAgreement",
        /// To sign certificates.
        KeyCertSign = "keyCertSign",
        /// To sign revocation lists.
        CrlSign = "cRLSign",
        /// With key agreement, only to encrypt.
        EncipherOnly = "encipherOnly",
        /// With key agreement, only to decrypt.
        DecipherOnly = "decipherOnly",
    }
}

vocabulary! {
    /// What a certificate may be used for (RFC 5280 §4.2.1.12), or the OID.
    open ExtendedKeyUsage {
        /// Anything.
        Any = "anyExtendedKeyUsage",
        /// A TLS server.
        ServerAuth = "serverAuth",
        /// A TLS client.
        ClientAuth = "clientAuth",
        /// Signing code.
        CodeSigning = "codeSigning",
        /// E-mail (S/MIME).
        EmailProtection = "emailProtection",
        /// Timestamps.
        TimeStamping = "timeStamping",
        /// OCSP responses.
        OcspSigning = "OCSPSigning",
    }
}

vocabulary! {
    /// Why a chain is worth what it is, the gravest first.
    ChainReason {
        /// The chain leads to a root of the store, and nothing on the way speaks against it.
        Valid = "valid",
        /// A certificate cannot be read.
        Malformed = "malformed",
        /// A signature does not hold.
        BadSignature = "bad_signature",
        /// The certificate is signed with its own key, and is in no store.
        SelfSigned = "self_signed",
        /// The issuer was not sent and is not in the store; beside `unknown_issuer`: the chain does not tell which of the two is missing.
        IncompleteChain = "incomplete_chain",
        /// The chain ends at a root that the store does not have.
        UnknownIssuer = "unknown_issuer",
        /// The store distrusts a certificate.
        Distrusted = "distrusted",
        /// A certificate that issued another is no CA.
        NotACa = "not_a_ca",
        /// The chain is longer than a CA in it allows.
        PathTooLong = "path_too_long",
        /// A name that a CA in the chain may not certify.
        NameConstraints = "name_constraints",
        /// An extension that is critical and not known (RFC 5280 §6.1.4).
        CriticalExtension = "critical_extension",
        /// A certificate has expired.
        Expired = "expired",
        /// A certificate is not valid yet.
        NotYetValid = "not_yet_valid",
        /// A certificate that is not for TLS servers.
        NotAServerCertificate = "not_a_server_certificate",
        /// It cannot be judged here: the algorithm or an extension is not supported.
        Unsupported = "unsupported",
        /// A remark that a valid chain may bear: the first certificate is a CA.
        CaAsEndEntity = "ca_as_end_entity",
        /// None of these names says it.
        Unclassified = "other",
    }
}
