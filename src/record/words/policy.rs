//! What is told of mail policies.

use super::vocabulary;

vocabulary! {
    /// What a domain has of a policy, by the text of the RFC.
    PolicyState {
        /// It was asked for, and there is none.
        Absent = "absent",
        /// One record, which holds.
        Ok = "ok",
        /// One record, which is not to be used.
        Invalid = "invalid",
        /// More than one record where one is allowed.
        Multiple = "multiple",
        /// A question failed on which it depends: whether there is one, or whether it holds, is not known.
        Unknown = "unknown",
    }
}

vocabulary! {
    /// What is wrong with a policy, or worth to be told of it.
    PolicyFault {
        /// More than one record where one is allowed.
        Multiple = "multiple",
        /// Text that the grammar has no place for.
        Syntax = "syntax",
        /// More fields than are read.
        TooManyFields = "too_many_fields",
        /// Nothing between two semicolons.
        EmptyField = "empty_field",
        /// A blank where the grammar has none.
        Blank = "blank",
        /// A version that the format does not have, or that does not stand first: of a DKIM key, of an MTA-STS policy.
        Version = "version",
        /// `id` is missing (RFC 8461 §3.1).
        MissingId = "missing_id",
        /// `id` is not 1 to 32 letters and digits (RFC 8461 §3.1).
        BadId = "bad_id",
        /// A field that may stand once stands again.
        Duplicate = "duplicate",
        /// A blank line in an MTA-STS policy.
        BlankLine = "blank_line",
        /// A byte order mark before the text.
        ByteOrderMark = "byte_order_mark",
        /// An MTA-STS policy without `version`.
        MissingVersion = "missing_version",
        /// An MTA-STS policy without `mode`.
        MissingMode = "missing_mode",
        /// `mode` is not `enforce`, `testing` or `none`.
        BadMode = "bad_mode",
        /// An MTA-STS policy without `max_age`.
        MissingMaxAge = "missing_max_age",
        /// `max_age` is not a number of 1 to 10 digits of at most 31,557,600.
        BadMaxAge = "bad_max_age",
        /// An MTA-STS policy without `mx` whose mode is not `none`.
        MissingMx = "missing_mx",
        /// `mx` is no domain, with or without `*.` in front.
        BadMx = "bad_mx",
        /// `mx` is an address, which no exchange's name can be.
        MxAddress = "mx_address",
        /// The policy did not come as `text/plain`, which a sender should want (RFC 8461 §3.3).
        MediaType = "media_type",
        /// `rua` is missing (RFC 8460 §3).
        MissingRua = "missing_rua",
        /// A report address that is none.
        BadUri = "bad_uri",
        /// A report address whose scheme is neither `mailto` nor `https`.
        UnsupportedScheme = "unsupported_scheme",
        /// No `p=` in what should be a DKIM key.
        MissingKey = "missing_key",
        /// `p=` is no key of the type that `k=` names.
        BadKey = "bad_key",
        /// A type of key that no verifier knows.
        UnknownKeyType = "unknown_key_type",
        /// An RSA key under 1,024 bits, which verifiers refuse (RFC 8301 §3.2).
        WeakKey = "weak_key",
        /// An RSA key under 2,048 bits (RFC 8301 §3.2).
        ShortKey = "short_key",
        /// `h=` allows no hash that is still in use (RFC 8301 §3.1).
        NoUsableHash = "no_usable_hash",
        /// `s=` keeps the key from being used for mail.
        NotForMail = "not_for_mail",
        /// The name below `_domainkey` exists although `_domainkey` is said not to (RFC 8020).
        NxdomainAboveKey = "nxdomain_above_key",
        /// A wildcard answers for every selector.
        WildcardKey = "wildcard_key",
        /// A location that is no `https:` address.
        BadLocation = "bad_location",
        /// `l=` is missing from a BIMI record.
        MissingLocation = "missing_location",
        /// A critical CAA property that no authority knows, so that none may issue (RFC 8659 §4.5).
        UnknownCritical = "unknown_critical",
        /// A CAA property against its grammar, which forbids to issue (RFC 8659 §4.2).
        BadProperty = "bad_property",
        /// A text that looks like a record of SPF, DMARC, MTA-STS or TLS-RPT and does not begin exactly as one: it is none.
        NearMiss = "near_miss",
        /// There are more faults than are listed.
        MoreFaults = "more_faults",
        /// A name that is pointed to does not exist (RCODE 3).
        Dangling = "dangling",
        /// SPF: a mechanism that RFC 7208 does not have.
        UnknownMechanism = "unknown_mechanism",
        /// SPF: no address where ip4 or ip6 wants one.
        BadIp = "bad_ip",
        /// SPF: a prefix length that its family does not have.
        BadPrefix = "bad_prefix",
        /// SPF: a percent sign that begins no macro, or a macro that has no place here.
        BadMacro = "bad_macro",
        /// SPF: no domain name where one must be: empty, of one label, or ending in a number.
        BadDomain = "bad_domain",
        /// SPF: redirect or exp twice.
        DuplicateModifier = "duplicate_modifier",
        /// SPF: more than ten terms that ask the DNS (RFC 7208 §4.6.4).
        LookupLimit = "lookup_limit",
        /// SPF: more than two questions without an answer (RFC 7208 §4.6.4), for one family of addresses at least.
        VoidLimit = "void_limit",
        /// SPF: more than ten MX records behind one mx (RFC 7208 §4.6.4).
        MxLimit = "mx_limit",
        /// SPF: an include or redirect leads to a name without an SPF record.
        IncludeNone = "include_none",
        /// SPF: an include or redirect leads to a record that is not to be used.
        IncludePermerror = "include_permerror",
        /// SPF: records that include each other.
        Loop = "loop",
        /// SPF: a record over 450 octets, which may not fit into an answer over UDP (RFC 7208 §3.4).
        TooLong = "too_long",
        /// SPF: ptr, which should not be used (RFC 7208 §5.5).
        PtrUsed = "ptr_used",
        /// SPF: every address passes.
        AllPlus = "all_plus",
        /// SPF: ends in ?all, which says nothing.
        AllNeutral = "all_neutral",
        /// SPF: neither all nor redirect; what matches nothing is neutral.
        NoAll = "no_all",
        /// SPF: terms behind all, which nobody reads; a redirect beside it is one.
        RecordAfterAll = "record_after_all",
        /// DMARC: p, sp or np is none of the three policies: with a rua it counts as none, without one there is no DMARC (RFC
        /// 9989 §4.10.1).
        BadPolicy = "bad_policy",
        /// DMARC: no p. RFC 9989 §4.7 takes that for none, §4.10.1 takes it, without a rua, for no DMARC.
        MissingPolicy = "missing_policy",
        /// DMARC: a tag with a value that it does not have; it counts as if it were not there.
        BadTag = "bad_tag",
        /// DMARC: a tag that nobody knows; it is ignored.
        UnknownTag = "unknown_tag",
        /// DMARC: a tag of RFC 7489 that RFC 9989 has given up: pct, rf, ri.
        ObsoleteTag = "obsolete_tag",
        /// DMARC: a size behind a report address, which RFC 9989 has given up.
        ObsoleteSize = "obsolete_size",
        /// DMARC: a receiver of reports outside of the organisation has not said that it wants them; they are lost.
        RuaUnauthorised = "rua_unauthorised",
        /// DMARC: sp or np in a record below the organisational domain, where nobody reads them.
        SpUnused = "sp_unused",
    }
}

