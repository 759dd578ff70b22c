//! What can be wrong with a domain's mail: the table of codes, each with how bad it is, why it matters, what to do, and
//! whom to tell. The rules that find them stand beside it; nothing here is guessed, and unknown is no problem.

use crate::record::words::vocabulary;

vocabulary! {
    /// How bad a problem is, by what it costs.
    strict Severity {
        /// Worth to be known; nothing is lost today.
        Notice = "notice",
        /// Mail is unprotected, late, or lost from some senders.
        Serious = "serious",
        /// Mail is lost, or somebody else can take it.
        Critical = "critical",
    }
}

vocabulary! {
    /// Who can mend a problem.
    strict Who {
        /// Who owns the domain and publishes its records.
        DomainOwner = "domain_owner",
        /// Who runs the mail servers.
        MailOperator = "mail_operator",
        /// Who runs the name servers.
        DnsOperator = "dns_operator",
    }
}

/// The table: variant = word, severity, who; title; why it matters; what to do.
macro_rules! codes {
    ($($variant:ident = $word:literal, $severity:ident, $who:ident, $title:literal, $why:literal, $remedy:literal;)*) => {
        vocabulary! {
            /// What is wrong with a domain's mail.
            ProblemCode { $(#[doc = $title] $variant = $word,)* }
        }

        impl ProblemCode {
            /// How bad it is as a rule; a finding may be worse, where a policy depends on it.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* Self::Other => Severity::Notice }
            }

            /// Who can mend it.
            pub const fn who(self) -> Who {
                match self { $(Self::$variant => Who::$who,)* Self::Other => Who::DomainOwner }
            }

            /// Why it matters.
            pub const fn why(self) -> &'static str {
                match self { $(Self::$variant => $why,)* Self::Other => "" }
            }

            /// What to do.
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)* Self::Other => "" }
            }
        }
    };
}

