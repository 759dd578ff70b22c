//! Domains that publish something wrong about their mail.

use serde_json::json;

use super::case::{Case, case, dkim_key, policy, policy_text, text, with};
use crate::judge::problem::ProblemCode as Code;

/// SPF.
pub(super) fn spf_cases() -> Vec<Case> {
    let includes: String = (0..11).map(|n| format!("include:i{n}.{{b}} ")).collect();
    let mut lookups = text("", &format!("v=spf1 {includes}-all"));
    for n in 0..11 {
        lookups["names"][format!("i{n}")] = json!({"txt": ["v=spf1 ip4:192.0.2.1 -all"]});
    }
    let long: String = (0..40).map(|n| format!("ip4:198.51.100.{n} ")).collect();
    vec![
        case(Code::SpfMissing, json!({"names": {"": {"txt": null}}})),
        case(
            Code::SpfMultiple,
            json!({"names": {"": {"txt": ["v=spf1 mx -all", "v=spf1 -all"]}}}),
        ),
        case(Code::SpfInvalid, text("", "v=spf1 mx ipv4:192.0.2.1 -all")),
        case(Code::SpfTooManyLookups, lookups),
        case(
            Code::SpfTooManyVoids,
            text("", "v=spf1 a:a.{b} a:b.{b} a:c.{b} -all"),
        ),
        case(
            Code::SpfIncludeBroken,
            with(
                text("", "v=spf1 include:empty.{b} -all"),
                json!({"names": {"empty": {"txt": ["no record"]}}}),
            ),
        ),
        case(
            Code::SpfIncludeFree,
            text("", "v=spf1 a:mail.nobody-has-registered-this.test mx -all"),
        ),
        case(Code::SpfLoop, text("", "v=spf1 include:{d} -all")),
        case(Code::SpfPassAll, text("", "v=spf1 +all")),
        case(Code::SpfNeutral, text("", "v=spf1 mx ?all")),
        case(Code::SpfDeprecated, text("", "v=spf1 mx ptr -all")),
        case(
            Code::SpfTooBroad,
            text("", "v=spf1 mx ip4:198.16.0.0/12 -all"),
        ),
        case(Code::SpfTooLong, text("", &format!("v=spf1 {long}-all"))),
        case(
            Code::SpfUnreachedTerms,
            text("", "v=spf1 mx -all ip4:192.0.2.1"),
        ),
    ]
}

/// DMARC and DKIM.
pub(super) fn dmarc_cases() -> Vec<Case> {
    let rua = "rua=mailto:reports@{d}";
    let dmarc = |tags: &str| text("_dmarc", &format!("v=DMARC1; {tags}; {rua}"));
    let key = |record: &str| text("default._domainkey", record);
    let without_key = || json!({"names": {"default._domainkey": null}});
    vec![
        case(Code::DmarcMissing, json!({"names": {"_dmarc": null}})),
        case(
            Code::DmarcMultiple,
            json!({"names": {"_dmarc": {"txt": [format!("v=DMARC1; p=reject; {rua}"), format!("v=DMARC1; p=none; {rua}")]}}}),
        ),
        case(Code::DmarcInvalid, text("_dmarc", "v=DMARC1; p=rejected")),
        case(Code::DmarcNone, dmarc("p=none")),
        case(Code::DmarcTesting, dmarc("p=reject; t=y")),
        case(Code::DmarcSubdomainsWeaker, dmarc("p=reject; sp=none")),
        case(
            Code::DmarcRulesDiffer,
            json!({"below": "shop.mail.", "names": {
                "_dmarc": null,
                "_dmarc.mail.{b}.": {"txt": ["v=DMARC1; p=reject; psd=n; rua=mailto:reports@mail.{b}"]},
                "_dmarc.{b}.": {"txt": ["v=DMARC1; p=quarantine; rua=mailto:reports@{b}"]},
            }}),
        ),
        case(
            Code::DmarcReportsUnauthorised,
            text(
                "_dmarc",
                "v=DMARC1; p=reject; rua=mailto:reports@reader-of-reports.test",
            ),
        ),
        case(Code::DmarcNoReports, text("_dmarc", "v=DMARC1; p=reject")),
        case(
            Code::DmarcWithoutAuthentication,
            with(without_key(), json!({"names": {"": {"txt": null}}})),
        )
        .implies(Code::SpfMissing, "a part of it")
        .implies(Code::DkimMissing, "a part of it"),
        case(
            Code::DmarcNonexistentIneffective,
            with(
                dmarc("p=quarantine; np=reject"),
                json!({"names": {"": {"signed": "compact"}}}),
            ),
        ),
        case(Code::DkimMissing, without_key()),
        case(
            Code::DkimKeyWeak,
            key(&format!("v=DKIM1; p={}", dkim_key(768))),
        ),
        case(
            Code::DkimKeyShort,
            key(&format!("v=DKIM1; p={}", dkim_key(1024))),
        ),
        case(Code::DkimKeyInvalid, key("v=DKIM1; p=MIIB!!!!")),
        case(
            Code::DkimTesting,
            key(&format!("v=DKIM1; t=y; p={}", dkim_key(2048))),
        ),
    ]
}