vocabulary! {
    /// What an MTA-STS policy asks of a sender (RFC 8461 §5).
    StsMode {
        /// Mail does not go to an exchange that fails the policy.
        Enforce = "enforce",
        /// Mail goes, and the failure is reported.
        Testing = "testing",
        /// There is no policy any more.
        None = "none",
    }
}

vocabulary! {
    /// Why there is no MTA-STS policy to use, or none could be had.
    StsError {
        /// The policy host does not exist, or has no address.
        DnsNone = "dns_none",
        /// The addresses of the policy host could not be learned.
        DnsFailed = "dns_failed",
        /// All its addresses are special-purpose ones that `--allow` did not open.
        AddressForbidden = "address_forbidden",
        /// It is on the list of `--exclude`.
        Excluded = "excluded",
        /// No connection could be made.
        Connect = "connect",
        /// The TLS handshake failed.
        TlsHandshake = "tls_handshake",
        /// The chain leads to no root of the store, or does not hold.
        CertUntrusted = "cert_untrusted",
        /// The certificate, or one above it, has expired.
        CertExpired = "cert_expired",
        /// The certificate is for other names.
        CertName = "cert_name",
        /// The certificate could not be judged here.
        CertUnknown = "cert_unknown",
        /// What answered does not speak HTTP, or broke off.
        Http = "http",
        /// The host points elsewhere, which a sender does not follow.
        Redirect = "redirect",
        /// Another HTTP status than 200.
        Status = "status",
        /// More than 64 KiB.
        TooLarge = "too_large",
        /// The time for the step, or the minute for the whole, ran out.
        Timeout = "timeout",
        /// The text is no policy.
        Syntax = "syntax",
        /// The run was interrupted before the end.
        Interrupted = "interrupted",
        /// An error of this machine.
        Local = "local",
    }
}

vocabulary! {
    /// How a policy host's certificate meets its name (RFC 9525 §6.3).
    StsNameMatch {
        /// A dNSName of the subject alternative name meets it.
        Yes = "yes",
        /// There is no dNSName, and the common name meets it: to the letter no match, to many a TLS library one.
        CommonNameOnly = "cn_only",
        /// Nothing does.
        No = "no",
    }
}

