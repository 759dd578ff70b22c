//! What OpenSSL says of the same things: names and strengths of suites, chains.

use std::process::Command;

use mx_survey::cipher;

/// Every suite that this OpenSSL was built with has its name, its registered name and its bits.
#[test]
fn t1_bits_of_every_suite_are_those_of_openssl() {
    let listed = Command::new("openssl")
        .args(["ciphers", "-V", "-stdname"])
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
