//! What OpenSSL says of the same things: names and strengths of suites, chains.

use std::fs;
use std::process::Command;

use mx_survey::cipher;
use mx_survey::x509::store::Store;
use mx_survey::x509::verdict::verdict;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose, NameConstraints,
    SanType, date_time_ymd,
};
use time::OffsetDateTime;
use time::macros::datetime;

/// Every suite that this OpenSSL was built with has its name, its registered name and its bits.
#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn t1_bits_of_every_suite_are_those_of_openssl() {
    let listed = Command::new("openssl")
        .args(["ciphers", "-V", "-stdname", "-ciphersuites"])
        .arg(
            "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:\
             TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256",
        )
        .arg("ALL:COMPLEMENTOFALL@SECLEVEL=0")
        .output()
        .expect("openssl");
    let listed = String::from_utf8(listed.stdout).unwrap();
    let mut compared = 0;
    for line in listed.lines() {
        // 0xC0,0x2C - TLS_… - ECDHE-… TLSv1.2 Kx=ECDH Au=ECDSA Enc=AESGCM(256) Mac=AEAD
        let words: Vec<&str> = line.split_whitespace().collect();
        let octets: Vec<u8> = words[0]
            .split(',')
            .map(|octet| u8::from_str_radix(&octet[2..], 16).unwrap())
            .collect();
        let id = u16::from_be_bytes([octets[0], octets[1]]);
        let encryption = words
            .iter()
            .find_map(|word| word.strip_prefix("Enc="))
            .unwrap();
        let bits: u16 = match encryption.split_once('(') {
            Some((_, bits)) => bits.trim_end_matches(')').parse().unwrap(),
            None => 0,
        };
        let suite = cipher::by_id(id).unwrap_or_else(|| panic!("{line}"));
        assert_eq!(
            (suite.iana, suite.openssl, suite.bits),
            (words[2], Some(words[4]), bits),
            "{line}"
        );
        compared += 1;
    }
    assert!(compared > 100, "{compared}");
}

/// Those that OpenSSL of today has left, by what their names say.
#[test]
fn t1_bits_of_every_registered_suite_are_those_of_its_name() {
    let bits_of = |name: &str| -> Option<u16> {
        let words: [(&str, u16); 28] = [
            ("_SCSV", 0),
            ("_RC2_CBC_56_", 56),
            ("_WITH_NULL_", 0),
            ("_NULL_SHA", 0),
            ("_SHA256_SHA256", 0),
            ("_SHA384_SHA384", 0),
            ("_RC4_40_", 40),
            ("_RC2_CBC_40_", 40),
            ("_DES40_", 40),
            ("_DES_CBC_40_", 40),
            ("_RC4_56_", 56),
            ("_RC4_128_", 128),
            ("_3DES_EDE_", 168),
            ("_DES_CBC_", 56),
            ("_IDEA_", 128),
            ("_SEED_", 128),
            ("_AES_128_", 128),
            ("_AES_256_", 256),
            ("_CAMELLIA_128_", 128),
            ("_CAMELLIA_256_", 256),
            ("_ARIA_128_", 128),
            ("_ARIA_256_", 256),
            ("_CHACHA20_POLY1305_", 256),
            ("_AEGIS_128", 128),
            ("_AEGIS_256", 256),
            ("_SM4_", 128),
            ("_KUZNYECHIK_", 256),
            ("_MAGMA_", 256),
        ];
        let found = words.iter().find(|(word, _)| name.contains(word));
        found.map(|(_, bits)| *bits)
    };
    let mut unnamed = Vec::new();
    for id in 0..=0xffff {
        let Some(suite) = cipher::by_id(id) else {
            continue;
        };
        match bits_of(suite.iana) {
            Some(bits) => assert_eq!(suite.bits, bits, "{}", suite.iana),
            None => unnamed.push(suite.iana),
        }
    }
    assert_eq!(unnamed, [""; 0]);
}

/// A small generator of numbers, the same in each run.
struct Dice(u64);

impl Dice {
    /// Below `sides`.
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    /// Once in `times`.
    fn hits(&mut self, times: u64) -> bool {
        self.roll(times) == 0
    }
}

const AT: OffsetDateTime = datetime!(2026-06-01 00:00 UTC);
type Ca = CertifiedIssuer<'static, KeyPair>;

fn params(name: &str, dice: &mut Dice, notes: &mut Vec<String>) -> CertificateParams {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2027, 1, 1);
    if dice.hits(12) {
        notes.push(format!("{name} expired"));
        params.not_after = date_time_ymd(2026, 5, 31);
    }
    if dice.hits(14) {
        notes.push(format!("{name} not yet valid"));
        params.not_before = date_time_ymd(2026, 6, 2);
    }
    if dice.hits(14) {
        notes.push(format!("{name} with an unknown critical extension"));
        let mut unknown = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
        unknown.set_criticality(true);
        params.custom_extensions.push(unknown);
    }
    match dice.roll(8) {
        0 => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth],
        1 => {
            notes.push(format!("{name} for clients"));
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        }
        _ => {}
    }
    params
}

