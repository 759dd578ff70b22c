//! Random fields in the shapes that writers use, beside what they were made to say, and beside mail-parser: each difference
//! between the two readers is one that is explained here, or a failure.

use mail_parser::{Host, MessageParser, Protocol, Received, TlsVersion};
use mx_survey::received::tracer::Tracer;
use mx_survey::record::Hop;

use super::privacy::Random;

/// What a field was made to say.
#[derive(Debug, Default)]
struct Said {
    helo: String,
    ip: String,
    by: String,
    protocol: Option<&'static str>,
    version: Option<&'static str>,
    suite: Option<&'static str>,
    time: &'static str,
}

const NAMES: &[&str] = &[
    "mail.example.org",
    "mx-1.example.co.uk",
    "a.b.example.net",
    "MX.Example.COM",
    "out_1.example.org",
    "smtp.example.de",
    "tls.example.org",
    "x1-2-3.example.com",
];
const IPS: &[&str] = &[
    "198.51.100.7",
    "203.0.113.9",
    "192.0.2.44",
    "2001:db8::25",
    "2001:db8:1:2::f3",
];
/// Spelled, and the name that records have.
const VERSIONS: &[(&str, &str)] = &[
    ("TLSv1.3", "TLSv1.3"),
    ("TLS1.3", "TLSv1.3"),
    ("TLS1_3", "TLSv1.3"),
    ("TLSv1.2", "TLSv1.2"),
    ("TLS1_2", "TLSv1.2"),
    ("TLS1.2", "TLSv1.2"),
    ("TLSv1.1", "TLSv1.1"),
    ("TLSv1", "TLSv1"),
    ("TLS1.0", "TLSv1"),
    ("SSLv3", "SSLv3"),
];
/// Spelled, IANA's name, and the versions it is for.
const SUITES: &[(&str, &str, &[&str])] = &[
    (
        "TLS_AES_256_GCM_SHA384",
        "TLS_AES_256_GCM_SHA384",
        &["TLSv1.3"],
    ),
    (
        "TLS_AES_128_GCM_SHA256",
        "TLS_AES_128_GCM_SHA256",
        &["TLSv1.3"],
    ),
    (
        "TLS13_AES_128_GCM_SHA256",
        "TLS_AES_128_GCM_SHA256",
        &["TLSv1.3"],
    ),
    (
        "ECDHE-RSA-AES256-GCM-SHA384",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        &["TLSv1.2"],
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384_P384",
        "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
        &["TLSv1.2"],
    ),
    (
        "ECDHE_RSA_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        &["TLSv1.2"],
    ),
    (
        "AES128-SHA",
        "TLS_RSA_WITH_AES_128_CBC_SHA",
        &["SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2"],
    ),
    (
        "DHE-RSA-AES256-SHA",
        "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",
        &["SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2"],
    ),
    (
        "RC4-SHA",
        "TLS_RSA_WITH_RC4_128_SHA",
        &["SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2"],
    ),
];
/// Written, and the protocol that is named.
const LINKS: &[(&str, Option<&str>)] = &[
    ("ESMTP", Some("ESMTP")),
    ("ESMTPS", Some("ESMTPS")),
    ("esmtpsa", Some("ESMTPSA")),
    ("SMTP", Some("SMTP")),
    ("UTF8SMTPS", Some("UTF8SMTPS")),
    ("LMTP", Some("LMTP")),
    ("MailEnable ESMTPS", Some("ESMTPS")),
    ("GENERIC SMTP Server", Some("SMTP")),
    ("SMTPS", Some("SMTPS")),
    ("Microsoft SMTP Server", Some("SMTP")),
    ("essmtp", Some("ESSMTP")),
    ("hMailServer", None),
    ("MMS", Some("MMS")),
    ("HTTP", Some("HTTP")),
];
/// Written behind the semicolon, and the time.
const DATES: &[(&str, &str)] = &[
    (
        "Tue, 18 Mar 2014 20:58:36 -0400",
        "2014-03-19T00:58:36.000Z",
    ),
    (
        "18 Mar 2014 20:58:36 -0400 (EDT)",
        "2014-03-19T00:58:36.000Z",
    ),
    (
        "Wed, 19 Mar 2014 00:58:36 +0000 (UTC)",
        "2014-03-19T00:58:36.000Z",
    ),
    ("Mon, 1 Jan 2024 00:00:00 GMT", "2024-01-01T00:00:00.000Z"),
    (
        "Thu, 29 Feb 2024 23:59:59 +0530",
        "2024-02-29T18:29:59.000Z",
    ),
    ("Sat, 30 Feb 2024 00:00:00 +0000", ""),
    ("31 Apr 2023 00:00:00 +0000", ""),
];
const FOLDS: &[&str] = &[" ", "\n\t", "\n        ", "  "];

