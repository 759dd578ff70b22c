//! Facts of certificates held against what `openssl x509` says of the same ones.

use std::process::{Command, Stdio};

use mx_survey::x509::store::Store;
use mx_survey::x509::verdict::verdict;
use mx_survey::x509::{facts, sha256_hex};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType,
    SerialNumber, date_time_ymd,
};
use serde_json::{Value, json};

/// What `openssl` says, given `input`.
fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap().stdout
}

/// The facts that are compared, as OpenSSL has them.
fn theirs(der: &[u8]) -> Value {
    let said = openssl(
        &[
            "x509", "-inform", "DER", "-noout", "-text", "-serial", "-dates", "-dateopt",
            "iso_8601", "-nameopt", "RFC2253",
        ],
        der,
    );
    let said = String::from_utf8_lossy(&said).into_owned();
    let after = |mark: &str| {
        let line = said.lines().find_map(|line| line.trim().strip_prefix(mark));
        line.unwrap_or_default().trim().to_owned()
    };
    let date = |mark: &str| after(mark).replace(' ', "T");
    let names: Vec<String> = (said.lines())
        .skip_while(|line| !line.contains("Subject Alternative Name"))
        .nth(1)
        .into_iter()
        .flat_map(|line| line.split(", "))
        // Ours are in lower case.
        .filter_map(|name| {
            name.trim()
                .strip_prefix("DNS:")
                .map(str::to_ascii_lowercase)
        })
        .collect();
    let constraints = after("CA:TRUE");
    let key = openssl(&["x509", "-inform", "DER", "-noout", "-pubkey"], der);
    let key = openssl(&["pkey", "-pubin", "-outform", "DER"], &key);
    let bits = after("Public-Key: (").split(' ').next().unwrap().to_owned();
    json!({
        "serial": after("serial=").to_lowercase(),
        "not_before": date("notBefore="),
        "not_after": date("notAfter="),
        "subject": after("Subject:"),
        "issuer": after("Issuer:"),
        "names": names,
        // An Ed25519 key has no line for its bits.
        "bits": bits.parse::<u32>().unwrap_or(256),
        "signature": after("Signature Algorithm:").to_lowercase(),
        "ca": said.contains("CA:TRUE"),
        "path_len": constraints.strip_prefix(", pathlen:").and_then(|it| it.parse::<u32>().ok()),
        "spki": sha256_hex(&key),
    })
}

fn ours(der: &[u8]) -> Value {
    let facts = serde_json::to_value(facts::facts(der).unwrap()).unwrap();
    json!({
        "serial": facts["serial"],
        "not_before": facts["not_before"],
        "not_after": facts["not_after"],
        "subject": facts["subject"],
        "issuer": facts["issuer"],
        "names": facts.get("names").cloned().unwrap_or_else(|| json!([])),
        "bits": facts["key_bits"],
        "signature": facts["signature_algorithm"].as_str().unwrap().to_lowercase(),
        "ca": facts["ca"],
        "path_len": facts.get("path_len").cloned().unwrap_or(Value::Null),
        "spki": facts["spki_sha256"],
    })
}