codes! {
    // --- the DNS of the domain
    Nxdomain = "nxdomain", Critical, DomainOwner, "The domain does not exist.",
        "No mail can be sent to it, and whoever registers it receives all of its mail.",
        "Register it again, or take it off the list.";
    DnsBogus = "dns_bogus", Critical, DnsOperator, "The domain's DNSSEC signatures do not hold.",
        "Senders whose resolver validates cannot find its mail servers; their mail waits and then bounces.",
        "Sign the zone again, and compare the DS record at the parent with the keys in the zone.";
    DnsServfail = "dns_servfail", Serious, DnsOperator, "The name servers fail to answer for the domain's mail exchanges.",
        "While they do, senders cannot find its mail servers, and their mail waits.",
        "Ask each name server of the zone for MX by itself, and mend the one that fails or drop it from the delegation.";
    DnsMalformed = "dns_malformed", Serious, DnsOperator, "The name servers answer with what cannot be read.",
        "Senders may find no mail server, or another one.",
        "Update the name server software, and look for a middlebox that rewrites answers.";
    DnsAliasLoop = "dns_alias_loop", Critical, DnsOperator, "The domain is an alias that leads in a circle.",
        "No mail server can be found for it.",
        "Point the CNAME at a name that has records.";
    NoMailNotDeclared = "no_mail_not_declared", Notice, DomainOwner, "The domain takes no mail and does not say so.",
        "Senders try for days before they give up, and forged mail in its name looks like that of any other domain.",
        "Publish a null MX (MX 0 .), v=spf1 -all and a DMARC record with p=reject.";
    ImplicitMx = "implicit_mx", Notice, DomainOwner, "The domain has no MX record; its address is tried instead.",
        "A web server's address may take the mail, and some senders refuse to use it.",
        "Publish an MX record, or a null MX where no mail is wanted.";
    NullMxWithOthers = "null_mx_with_others", Serious, DomainOwner, "A null MX stands beside other exchanges.",
        "RFC 7505 forbids it: some senders bounce at once, others use the rest.",
        "Remove either the null MX or the other records.";
    NullMxPreference = "null_mx_preference", Notice, DomainOwner, "The null MX has a preference other than 0.",
        "RFC 7505 wants 0; some senders may not see it as a null MX.",
        "Publish it as MX 0 .";
    DuplicateExchange = "duplicate_exchange", Notice, DomainOwner, "An exchange is listed more than once.",
        "Senders try the same server twice before another.",
        "Keep one record for each exchange.";
    TooManyExchanges = "too_many_exchanges", Serious, DomainOwner, "The domain lists more exchanges than senders look at.",
        "Postfix drops those beyond 100 in order of arrival, and each try delays the message.",
        "List the few exchanges that take mail.";
    // --- exchanges
    NoExchangeResolves = "no_exchange_resolves", Critical, DomainOwner, "No exchange of the domain has an address.",
        "All its mail bounces or waits until it does.",
        "Correct the MX records, or the addresses of the hosts that they name.";
    ExchangeUnresolvable = "exchange_unresolvable", Serious, DomainOwner, "An exchange has no address.",
        "Senders lose time on it; where its name can be registered, somebody else can take the mail.",
        "Remove the record, or give the host an address.";
    ExchangeDnsFails = "exchange_dns_fails", Serious, DnsOperator, "The name servers fail to answer for an exchange's addresses.",
        "Senders cannot reach it while they do, and mail waits.",
        "Mend the zone of the exchange, its signatures first where it is signed.";
    ExchangeIsAlias = "exchange_is_alias", Notice, DomainOwner, "An exchange is an alias (CNAME).",
        "RFC 5321 §5.1 rules it out; some senders refuse it, and certificates are checked against the alias.",
        "Name the host itself in the MX record.";
    ExchangeIsAddress = "exchange_is_address", Serious, DomainOwner, "An MX record holds an address where a name belongs.",
        "Most senders look for a host of that name and find none.",
        "Give the address a name, and put the name into the MX record.";
    ExchangeIsLocalhost = "exchange_is_localhost", Serious, DomainOwner, "An exchange is localhost.",
        "Senders refuse it, or talk to themselves.",
        "Publish a null MX where no mail is wanted, else the name of the mail server.";
    ExchangeSpecialAddress = "exchange_special_address", Serious, DomainOwner, "An exchange has an address that is not reachable on the Internet.",
        "Senders cannot reach it, or reach a machine in their own network.",
        "Publish public addresses only; keep internal ones in an internal view.";
    ExchangeUnderscore = "exchange_underscore", Notice, DomainOwner, "The name of an exchange is no host name.",
        "Some senders refuse it, and no certificate authority names it.",
        "Use letters, digits and hyphens.";
    // --- servers
    NoServerAnswers = "no_server_answers", Critical, MailOperator, "No mail server of the domain answers.",
        "Its mail waits at the senders, and bounces after days.",
        "Look at the servers, their firewall, and whether the MX records still name the right hosts.";
    ServerSilent = "server_silent", Serious, MailOperator, "A mail server does not answer.",
        "Senders lose time on it before they try the next.",
        "Mend the server or its firewall, or take its address out of the DNS.";
    PreferredServerSilent = "preferred_server_silent", Serious, MailOperator, "The servers of the first preference do not answer; mail goes to a backup.",
        "Every message is late, and depends on the backup.",
        "Mend the preferred server, or change the preferences.";
    GreetingRejected = "greeting_rejected", Serious, MailOperator, "A mail server greeted this survey with a refusal (5xx).",
        "Whoever is greeted so cannot deliver here; it may be the address of this survey alone.",
        "Read the text: it is a block list, or a server that takes no mail and should leave the MX set.";
    HelloRejected = "hello_rejected", Serious, MailOperator, "A mail server refused this survey's EHLO and HELO.",
        "Senders that are met so bounce the message at once; it may be the name or address of this survey alone.",
        "Read the text; relax the check of the greeting name.";
    HeloOnly = "helo_only", Serious, MailOperator, "A mail server knows no EHLO.",
        "Without extensions there is no TLS.",
        "Update the server, or the filter in front of it.";
    NotSmtp = "not_smtp", Serious, MailOperator, "What answers on port 25 does not speak SMTP.",
        "Mail cannot be delivered there.",
        "Correct the MX record or the port forwarding.";
    ReplyMalformed = "reply_malformed", Notice, MailOperator, "A mail server's replies break the protocol.",
        "Some senders misread them and give up.",
        "Update the server, or the filter in front of it.";
    EhloTooLong = "ehlo_too_long", Serious, MailOperator, "The reply to EHLO is longer than senders read.",
        "Postfix reads 2,048 octets: what stands behind, STARTTLS too, is missed.",
        "Offer fewer extensions, or list STARTTLS first.";
    StarttlsMissing = "starttls_missing", Serious, MailOperator, "A mail server offers no STARTTLS.",
        "Mail to it can be read by everybody on the way.",
        "Install a certificate and turn STARTTLS on.";
    StarttlsRefused = "starttls_refused", Serious, MailOperator, "A mail server offers STARTTLS and refuses it.",
        "Mail goes in clear, or not at all from senders with a policy.",
        "Look into the server's log: most often its certificate or key cannot be read.";
    StarttlsUnadvertised = "starttls_unadvertised", Serious, MailOperator, "A mail server takes STARTTLS but does not offer it.",
        "Senders do not try what is not offered: mail goes in clear.",
        "Offer it in the EHLO reply; look for a filter that strips it.";
    StarttlsMasked = "starttls_masked", Critical, MailOperator, "Something on the way overwrites STARTTLS.",
        "A filter, or an attacker, turns encryption off for everybody behind it.",
        "Turn off SMTP inspection (fixup, ESMTP inspection) in the firewall.";
    StarttlsInjected = "starttls_injected", Serious, MailOperator, "Text in clear follows the answer to STARTTLS.",
        "An attacker can put replies into the protected session (CVE-2011-0411 and its kin).",
        "Update the server: nothing may be sent in clear behind the 220.";
    StarttlsOfferedInside = "starttls_offered_inside", Notice, MailOperator, "STARTTLS is offered again inside TLS.",
        "RFC 3207 §4.2 forbids it; a sender may try and fail.",
        "Update the server, or the TLS proxy in front of it.";
    AuthInClear = "auth_in_clear", Notice, MailOperator, "Passwords are asked for before TLS.",
        "A client that is set up wrongly sends its password in clear.",
        "Offer AUTH inside TLS only, and not on port 25.";
    AddressesDiffer = "addresses_differ", Serious, MailOperator, "The addresses of one exchange differ in what they offer.",
        "Whether a message is protected is left to chance.",
        "Set up all machines behind the name alike; the detail names the address that stands out.";
    BackupWeaker = "backup_weaker", Serious, MailOperator, "A backup exchange protects mail less than the first.",
        "An attacker blocks the first and reads what goes to the backup.",
        "Set the backup up like the first, or drop it.";
    // --- TLS
    HandshakeFails = "handshake_fails", Serious, MailOperator, "STARTTLS is accepted, and the TLS handshake fails.",
        "Mail is late and goes in clear, or not at all.",
        "Read the detail; test with openssl s_client -starttls smtp.";
    ClientCertificateDemanded = "client_certificate_demanded", Serious, MailOperator, "The server wants a certificate from its client and fails without one.",
        "Senders have none: TLS is lost for nearly everybody.",
        "Ask for client certificates, but do not require them on port 25.";
    OldVersionsOnly = "old_versions_only", Serious, MailOperator, "The server speaks nothing newer than TLS 1.1.",
        "Senders that keep to RFC 8996 get no TLS, those under MTA-STS deliver nothing.",
        "Turn on TLS 1.2 and 1.3.";
    SslSpoken = "ssl_spoken", Serious, MailOperator, "SSLv2 or SSLv3 is spoken.",
        "Both are broken (DROWN, POODLE), and an attacker may turn them against newer sessions with the same key.",
        "Turn them off.";
    OldVersionsSpoken = "old_versions_spoken", Notice, MailOperator, "TLS 1.0 or 1.1 is spoken.",
        "RFC 8996 has retired them.",
        "Turn them off once the logs show no sender that needs them.";
    CipherBroken = "cipher_broken", Serious, MailOperator, "A cipher that protects nothing is taken.",
        "Suites without encryption, of export strength or with single DES can be read.",
        "Take them out of the list of ciphers.";
    CipherWeak = "cipher_weak", Notice, MailOperator, "A weak cipher is taken.",
        "RC4, 3DES and HMAC-MD5 are retired (RFC 7465, RFC 9325).",
        "Take them out of the list of ciphers.";
    AnonymousCipher = "anonymous_cipher", Notice, MailOperator, "A suite without a certificate is taken.",
        "It serves no sender that checks, and hides who answers.",
        "Take anonymous suites out of the list of ciphers.";
    NoForwardSecrecy = "no_forward_secrecy", Notice, MailOperator, "Keys are exchanged without forward secrecy.",
        "Whoever gets the server's key reads all that was recorded.",
        "Prefer ECDHE suites, or turn on TLS 1.3.";
    WeakDh = "weak_dh", Serious, MailOperator, "The Diffie-Hellman prime is under 2,048 bits.",
        "It can be broken in advance for all who share it (Logjam).",
        "Use ECDHE, or a group of RFC 7919.";
    RenegotiationInsecure = "renegotiation_insecure", Notice, MailOperator, "Secure renegotiation is missing (RFC 5746).",
        "An attacker can put text before that of the client.",
        "Update the TLS library.";
    CompressionOn = "compression_on", Notice, MailOperator, "TLS compression is on.",
        "What is compressed can be guessed from its length (CRIME).",
        "Turn it off.";
    LengthIntolerant = "length_intolerant", Serious, MailOperator, "The server breaks off when the ClientHello is long.",
        "Senders with post-quantum keys get no TLS.",
        "Update the server or the middlebox in front of it.";
    // --- certificates
    CertificateExpired = "certificate_expired", Serious, MailOperator, "The certificate has expired.",
        "Senders that check it deliver nothing; the others cannot tell this server from an attacker.",
        "Renew it, and let the renewal run by itself.";
    CertificateNotYetValid = "certificate_not_yet_valid", Serious, MailOperator, "The certificate is not valid yet.",
        "Senders that check it deliver nothing until it is.",
        "Look at the clock of whoever made it.";
    CertificateExpiresSoon = "certificate_expires_soon", Notice, MailOperator, "The certificate expires soon.",
        "Where the renewal does not run, mail is lost at senders that check.",
        "See that the renewal runs.";
    CertificateSelfSigned = "certificate_self_signed", Notice, MailOperator, "The certificate is signed by itself.",
        "It encrypts, but proves nothing to a sender that checks.",
        "Take one from an authority that the common stores hold, or publish TLSA records for it.";
    CertificateIncomplete = "certificate_incomplete", Serious, MailOperator, "An intermediate certificate is not sent.",
        "Senders that check cannot build the chain; some servers hide it by what they have cached.",
        "Send the full chain (fullchain.pem).";
    CertificateUnknownIssuer = "certificate_unknown_issuer", Notice, MailOperator, "The chain ends at a root that the store does not hold.",
        "It encrypts, but proves nothing to a sender that checks.",
        "Take a certificate from an authority that the common stores hold.";
    CertificateBad = "certificate_bad", Serious, MailOperator, "The chain breaks a rule of RFC 5280.",
        "Senders that check it deliver nothing.",
        "Read the reason in the detail, and have the certificate made anew.";
    CertificateNameMismatch = "certificate_name_mismatch", Notice, MailOperator, "The certificate does not name the exchange.",
        "A sender that checks names delivers nothing.",
        "Have the name of the exchange in the subject alternative names.";
    CertificateCommonNameOnly = "certificate_common_name_only", Notice, MailOperator, "The exchange is named in the common name alone.",
        "RFC 9525 ignores it: senders that check deliver nothing.",
        "Have the name in the subject alternative names.";
    CertificateKeyWeak = "certificate_key_weak", Serious, MailOperator, "The key of the certificate is weak.",
        "RSA under 2,048 bits and curves under 224 can be broken, and senders refuse them.",
        "Make a new key: RSA of 2,048 bits and more, or P-256.";
    CertificateSignatureWeak = "certificate_signature_weak", Serious, MailOperator, "A certificate in the chain is signed with MD5 or SHA-1.",
        "Such signatures can be forged, and today's libraries refuse them.",
        "Have it signed with SHA-256.";
    // --- DANE
    TlsaMismatch = "tlsa_mismatch", Critical, MailOperator, "No TLSA record matches the certificate.",
        "Senders that heed DANE deliver nothing here.",
        "Publish the record of the new key before the certificate changes; keep the old one until its TTL is over.";
    TlsaWithoutStarttls = "tlsa_without_starttls", Critical, MailOperator, "There are TLSA records, and no STARTTLS.",
        "Senders that heed DANE deliver nothing here.",
        "Turn STARTTLS on, or remove the records.";
    TlsaUnusable = "tlsa_unusable", Serious, MailOperator, "No TLSA record can be used for mail.",
        "Usages 0 and 1, unknown types and wrong lengths count as none: nothing is authenticated.",
        "Publish 3 1 1.";
    TlsaUnsigned = "tlsa_unsigned", Notice, DnsOperator, "There are TLSA records in a zone that is not signed.",
        "Without DNSSEC nobody heeds them.",
        "Sign the zone, or remove the records.";
    TlsaUnanswered = "tlsa_unanswered", Critical, DnsOperator, "The name servers fail to answer for TLSA.",
        "Senders that heed DANE must not deliver here (RFC 7672 §2.1.2).",
        "Mend the name server: it must answer for types that it does not know.";
    TlsaCoversSomeAddresses = "tlsa_covers_some_addresses", Serious, MailOperator, "The TLSA records match some addresses of an exchange and not others.",
        "Senders that heed DANE deliver at some of its addresses only; where they meet another first, mail is late.",
        "Serve the same key at every address of both families, or publish a record for each key.";
    TlsaCoversOneKey = "tlsa_covers_one_key", Serious, MailOperator, "The TLSA records match one certificate of a server and not its other one.",
        "It sends an RSA certificate to some senders and another to the rest; those who heed DANE and get the one without a record do not deliver.",
        "Publish a record for each key (RFC 7671 §8), or serve one certificate.";
    TlsaKindUnmatched = "tlsa_kind_unmatched", Notice, MailOperator, "No TLSA record of one kind matches the certificate, while one of another kind does.",
        "Each combination of usage, selector and matching type must hold by itself (RFC 7671 §8): senders look at the strongest digest of a usage and selector alone (§9). Where that does not match, those that heed DANE deliver nothing.",
        "Publish the same keys in every combination, or remove the records that the detail names.";
    TlsaRecordUnmatched = "tlsa_record_unmatched", Notice, MailOperator, "A TLSA record matches nothing that the servers of the exchange send.",
        "Before a change of key that is right (RFC 7671 §8.1). Left over from an earlier one it lets whoever holds the old key stand in for the server.",
        "Remove it, unless its key is the next one.";
    TlsaPartial = "tlsa_partial", Notice, MailOperator, "Some exchanges have TLSA records and others not.",
        "An attacker leads mail to those without.",
        "Publish them for every exchange.";
    MxUnsigned = "mx_unsigned", Notice, DnsOperator, "The exchange has TLSA records, and the domain's own zone is not signed.",
        "Whoever forges the MX record leads mail around DANE.",
        "Sign the domain's zone.";
    // --- SPF
    SpfMissing = "spf_missing", Notice, DomainOwner, "There is no SPF record.",
        "Receivers cannot tell who may send in the domain's name.",
        "Publish v=spf1 with what may send, ending in -all.";
    SpfMultiple = "spf_multiple", Serious, DomainOwner, "There are several SPF records.",
        "Receivers must take it as an error: none of them counts.",
        "Merge them into one.";
    SpfInvalid = "spf_invalid", Serious, DomainOwner, "The SPF record has an error of syntax.",
        "Receivers take the whole record as an error.",
        "Correct the term that the detail names.";
    SpfTooManyLookups = "spf_too_many_lookups", Serious, DomainOwner, "The SPF record needs more than ten look-ups.",
        "Receivers stop with an error, also for good mail.",
        "Remove includes that nobody needs, or list addresses.";
    SpfTooManyVoids = "spf_too_many_voids", Serious, DomainOwner, "More than two look-ups of the SPF record find nothing.",
        "Receivers stop with an error.",
        "Remove the terms whose names have no records.";
    SpfIncludeBroken = "spf_include_broken", Serious, DomainOwner, "An included name has no valid SPF record.",
        "Receivers take the whole record as an error.",
        "Remove the include, or have its owner mend the record.";
    SpfIncludeFree = "spf_include_free", Critical, DomainOwner, "The SPF record points to a domain that nobody owns.",
        "Whoever registers it may send in this domain's name.",
        "Remove the term that the detail names today.";
    SpfLoop = "spf_loop", Serious, DomainOwner, "The SPF record includes itself.",
        "Receivers stop with an error.",
        "Remove the include that leads back.";
    SpfPassAll = "spf_pass_all", Critical, DomainOwner, "The SPF record lets everybody send.",
        "Forged mail passes.",
        "End it in -all or ~all.";
    SpfNeutral = "spf_neutral", Notice, DomainOwner, "The SPF record says nothing of other senders.",
        "With ?all, or without all, forged mail is neutral.",
        "End it in -all or ~all.";
    SpfDeprecated = "spf_deprecated", Notice, DomainOwner, "The SPF record uses ptr.",
        "RFC 7208 §5.5 advises against it; it is slow, and some receivers ignore it.",
        "Replace it by addresses or names.";
    SpfTooBroad = "spf_too_broad", Notice, DomainOwner, "The SPF record lets a large part of the Internet send.",
        "Forged mail from any machine in it passes.",
        "List the servers that send.";
    SpfTooLong = "spf_too_long", Notice, DomainOwner, "The SPF record is longer than a packet of 512 octets holds.",
        "Some receivers lose it on the way.",
        "Shorten it, or move parts into an include.";
    SpfUnreachedTerms = "spf_unreached_terms", Notice, DomainOwner, "Terms stand behind all, or beside a redirect that is ignored.",
        "Nobody reads them: what they were to allow is refused.",
        "Move all to the end.";
    // --- DMARC
    DmarcMissing = "dmarc_missing", Notice, DomainOwner, "There is no DMARC record.",
        "Receivers deliver forged mail as they see fit, and tell nobody.",
        "Publish v=DMARC1; p=none; rua=… first, read the reports, then p=reject.";
    DmarcMultiple = "dmarc_multiple", Serious, DomainOwner, "There are several DMARC records.",
        "Receivers discard them all, or stop.",
        "Keep one.";
    DmarcInvalid = "dmarc_invalid", Serious, DomainOwner, "The DMARC record is not one, or has no valid policy.",
        "Receivers treat it as none, or as p=none.",
        "Correct the tag that the detail names.";
    DmarcNone = "dmarc_none", Notice, DomainOwner, "DMARC asks for reports only (p=none).",
        "Forged mail is delivered.",
        "Once the reports show that all good mail passes: quarantine, then reject.";
    DmarcTesting = "dmarc_testing", Notice, DomainOwner, "DMARC is in test mode (t=y).",
        "Receivers apply the next weaker policy; those that keep to RFC 7489 do not know t and apply the policy as it stands.",
        "Remove t=y when the reports are clean.";
    DmarcSubdomainsWeaker = "dmarc_subdomains_weaker", Notice, DomainOwner, "Subdomains have a weaker DMARC policy than the domain.",
        "Forged mail comes from a subdomain instead.",
        "Set sp (and np) as strict as p.";
    DmarcRulesDiffer = "dmarc_rules_differ", Notice, DomainOwner, "Old and new receivers find different DMARC policies.",
        "RFC 9989 walks the tree of names where RFC 7489 used a list: the policy depends on the receiver.",
        "Publish a record at the name itself.";
    DmarcReportsUnauthorised = "dmarc_reports_unauthorised", Serious, DomainOwner, "The receiver of DMARC reports has not agreed to receive them.",
        "Reports are not sent.",
        "Have the receiver publish the record that the detail names.";
    DmarcNoReports = "dmarc_no_reports", Notice, DomainOwner, "DMARC names nobody who receives reports.",
        "Whether good mail fails is not learned.",
        "Add rua=mailto:….";
    DmarcWithoutAuthentication = "dmarc_without_authentication", Serious, DomainOwner, "DMARC asks to refuse mail, and the domain has neither SPF nor DKIM.",
        "All mail in its name fails, its own too.",
        "Publish SPF, sign with DKIM; where the domain sends nothing, publish v=spf1 -all.";
    DmarcNonexistentIneffective = "dmarc_nonexistent_ineffective", Notice, DnsOperator, "The zone hides which names exist, so np never applies.",
        "Compact denial answers for every name: receivers apply sp instead.",
        "Set sp as strict as np.";
    // --- DKIM
    DkimMissing = "dkim_missing", Notice, DomainOwner, "The domain has no DKIM key.",
        "Forwarded mail fails DMARC.",
        "Turn DKIM on at the mail operator, and publish the key.";
    DkimKeyWeak = "dkim_key_weak", Serious, DomainOwner, "A DKIM key is under 1,024 bits.",
        "Receivers must not accept it (RFC 8301), and it can be broken.",
        "Make a key of 2,048 bits.";
    DkimKeyShort = "dkim_key_short", Notice, DomainOwner, "A DKIM key is under 2,048 bits.",
        "RFC 8301 asks for 2,048.",
        "Make a key of 2,048 bits.";
    DkimKeyInvalid = "dkim_key_invalid", Serious, DomainOwner, "A DKIM key cannot be read.",
        "Signatures with it fail.",
        "Publish it anew; look for lost or doubled quotes.";
    DkimTesting = "dkim_testing", Notice, DomainOwner, "A DKIM key is in test mode (t=y).",
        "Receivers treat mail signed with it as unsigned.",
        "Remove t=y.";
    // --- MTA-STS and TLS-RPT
    StsRecordInvalid = "sts_record_invalid", Serious, DomainOwner, "The _mta-sts record is not one.",
        "Senders see no MTA-STS.",
        "Publish v=STSv1; id=….";
    StsRecordMultiple = "sts_record_multiple", Serious, DomainOwner, "There are several _mta-sts records.",
        "Senders see no MTA-STS.",
        "Keep one.";
    StsPolicyUnfetchable = "sts_policy_unfetchable", Serious, DomainOwner, "The MTA-STS policy cannot be fetched.",
        "New senders see no MTA-STS; the others keep an old policy until it ages out.",
        "Serve it at https://mta-sts.DOMAIN/.well-known/mta-sts.txt with status 200, without a redirect.";
    StsPolicyHostCertificate = "sts_policy_host_certificate", Serious, DomainOwner, "The certificate of the MTA-STS policy host does not hold.",
        "Senders must not use the policy.",
        "Give mta-sts.DOMAIN a certificate that names it and leads to a common root.";
    StsPolicyInvalid = "sts_policy_invalid", Serious, DomainOwner, "The MTA-STS policy is not one.",
        "Senders that keep to the letter see no MTA-STS.",
        "Correct the line that the detail names.";
    StsPolicyLax = "sts_policy_lax", Notice, DomainOwner, "Only lax senders take the MTA-STS policy.",
        "By the letter of RFC 8461 it is none.",
        "Correct the line that the detail names.";
    StsExchangeUncovered = "sts_exchange_uncovered", Serious, DomainOwner, "The MTA-STS policy does not cover an exchange.",
        "Senders that heed it do not deliver there; where it covers none, mail is lost.",
        "Add the exchange to the policy, then change the id; a wildcard stands for one label.";
    StsExchangeFails = "sts_exchange_fails", Serious, MailOperator, "An exchange does not meet the MTA-STS policy.",
        "Senders that heed it do not deliver there.",
        "Give it STARTTLS with TLS 1.2 and a certificate that names it and leads to a common root.";
    StsWouldLoseMail = "sts_would_lose_mail", Critical, DomainOwner, "Under its MTA-STS policy all mail is lost.",
        "Senders that heed it (Google and Microsoft among them) deliver nothing.",
        "Set mode: testing and change the id at once; then mend what the detail names.";
    StsTesting = "sts_testing", Notice, DomainOwner, "MTA-STS is in testing.",
        "It protects nothing.",
        "When TLS reports are clean: mode: enforce, and change the id.";
    StsMaxAgeShort = "sts_max_age_short", Notice, DomainOwner, "The MTA-STS policy is kept for less than a day.",
        "An attacker need only block the next fetch.",
        "Set max_age to weeks.";
    StsPolicyWithoutRecord = "sts_policy_without_record", Notice, DomainOwner, "There is an MTA-STS policy and no _mta-sts record.",
        "Senders do not look for it.",
        "Publish the record, or remove the policy.";
    TlsRptMissing = "tls_rpt_missing", Notice, DomainOwner, "DANE or MTA-STS without TLS reporting.",
        "Failures at senders are not learned.",
        "Publish _smtp._tls with v=TLSRPTv1; rua=….";
    TlsRptInvalid = "tls_rpt_invalid", Notice, DomainOwner, "The _smtp._tls record is not one.",
        "No reports come.",
        "Publish v=TLSRPTv1; rua=mailto:… or https:….";
    // --- CAA, BIMI
    CaaInvalid = "caa_invalid", Notice, DomainOwner, "A CAA record forbids everybody by what it is not.",
        "An unknown critical property, or a malformed issue, stops every authority from renewing.",
        "Correct the record that the detail names.";
    BimiInvalid = "bimi_invalid", Notice, DomainOwner, "The BIMI record is not one.",
        "No logo is shown.",
        "Correct the tag that the detail names.";
    BimiUnenforced = "bimi_unenforced", Notice, DomainOwner, "BIMI without an enforced DMARC policy.",
        "No logo is shown.",
        "Bring DMARC to quarantine or reject.";
}