/// A field and what it says.
fn made(random: &mut Random) -> (String, Said) {
    let mut said = Said {
        helo: random.one_of(NAMES).into(),
        ip: random.one_of(IPS).into(),
        by: random.one_of(NAMES).into(),
        ..Said::default()
    };
    let (rdns, fold) = (random.one_of(NAMES), random.one_of(FOLDS));
    let literal = if said.ip.contains(':') {
        format!("IPv6:{}", said.ip)
    } else {
        said.ip.clone()
    };
    let (helo, ip) = (&said.helo, &said.ip);
    let from = match random.below(8) {
        0 => format!("from {helo} ({rdns} [{literal}])"),
        1 => format!("from {helo} ({rdns}. [{literal}])"),
        2 => format!("from {helo} (unknown [{ip}])"),
        3 => format!("from {rdns} (HELO {helo}) ({ip})"),
        4 => format!("from {rdns} ([{ip}] helo={helo})"),
        5 => format!("from {helo} ([{ip}])"),
        6 => format!("from {helo} ({ip})"),
        _ => format!("from {helo} ({rdns} [{ip}] (may be forged))"),
    };
    let (link, protocol) = LINKS[random.below(LINKS.len())];
    said.protocol = protocol;
    let (date, time) = DATES[random.below(DATES.len())];
    said.time = time;
    let (spelled, version) = VERSIONS[random.below(VERSIONS.len())];
    let fitting: Vec<_> = SUITES
        .iter()
        .filter(|(_, _, versions)| versions.contains(&version))
        .collect();
    let &(written, suite, _) = fitting[random.below(fitting.len())];
    // Where TLS is stated: behind from, behind with, behind id, or nowhere.
    let (mut early, mut middle, mut late) = (String::new(), String::new(), String::new());
    let place = random.below(6);
    match place {
        0 => early = format!("{fold}(using {spelled} with cipher {written} (256/256 bits))"),
        1 => middle = format!(" (version={spelled} cipher={written} bits=256 verify=NO)"),
        2 => middle = format!(" (version={spelled}, cipher={written})"),
        3 => middle = format!(" ({spelled}:{written}:256)"),
        4 => late = format!("{fold}(version={spelled} cipher={written} bits=256/256)"),
        _ => {}
    }
    if place < 5 {
        (said.version, said.suite) = (Some(version), Some(suite));
    }
    let by = &said.by;
    let field = format!(
        "{from}{early}{fold}by {by} (Postfix) with {link}{middle} id 4F4d1k4bDkz4x0dd{fold}for <user@example.net>{late}; {date}"
    );
    (field, said)
}

fn ours(tracer: &mut Tracer, number: usize, field: &str) -> Hop {
    let header = format!("X: {number}\nReceived: {field}\n");
    tracer.message(header.as_bytes()).remove(0)
}

fn theirs(field: &str) -> Received<'static> {
    let header = format!("Received: {field}\n\n");
    let message = MessageParser::default()
        .parse_headers(header.as_bytes())
        .unwrap();
    message.received().unwrap().clone().into_owned()
}

fn version_name(version: TlsVersion) -> &'static str {
    match version {
        TlsVersion::TLSv1_0 => "TLSv1",
        TlsVersion::TLSv1_1 => "TLSv1.1",
        TlsVersion::TLSv1_2 => "TLSv1.2",
        TlsVersion::TLSv1_3 => "TLSv1.3",
        TlsVersion::SSLv3 => "SSLv3",
        TlsVersion::SSLv2 => "SSLv2",
        TlsVersion::DTLSv1_0 | TlsVersion::DTLSv1_2 | TlsVersion::DTLSv1_3 => "DTLS",
    }
}

fn shown(host: Option<&Host<'_>>) -> Option<String> {
    host.map(|host| match host {
        Host::Name(name) => name.to_lowercase(),
        Host::IpAddr(ip) => ip.to_string(),
    })
}

/// Where mail-parser reads otherwise, and we know why.
fn explained(fact: &str, field: &str, theirs: Option<&str>) -> bool {
    match fact {
        // It knows some protocols that are not of mail between hosts, and those of the registry; no other.
        "protocol" => {
            ["SMTPS;", "with SMTPS ", "essmtp", "hMailServer"]
                .iter()
                .any(|word| field.contains(word))
                && theirs != Some("ESMTP")
        }
        // It reads no suite in the spelling of rustls, of Exchange (the curve behind it) or of GnuTLS.
        "suite" => theirs.is_none(),
        // A version within colons, or behind `using` in another spelling, is read as part of a word.
        "version" => theirs.is_none(),
        // It has no calendar: 30 February is what it says.
        "time" => field.contains("30 Feb") || field.contains("31 Apr"),
        // A name with an underscore, or one that is also a keyword of TLS, is no host to it; of two addresses in a field
        // it takes the last in brackets.
        "by" | "from" | "ip" => theirs.is_none(),
        _ => false,
    }
}

