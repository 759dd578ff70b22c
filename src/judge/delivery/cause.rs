//! Why mail is not delivered, or less protected than a policy wanted.

use crate::record::TlsRptResult;
use crate::record::words::vocabulary;

vocabulary! {
    /// Why a server was passed over or a message refused: the result types of RFC 8460 §4.3, and, with an underscore,
    /// what that registry has no word for.
    Cause {
        /// STARTTLS is not offered, or was refused.
        StarttlsNotSupported = "starttls-not-supported",
        /// The certificate does not name the exchange.
        CertificateHostMismatch = "certificate-host-mismatch",
        /// The certificate is expired.
        CertificateExpired = "certificate-expired",
        /// The certificate leads to no trusted root.
        CertificateNotTrusted = "certificate-not-trusted",
        /// Any other failure: a handshake that fails, an exchange that the policy does not cover.
        ValidationFailure = "validation-failure",
        /// No TLSA record matches, or none is usable.
        TlsaInvalid = "tlsa-invalid",
        /// The TLSA records could not be validated (bogus, or no answer).
        DnssecInvalid = "dnssec-invalid",
        /// The MTA-STS policy could not be fetched.
        StsPolicyFetchError = TlsRptResult::StsPolicyFetchError.word(),
        /// The MTA-STS policy is not one.
        StsPolicyInvalid = TlsRptResult::StsPolicyInvalid.word(),
        /// The certificate of the policy host does not hold.
        StsWebpkiInvalid = TlsRptResult::StsWebpkiInvalid.word(),
        /// The server greets with 5xx, or refuses EHLO and HELO.
        ServerRejects = "server_rejects",
        /// The server said to come again.
        ServerDefers = "server_defers",
        /// Nothing answered.
        ServerSilent = "server_silent",
        /// No exchange has an address.
        NoAddress = "no_address",
        /// A null MX stands beside other exchanges.
        NullMx = "null_mx",
        /// REQUIRETLS (RFC 8689) is not offered inside TLS.
        RequiretlsNotSupported = "requiretls_not_supported",
    }
}

impl From<TlsRptResult> for Cause {
    /// What kept a policy from being had; a result of a later version counts as one that was not fetched.
    fn from(result: TlsRptResult) -> Self {
        Self::from_word(result.word()).unwrap_or(Self::StsPolicyFetchError)
    }
}