vocabulary! {
    /// Whether the record and the policy of MTA-STS, by the letter, stand together.
    StsStanding {
        /// A record and a policy.
        Both = "both",
        /// A record, and no policy that a sender could use.
        RecordWithoutPolicy = "record_without_policy",
        /// A policy, and no record that would make a sender look for it.
        PolicyWithoutRecord = "policy_without_record",
        /// Neither.
        Neither = "neither",
        /// The one or the other could not be learned.
        Unknown = "unknown",
    }
}

vocabulary! {
    /// The result types of TLS reports (RFC 8460 §4.3) that the fetch of a policy can have.
    TlsRptResult {
        /// The policy could not be retrieved.
        StsPolicyFetchError = "sts-policy-fetch-error",
        /// The policy host's certificate does not hold.
        StsWebpkiInvalid = "sts-webpki-invalid",
        /// The text is no policy.
        StsPolicyInvalid = "sts-policy-invalid",
    }
}

vocabulary! {
    /// What it rests on that a domain has DKIM keys, or has none.
    DkimEvidence {
        /// `_domainkey` exists, and a random name beside it does not (RFC 8020).
        NameExists = "name_exists",
        /// `_domainkey` does not exist, nor anything below it (RFC 8020).
        Nxdomain = "nxdomain",
        /// The NSEC of `_domainkey` lacks the type NXNAME, which that of a random name has (RFC 9824).
        NoNxname = "no_nxname",
        /// The NSEC of `_domainkey` has the type NXNAME (RFC 9824).
        Nxname = "nxname",
        /// The NSEC of `_domainkey` has other types than that of a random name.
        OtherBitmap = "other_bitmap",
        /// An NSEC names a name below `_domainkey` (RFC 4034 §4.1.1).
        NextName = "next_name",
        /// A wildcard answers for a random name, and does not for `_domainkey` (RFC 4592 §2.2.2).
        WildcardBlocked = "wildcard_blocked",
        /// A key stands at a selector that was asked.
        Selector = "selector",
    }
}

vocabulary! {
    /// The type of a DKIM key (RFC 6376, RFC 8463).
    DkimKeyType {
        /// RSA.
        Rsa = "rsa",
        /// Ed25519.
        Ed25519 = "ed25519",
        /// A type that no verifier knows.
        Unknown = "unknown",
    }
}

vocabulary! {
    /// What a name with CAA records is to a domain's mail.
    CaaRole {
        /// The domain itself.
        Domain = "domain",
        /// An exchange of the domain.
        Exchange = "exchange",
        /// The host of its MTA-STS policy.
        PolicyHost = "policy_host",
    }
}

vocabulary! {
    /// Whom CAA records let issue certificates.
    CaaEffect {
        /// Every authority.
        Any = "any",
        /// Those that are named.
        Named = "named",
        /// Nobody.
        Nobody = "nobody",
    }
}

vocabulary! {
    /// What check_host() says of a client (RFC 7208 §2.6).
    SpfResult {
        /// There is no record.
        None = "none",
        /// The record says nothing of the client.
        Neutral = "neutral",
        /// The client may send.
        Pass = "pass",
        /// The client may not send.
        Fail = "fail",
        /// The client probably may not send.
        Softfail = "softfail",
        /// A question failed; another time it may not.
        Temperror = "temperror",
        /// The record is not to be used.
        Permerror = "permerror",
    }
}

vocabulary! {
    /// What a domain asks receivers to do with mail that fails DMARC (RFC 9989 §4.7).
    DmarcPolicy {
        /// Nothing; reports alone.
        None = "none",
        /// To treat it as suspicious.
        Quarantine = "quarantine",
        /// To reject it.
        Reject = "reject",
        /// There is no DMARC for the domain.
        Off = "off",
    }
}

vocabulary! {
    /// How an identifier must match the author's domain (RFC 9989 §4.4).
    DmarcAlignment {
        /// In its organisational domain.
        Relaxed = "relaxed",
        /// Exactly.
        Strict = "strict",
    }
}

vocabulary! {
    /// Whether a domain says that it is a public suffix (RFC 9989 §4.7).
    DmarcPsd {
        /// It is one.
        Yes = "yes",
        /// It is an organisational domain.
        No = "no",
        /// It does not say.
        Unknown = "unknown",
    }
}

#[allow(clippy::derivable_impls, reason = "the macro derives no default")]
impl Default for DmarcAlignment {
    fn default() -> Self {
        Self::Relaxed
    }
}

#[allow(clippy::derivable_impls, reason = "the macro derives no default")]
impl Default for DmarcPsd {
    fn default() -> Self {
        Self::Unknown
    }
}