/// One thing that is wrong, known and not guessed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Problem {
    /// How bad it is here; worst first in lists.
    pub severity: Severity,
    /// What it is.
    pub code: ProblemCode,
    /// The name or address at which it is; `None`: the domain itself.
    pub place: Option<String>,
    /// What was seen: text from the network is in it only through the records, escaped where it is shown.
    pub detail: Option<String>,
}

impl Problem {
    /// A problem of the domain itself, as bad as its code is.
    pub fn new(code: ProblemCode) -> Self {
        Self {
            severity: code.severity(),
            code,
            place: None,
            detail: None,
        }
    }

    /// The same at a name or an address.
    pub fn at_place(mut self, place: impl ToString) -> Self {
        self.place = Some(place.to_string());
        self
    }

    /// The same with what was seen.
    pub fn with(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The same, no less bad than `severity`.
    pub fn at_least(mut self, severity: Severity) -> Self {
        self.severity = self.severity.max(severity);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_says_what_why_and_what_to_do() {
        assert!(ProblemCode::ALL.len() >= 60, "{}", ProblemCode::ALL.len());
        for &code in ProblemCode::ALL {
            for text in [code.meaning(), code.why(), code.remedy()] {
                let ends = text.ends_with(['.', '…', ')']);
                assert!(text.len() > 8 && ends, "{code}: {text:?}");
            }
        }
    }

    #[test]
    fn a_problem_is_never_made_milder() {
        let problem = Problem::new(ProblemCode::TlsaMismatch).at_least(Severity::Notice);
        assert_eq!(problem.severity, Severity::Critical);
        let problem = Problem::new(ProblemCode::StarttlsMissing).at_least(Severity::Critical);
        assert_eq!(problem.severity, Severity::Critical);
    }
}