#[test]
fn random_fields_say_what_they_were_made_to_say_and_mail_parser_differs_where_explained() {
    let mut random = Random(0x5eed_0010);
    let mut tracer = Tracer::new("r", Vec::new(), None);
    let (mut agreed, mut excused) = ([0usize; 7], [0usize; 7]);
    const FACTS: [&str; 7] = ["helo", "ip", "by", "protocol", "version", "suite", "time"];
    for number in 0..800 {
        let (field, said) = made(&mut random);
        let hop = ours(&mut tracer, number, &field);
        let end = hop.from.clone().unwrap_or_default();
        let cipher = hop.cipher.as_ref().map(|cipher| cipher.iana.as_str());
        let helo = end.helo.as_ref().map(|text| text.lossy().into_owned());
        assert_eq!(helo.as_deref(), Some(said.helo.as_str()), "{field}");
        assert_eq!(
            end.ip.map(|ip| ip.to_string()),
            Some(said.ip.clone()),
            "{field}"
        );
        assert_eq!(
            hop.by.as_ref().and_then(|by| by.host.clone()),
            Some(said.by.to_lowercase()),
            "{field}"
        );
        assert_eq!(
            hop.protocol.as_ref().map(|word| word.word()),
            said.protocol,
            "{field}"
        );
        assert_eq!(
            hop.version.as_ref().map(|word| word.word()),
            said.version,
            "{field}"
        );
        assert_eq!(cipher, said.suite, "{field}");
        assert_eq!(
            hop.time.as_deref().unwrap_or_default(),
            said.time,
            "{field}"
        );
        let theirs = theirs(&field);
        let suite = theirs
            .tls_cipher()
            .and_then(mx_survey::cipher::by_name)
            .map(|suite| suite.iana.to_owned());
        let date = theirs.date().map(|date| date.to_timestamp() * 1000);
        let ours_ms =
            time::OffsetDateTime::parse(said.time, &time::format_description::well_known::Rfc3339)
                .ok()
                .map(|time| time.unix_timestamp() * 1000);
        let pairs: [(Option<String>, Option<String>); 7] = [
            // HELO, or the name behind from, whichever the writer puts there.
            (
                Some(said.helo.to_lowercase()),
                shown(theirs.helo()).or_else(|| shown(theirs.from())),
            ),
            (
                Some(said.ip.clone()),
                theirs.from_ip().map(|ip| ip.to_string()),
            ),
            (Some(said.by.to_lowercase()), shown(theirs.by())),
            (
                said.protocol.map(str::to_owned),
                theirs.with().map(|with| protocol_name(with).to_owned()),
            ),
            (
                said.version.map(str::to_owned),
                theirs
                    .tls_version()
                    .map(|version| version_name(version).to_owned()),
            ),
            (said.suite.map(str::to_owned), suite),
            (
                ours_ms.map(|ms| ms.to_string()),
                date.map(|ms| ms.to_string()),
            ),
        ];
        for (at, (ours, theirs)) in pairs.iter().enumerate() {
            if ours == theirs {
                agreed[at] += usize::from(ours.is_some());
            } else {
                excused[at] += 1;
                let fact = if FACTS[at] == "helo" {
                    "from"
                } else {
                    FACTS[at]
                };
                assert!(
                    explained(fact, &field, theirs.as_deref()),
                    "{}: {ours:?} {theirs:?}\n{field}",
                    FACTS[at]
                );
            }
        }
    }
    println!("{FACTS:?}: agreed {agreed:?}, explained {excused:?}");
    assert!(agreed.iter().all(|&count| count >= 150), "{agreed:?}");
}

fn protocol_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::SMTP => "SMTP",
        Protocol::ESMTP => "ESMTP",
        Protocol::ESMTPA => "ESMTPA",
        Protocol::ESMTPS => "ESMTPS",
        Protocol::ESMTPSA => "ESMTPSA",
        Protocol::LMTP => "LMTP",
        Protocol::LMTPA => "LMTPA",
        Protocol::LMTPS => "LMTPS",
        Protocol::LMTPSA => "LMTPSA",
        Protocol::MMS => "MMS",
        Protocol::UTF8SMTP => "UTF8SMTP",
        Protocol::UTF8SMTPA => "UTF8SMTPA",
        Protocol::UTF8SMTPS => "UTF8SMTPS",
        Protocol::UTF8SMTPSA => "UTF8SMTPSA",
        Protocol::UTF8LMTP => "UTF8LMTP",
        Protocol::UTF8LMTPA => "UTF8LMTPA",
        Protocol::UTF8LMTPS => "UTF8LMTPS",
        Protocol::UTF8LMTPSA => "UTF8LMTPSA",
        Protocol::HTTP => "HTTP",
        Protocol::HTTPS => "HTTPS",
        Protocol::IMAP => "IMAP",
        Protocol::POP3 => "POP3",
        Protocol::Local => "LOCAL",
    }
}