/// MTA-STS, TLS-RPT, CAA and BIMI.
pub(super) fn policy_cases() -> Vec<Case> {
    let other_exchange = "version: STSv1\nmode: testing\nmx: mx.elsewhere.test\nmax_age: 604800\n";
    let testing = "version: STSv1\nmode: testing\nmx: mx.{domain}\nmax_age: 604800\n";
    let in_testing = "an exchange that fails is worth less than a row of its own where mail is lost: the policy is in testing";
    vec![
        case(Code::StsRecordInvalid, with(text("_mta-sts", "v=STSv1; id=not-a-number"), json!({}))),
        case(Code::StsRecordMultiple, json!({"names": {"_mta-sts": {"txt": ["v=STSv1; id=1", "v=STSv1; id=2"]}}})),
        case(Code::StsPolicyUnfetchable, policy(json!({"as": "policy-404"}))),
        case(Code::StsPolicyHostCertificate, policy(json!({"as": "policy-expired"}))),
        case(Code::StsPolicyInvalid, policy_text("version: STSv1\nmode: enforced\nmx: mx.{domain}\nmax_age: 604800\n")),
        case(Code::StsPolicyLax, policy_text("version: STSv1\n\nmode: enforce\nmx: mx.{domain}\nmax_age: 604800\n")),
        case(Code::StsExchangeUncovered, policy_text(other_exchange)).implies(Code::StsTesting, in_testing),
        case(
            Code::StsExchangeFails,
            json!({"policy": {"https": {"text": testing}}, "servers": {"mx": {"tls": {"certificate": "self-signed"}}}}),
        )
        .implies(Code::CertificateSelfSigned, "that is why it fails")
        .implies(Code::StsTesting, in_testing),
        case(Code::StsWouldLoseMail, json!({"servers": {"mx": {"tls": null}}}))
            .implies(Code::StarttlsMissing, "that is why all mail is lost")
            .implies(Code::StsExchangeFails, "that is why all mail is lost"),
        case(Code::StsTesting, policy_text(testing)),
        case(Code::StsMaxAgeShort, policy_text("version: STSv1\nmode: enforce\nmx: mx.{domain}\nmax_age: 3600\n")),
        case(Code::StsPolicyWithoutRecord, json!({"names": {"_mta-sts": null}})),
        case(Code::TlsRptMissing, json!({"names": {"_smtp._tls": null}})),
        case(Code::TlsRptInvalid, text("_smtp._tls", "v=TLSRPTv1; rua=ftp://{d}")),
        case(Code::CaaInvalid, json!({"names": {"": {"caa": ["128 tbs unknown"]}}})),
        case(Code::BimiInvalid, text("default._bimi", "v=BIMI1; l=http://{d}/logo.svg")),
        case(
            Code::BimiUnenforced,
            with(
                text("default._bimi", "v=BIMI1; l=https://{d}/logo.svg"),
                text("_dmarc", "v=DMARC1; p=none; rua=mailto:reports@{d}"),
            ),
        )
        .implies(Code::DmarcNone, "that is what is not enforced"),
    ]
}