/// A small generator of numbers: the same certificates every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % sides) as usize
    }
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn facts_of_certificates_are_those_of_openssl() {
    let mut dice = Dice(2015);
    let keys = [
        &rcgen::PKCS_ECDSA_P256_SHA256,
        &rcgen::PKCS_ECDSA_P384_SHA384,
        &rcgen::PKCS_ED25519,
    ];
    let key = |dice: &mut Dice| KeyPair::generate_for(keys[dice.roll(3)]).unwrap();
    let mut root = CertificateParams::new(vec![]).unwrap();
    root.distinguished_name.push(DnType::CommonName, "root");
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(root, key(&mut dice)).unwrap();
    for number in 0..120 {
        let mut params = CertificateParams::new(vec![]).unwrap();
        let words = [
            "mx.example.com",
            "Mail, Inc.",
            "a+b=c",
            " led by a blank",
            "M\u{fc}nchen #1",
            "x;<y>",
        ];
        for kind in [
            DnType::CommonName,
            DnType::OrganizationName,
            DnType::LocalityName,
        ] {
            if dice.roll(3) > 0 {
                params.distinguished_name.push(kind, words[dice.roll(6)]);
            }
        }
        let names = [
            "mx.example.com",
            "*.example.com",
            "xn--mnchen-3ya.test",
            "_25.a.test",
            "MX.Example.NET",
        ];
        for _ in 0..dice.roll(4) {
            let name = names[dice.roll(5)];
            params
                .subject_alt_names
                .push(SanType::DnsName(name.try_into().unwrap()));
        }
        let length = 1 + dice.roll(19);
        let octets: Vec<u8> = (0..length)
            .map(|at| (dice.roll(255) + usize::from(at == 0)) as u8)
            .collect();
        params.serial_number = Some(SerialNumber::from_slice(&octets));
        let year = [1951, 1999, 2000, 2026, 2049, 2050, 2999][dice.roll(7)];
        params.not_before = date_time_ymd(year, 1 + dice.roll(12) as u8, 1 + dice.roll(28) as u8);
        params.not_after = date_time_ymd(year + 1, 1 + dice.roll(12) as u8, 28);
        params.is_ca = match dice.roll(5) {
            0 => IsCa::Ca(BasicConstraints::Unconstrained),
            1 => IsCa::Ca(BasicConstraints::Constrained(dice.roll(4) as u8)),
            2 => IsCa::ExplicitNoCa,
            _ => IsCa::NoCa,
        };
        let key = key(&mut dice);
        let made = match dice.roll(3) {
            0 => params.self_signed(&key),
            _ => params.signed_by(&key, &root),
        };
        let der = made.unwrap().der().to_vec();
        let (mut ours, mut theirs) = (ours(&der), theirs(&der));
        // A distinguished name has many spellings: what stands behind each attribute is compared elsewhere.
        for field in ["subject", "issuer"] {
            for side in [&mut ours, &mut theirs] {
                let text = side[field].as_str().unwrap_or_default();
                let plain = text
                    .chars()
                    .filter(|it| it.is_ascii_alphanumeric())
                    .collect::<String>();
                let is_ascii = !text.contains('\u{fc}') && !text.contains("\\C3");
                side[field] = json!(if is_ascii { plain } else { String::new() });
            }
        }
        assert_eq!(ours, theirs, "certificate {number}");
    }
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn rsa_of_every_size_and_hash_is_checked() {
    let directory = tempfile::tempdir().unwrap();
    let run = |arguments: &str| {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let mut command = Command::new("openssl");
        let output = command
            .args(&arguments)
            .current_dir(&directory)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
    };
    let der = |name: &str| {
        let pem = std::fs::read(directory.path().join(name)).unwrap();
        openssl(&["x509", "-outform", "DER"], &pem)
    };
    for (bits, hash) in [
        (512, "sha1"),
        (512, "sha256"),
        (768, "sha384"),
        (1024, "sha224"),
        (1024, "sha384"),
        (1024, "sha512"),
        (2048, "sha224"),
    ] {
        run(&format!(
            "req -x509 -newkey rsa:{bits} -nodes -{hash} -keyout ca.key -out ca.pem -days 30 -subj /CN=ca"
        ));
        run(&format!(
            "req -newkey rsa:{bits} -nodes -{hash} -keyout leaf.key -out leaf.csr -subj /CN=mx"
        ));
        run(&format!(
            "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -{hash} -days 9 -out leaf.pem"
        ));
        run("verify -CAfile ca.pem leaf.pem");
        let (ca, leaf) = (der("ca.pem"), der("leaf.pem"));
        let about = format!("{bits} {hash}");
        let known = facts::facts(&ca).unwrap();
        assert_eq!(
            (known.self_signed, known.key_bits),
            (Some(true), Some(bits)),
            "{about}"
        );
        let pem = std::fs::read(directory.path().join("ca.pem")).unwrap();
        let store = Store::from_pem("test".into(), &pem).unwrap();
        let now = time::OffsetDateTime::now_utc();
        assert_eq!(
            verdict(std::slice::from_ref(&leaf), now, &store).valid,
            Some(true),
            "{about}"
        );
        for spoilt in [&ca, &leaf] {
            let mut spoilt = spoilt.clone();
            *spoilt.last_mut().unwrap() ^= 1;
            let is_ca = facts::facts(&spoilt).unwrap().self_issued;
            if is_ca {
                assert_eq!(
                    facts::facts(&spoilt).unwrap().self_signed,
                    Some(false),
                    "{about}"
                );
            } else {
                assert_eq!(
                    verdict(&[spoilt], now, &store).valid,
                    Some(false),
                    "{about}"
                );
            }
        }
    }
}