fn issuer(name: &str, dice: &mut Dice, notes: &mut Vec<String>) -> CertificateParams {
    let mut params = params(name, dice, notes);
    params.is_ca = match dice.roll(8) {
        0 => {
            notes.push(format!("{name} is no CA"));
            IsCa::ExplicitNoCa
        }
        1 => {
            notes.push(format!("{name} has path length 0"));
            IsCa::Ca(BasicConstraints::Constrained(0))
        }
        _ => IsCa::Ca(BasicConstraints::Unconstrained),
    };
    match dice.roll(8) {
        0 => {
            notes.push(format!("{name} may sign data alone"));
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        }
        1 | 2 => params.key_usages = vec![KeyUsagePurpose::KeyCertSign],
        _ => {}
    }
    let names = ["example.com", "mx.example.com", "example.net", ""];
    let subtrees = |dice: &mut Dice| -> Vec<GeneralSubtree> {
        let count = dice.roll(3);
        (0..count)
            .map(|_| GeneralSubtree::DnsName(names[dice.roll(4) as usize].into()))
            .collect()
    };
    if dice.hits(3) {
        let (permitted, excluded) = (subtrees(dice), subtrees(dice));
        if !permitted.is_empty() || !excluded.is_empty() {
            notes.push(format!(
                "{name} permits {permitted:?}, excludes {excluded:?}"
            ));
            params.name_constraints = Some(NameConstraints {
                permitted_subtrees: permitted,
                excluded_subtrees: excluded,
            });
        }
    }
    params
}

/// Where OpenSSL says otherwise, the sentence of the RFC that decides; a part of the notes on a chain.
const EXCEPTIONS: [(&str, &str); 2] = [
    (
        "malformed name",
        "RFC 5280 §4.2.1.6: the name MUST be in the \"preferred name syntax\"; such a name is in no permitted subtree",
    ),
    (
        "a wildcard for an excluded name",
        "RFC 5280 §4.2.1.10: any name matching a restriction in excludedSubtrees is invalid; the wildcard names it too",
    ),
];

/// Three hundred chains of up to two intermediates with whatever can be wrong with them: the same verdict as that of
/// `openssl verify`.
#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn path_verdicts_are_those_of_openssl() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let mut dice = Dice(2014);
    let key = || KeyPair::generate().unwrap();
    let root = |name: &str| -> Ca {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2036, 1, 1);
        CertifiedIssuer::self_signed(params, key()).unwrap()
    };
    let (known, unknown) = (root("root"), root("stranger"));
    fs::write(path("root.pem"), known.pem()).unwrap();
    let store = Store::from_pem("test".into(), known.pem().as_bytes()).unwrap();
    let (mut good, mut bad) = (0, 0);
    let mut differences = Vec::new();
    for number in 0..300 {
        let mut notes = Vec::new();
        let top = if dice.hits(20) {
            notes.push("a root that is not known".to_owned());
            &unknown
        } else {
            &known
        };
        let mut issuers: Vec<Ca> = Vec::new();
        for position in 0..dice.roll(3) {
            let params = issuer(&format!("ca{position}"), &mut dice, &mut notes);
            let above = issuers.last().unwrap_or(top);
            issuers.push(CertifiedIssuer::signed_by(params, key(), above).unwrap());
        }
        let mut leaf = params("leaf", &mut dice, &mut notes);
        let names = [
            "mx.example.com",
            "example.com",
            "*.example.com",
            "a.example.net",
            "b.test",
        ];
        let name = match dice.hits(12) {
            true => {
                notes.push("malformed name".to_owned());
                ".example.com"
            }
            false => names[dice.roll(5) as usize],
        };
        leaf.subject_alt_names = vec![SanType::DnsName(name.try_into().unwrap())];
        let is_excluded = |note: &String| {
            (note.split_once("excludes")).is_some_and(|(_, names)| names.contains("mx.example.com"))
        };
        if name.starts_with('*') && notes.iter().any(is_excluded) {
            notes.push("a wildcard for an excluded name".to_owned());
        }
        notes.push(name.to_owned());
        let leaf = leaf
            .signed_by(&key(), issuers.last().unwrap_or(top))
            .unwrap();
        if issuers.len() == 2 && dice.hits(12) {
            notes.push("ca0 not sent".into());
            issuers.remove(0);
        }
        let sent: Vec<Vec<u8>> = std::iter::once(leaf.der().to_vec())
            .chain(issuers.iter().rev().map(|ca| ca.der().to_vec()))
            .collect();
        fs::write(path("leaf.pem"), leaf.pem()).unwrap();
        let above: String = issuers.iter().rev().map(|ca| ca.pem()).collect();
        fs::write(path("above.pem"), above).unwrap();
        let mut command = Command::new("openssl");
        command.args([
            "verify",
            "-purpose",
            "sslserver",
            "-no-CApath",
            "-no-CAstore",
        ]);
        command.args(["-attime", &AT.unix_timestamp().to_string()]);
        command.args(["-CAfile", &path("root.pem")]);
        if !issuers.is_empty() {
            command.args(["-untrusted", &path("above.pem")]);
        }
        let output = command.arg(path("leaf.pem")).output().unwrap();
        let ours = verdict(&sent, AT, &store);
        match output.status.success() {
            true => good += 1,
            false => bad += 1,
        }
        let is_excepted =
            (EXCEPTIONS.iter()).any(|(part, _)| notes.iter().any(|note| note.contains(part)));
        if ours.valid != Some(output.status.success()) && !is_excepted {
            let theirs = String::from_utf8_lossy(&output.stderr).into_owned();
            let ours = (ours.valid, ours.reason.to_string());
            differences.push(format!("{number} {notes:?}: {ours:?}, {theirs}"));
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
    assert!(good > 30 && bad > 60, "{good} good, {bad} bad");
}
