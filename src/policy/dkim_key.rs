//! The record of a DKIM key (RFC 6376 §3.6.1, RFC 8301, RFC 8463): its type, its length, whether it is still in use.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::fields;
use super::tag_list::{Tag, TagList};
use crate::record::{DkimKey, DkimKeyType, Fault, PolicyFault, PolicyState};
use crate::x509::{der, sha256_hex};

/// The octets of a record that are kept.
const TEXT_LIMIT: usize = 4096;
/// The shortest RSA key that verifiers take, and the shortest that signers should have (RFC 8301 §3.2), bits.
const RSA_LEAST: u32 = 1024;
const RSA_ADVISED: u32 = 2048;
/// The longest key that is read, octets of its base64: some 30 times a usual one.
const KEY_LIMIT: usize = 64 * 1024;

/// What these TXT records, each with its strings joined, say of the key at `selector`.
///
/// The tags are those of RFC 6376: `v`, if there, must be `DKIM1` and first; `p` must be there, and is empty for a key that
/// was revoked; a tag that stands twice spoils the record; unknown tags are passed over. A wildcard's text of another kind
/// (SPF, say) is an `invalid` key with the fault `missing_key`.
///
/// ```
/// use mx_survey::policy::dkim_key::read;
/// use mx_survey::record::PolicyState;
///
/// let key = read("s1", &["v=DKIM1; k=rsa; p="]);
/// assert_eq!((key.state, key.revoked), (PolicyState::Ok, Some(true)));
/// assert_eq!(read("s1", &["v=spf1 -all"]).state, PolicyState::Invalid);
/// ```
pub fn read<R: AsRef<[u8]>>(selector: &str, records: &[R]) -> DkimKey {
    let mut key = blank(selector);
    match records {
        [] => {}
        [record] => read_one(record.as_ref(), &mut key),
        [first, ..] => {
            // RFC 6376 §3.6.2.2: the results are then undefined.
            read_one(first.as_ref(), &mut key);
            key.state = PolicyState::Multiple;
            fields::note(&mut key.faults, Fault::new(PolicyFault::Multiple));
        }
    }
    key
}

/// A key of which nothing is known.
pub(super) fn blank(selector: &str) -> DkimKey {
    DkimKey {
        selector: selector.into(),
        state: PolicyState::Absent,
        outcome: None,
        text: None,
        cname: Vec::new(),
        key_type: None,
        bits: None,
        revoked: None,
        testing: None,
        key_sha256: None,
        faults: Vec::new(),
    }
}

/// Whether the record is one of a DKIM key at all, whatever it is worth.
pub fn is_key(key: &DkimKey) -> bool {
    !matches!(key.state, PolicyState::Absent | PolicyState::Unknown)
        && !(key.faults.iter()).any(|fault| fault.code == PolicyFault::MissingKey)
}

/// Whether the text was meant as a DKIM key, though its `p=` is missing: it says the version, or a type that keys have.
pub fn is_meant(key: &DkimKey) -> bool {
    let Some(text) = &key.text else { return false };
    let list = TagList::read(&text.0);
    let has = |name: &[u8], values: &[&[u8]]| {
        (list.find(name)).is_some_and(|(_, tag)| values.contains(&tag.value))
    };
    has(b"v", &[b"DKIM1"]) || has(b"k", &[b"rsa", b"ed25519"])
}

fn read_one(record: &[u8], key: &mut DkimKey) {
    key.text = Some(record[..record.len().min(TEXT_LIMIT)].into());
    let list = TagList::read(record);
    let mut reader = Reader {
        key,
        is_invalid: !list.faults.is_empty(),
    };
    for fault in &list.faults {
        fields::note(&mut reader.key.faults, fault.clone());
    }
    reader.version(&list);
    reader.key_type(&list);
    reader.uses(&list);
    reader.flags(&list);
    reader.public_key(&list);
    let is_invalid = reader.is_invalid;
    key.state = match is_invalid {
        true => PolicyState::Invalid,
        false => PolicyState::Ok,
    };
}

struct Reader<'a> {
    key: &'a mut DkimKey,
    is_invalid: bool,
}

impl Reader<'_> {
    fn refuse(&mut self, fault: Fault) {
        self.is_invalid = true;
        self.remark(fault);
    }

    fn remark(&mut self, fault: Fault) {
        fields::note(&mut self.key.faults, fault);
    }

    fn version(&mut self, list: &TagList<'_>) {
        if let Some((position, tag)) = list.find(b"v")
            && (position > 0 || tag.value != b"DKIM1")
        {
            self.refuse(tag.fault(PolicyFault::Version));
        }
    }

    fn key_type(&mut self, list: &TagList<'_>) {
        let tag = list.find(b"k").map(|(_, tag)| tag);
        let kind = match tag.map(|tag| tag.value) {
            None | Some(b"rsa") => DkimKeyType::Rsa,
            Some(b"ed25519") => DkimKeyType::Ed25519,
            Some(_) => DkimKeyType::Unknown,
        };
        if list.find(b"p").is_some() {
            self.key.key_type = Some(kind);
        }
        if let (DkimKeyType::Unknown, Some(tag)) = (kind, tag) {
            self.refuse(tag.fault(PolicyFault::UnknownKeyType));
        }
    }

    /// Hashes and services: `h=` must leave SHA-256, `s=` must have mail in it.
    fn uses(&mut self, list: &TagList<'_>) {
        let has = |tag: &Tag<'_>, words: &[&[u8]]| {
            (tag.value.split(|&octet| octet == b':'))
                .any(|word| words.iter().any(|known| word.trim_ascii() == *known))
        };
        if let Some((_, tag)) = list.find(b"h")
            && !has(tag, &[b"sha256"])
        {
            self.refuse(tag.fault(PolicyFault::NoUsableHash));
        }
        if let Some((_, tag)) = list.find(b"s")
            && !has(tag, &[b"*", b"email"])
        {
            self.refuse(tag.fault(PolicyFault::NotForMail));
        }
    }

    fn flags(&mut self, list: &TagList<'_>) {
        let is_testing = list.find(b"t").is_some_and(|(_, tag)| {
            (tag.value.split(|&octet| octet == b':')).any(|flag| flag.trim_ascii() == b"y")
        });
        if list.find(b"p").is_some() {
            self.key.testing = Some(is_testing);
        }
    }

    fn public_key(&mut self, list: &TagList<'_>) {
        let Some((_, tag)) = list.find(b"p") else {
            return self.refuse(Fault::new(PolicyFault::MissingKey));
        };
        let text: Vec<u8> = (tag.value.iter().take(KEY_LIMIT))
            .filter(|octet| !octet.is_ascii_whitespace())
            .copied()
            .collect();
        self.key.revoked = Some(text.is_empty());
        if text.is_empty() {
            return;
        }
        let bits = match (decode(&text), self.key.key_type) {
            (Some(octets), kind) => {
                self.key.key_sha256 = Some(sha256_hex(&octets));
                match kind {
                    Some(DkimKeyType::Rsa) => rsa_bits(&octets),
                    // 32 octets as they are (RFC 8463 §4.2).
                    Some(DkimKeyType::Ed25519) => (octets.len() == 32).then_some(256),
                    _ => return,
                }
            }
            (None, _) => None,
        };
        self.key.bits = bits;
        match bits {
            None => self.refuse(tag.fault(PolicyFault::BadKey)),
            Some(bits) if self.key.key_type == Some(DkimKeyType::Rsa) => {
                if bits < RSA_LEAST {
                    self.remark(Fault::new(PolicyFault::WeakKey));
                } else if bits < RSA_ADVISED {
                    self.remark(Fault::new(PolicyFault::ShortKey));
                }
            }
            Some(_) => {}
        }
    }
}

/// Base64, padded or not, as verifiers take it.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    const LAX: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(&STANDARD, LAX).decode(text).ok()
}

/// Bits of the modulus: of a SubjectPublicKeyInfo, as everybody writes it, or of an RSAPublicKey, as RFC 6376 §3.6.1 says.
fn rsa_bits(octets: &[u8]) -> Option<u32> {
    const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
    const OBJECT_IDENTIFIER: u8 = 0x06;
    let sequence = whole(octets, der::SEQUENCE)?;
    let first = der::read(sequence.contents)?;
    if first.tag == der::INTEGER {
        return modulus_bits(sequence.contents);
    }
    let algorithm = (first.tag == der::SEQUENCE).then(|| der::read(first.contents))??;
    if algorithm.tag != OBJECT_IDENTIFIER || algorithm.contents != RSA_ENCRYPTION {
        return None;
    }
    let key = whole(first.rest, der::BIT_STRING)?;
    let inner = whole(key.contents.strip_prefix(&[0])?, der::SEQUENCE)?;
    modulus_bits(inner.contents)
}

/// Modulus and exponent, and nothing else.
fn modulus_bits(contents: &[u8]) -> Option<u32> {
    let modulus = der::read(contents).filter(|element| element.tag == der::INTEGER)?;
    whole(modulus.rest, der::INTEGER)?;
    // A number below zero is no modulus.
    if modulus
        .contents
        .first()
        .is_some_and(|first| first & 0x80 != 0)
    {
        return None;
    }
    der::bits(modulus.contents)
}

/// The one element that `octets` are.
fn whole(octets: &[u8], tag: u8) -> Option<der::Element<'_>> {
    der::read(octets).filter(|element| element.tag == tag && element.rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD as BASE64;

    /// A SubjectPublicKeyInfo of RSA with a modulus of so many bits.
    pub(crate) fn spki(bits: usize) -> Vec<u8> {
        fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
            let length = contents.len();
            let mut out = vec![tag];
            match length {
                0..0x80 => out.push(length as u8),
                0x80..0x100 => out.extend([0x81, length as u8]),
                _ => out.extend([0x82, (length >> 8) as u8, length as u8]),
            }
            out.extend_from_slice(contents);
            out
        }
        let mut modulus = vec![0u8; bits / 8 + 1];
        modulus[1] = 0x80;
        let numbers = [element(2, &modulus), element(2, &[1, 0, 1])].concat();
        let key = [vec![0], element(0x30, &numbers)].concat();
        let algorithm = [
            0x30, 0x0d, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0,
        ];
        element(0x30, &[algorithm.to_vec(), element(3, &key)].concat())
    }

    fn key(text: &str) -> DkimKey {
        read("s", &[text])
    }

    fn codes(key: &DkimKey) -> Vec<PolicyFault> {
        key.faults.iter().map(|fault| fault.code).collect()
    }

    #[test]
    fn the_length_and_the_hash_of_a_key() {
        for bits in [512, 768, 1024, 2048, 4096] {
            let der = spki(bits);
            let text = format!("v=DKIM1; k=rsa; p={}", BASE64.encode(&der));
            let key = key(&text);
            assert_eq!((key.state, key.bits), (PolicyState::Ok, Some(bits as u32)));
            assert_eq!(key.key_sha256, Some(sha256_hex(&der)));
            let told = match bits {
                512 | 768 => vec![PolicyFault::WeakKey],
                1024 => vec![PolicyFault::ShortKey],
                _ => vec![],
            };
            assert_eq!(codes(&key), told, "{bits}");
        }
        // The bare RSAPublicKey of the RFC's letter.
        let bare = &spki(2048)[24..];
        let text = format!("p={}", BASE64.encode(bare));
        assert_eq!(key(&text).bits, Some(2048));
        let edwards = format!("v=DKIM1;k=ed25519;p={}", BASE64.encode([7u8; 32]));
        assert_eq!(key(&edwards).bits, Some(256));
        assert_eq!(key(&edwards).key_type, Some(DkimKeyType::Ed25519));
    }

    #[test]
    fn every_tag_of_the_grammar() {
        use PolicyState::{Invalid, Ok};
        let good = BASE64.encode(spki(2048));
        let folded = format!("{} \r\n {}", &good[..40], &good[40..]);
        let bare = good.trim_end_matches('=');
        for (text, state, fault) in [
            (format!("p={good}"), Ok, None),
            (format!(" v = DKIM1 ; k = rsa ; p = {good} ; "), Ok, None),
            (format!("v=DKIM1; p={folded}"), Ok, None),
            (format!("v=DKIM1; p={bare}"), Ok, None),
            (
                format!("v=DKIM1; h=sha1:sha256; s=*; n=a note; x=y; p={good}"),
                Ok,
                None,
            ),
            (format!("v=DKIM1; s=tlsrpt:email; p={good}"), Ok, None),
            ("v=DKIM1; p=".into(), Ok, None),
            ("v=DKIM1; k=rsa; t=y; p=;".into(), Ok, None),
            (
                format!("k=rsa; v=DKIM1; p={good}"),
                Invalid,
                Some(PolicyFault::Version),
            ),
            (
                format!("v=DKIM2; p={good}"),
                Invalid,
                Some(PolicyFault::Version),
            ),
            (
                format!("v=dkim1; p={good}"),
                Invalid,
                Some(PolicyFault::Version),
            ),
            (
                "v=DKIM1; k=rsa".into(),
                Invalid,
                Some(PolicyFault::MissingKey),
            ),
            ("v=spf1 -all".into(), Invalid, Some(PolicyFault::MissingKey)),
            (String::new(), Invalid, Some(PolicyFault::MissingKey)),
            ("v=DKIM1; p=!!!!".into(), Invalid, Some(PolicyFault::BadKey)),
            ("v=DKIM1; p=AAAA".into(), Invalid, Some(PolicyFault::BadKey)),
            (
                format!("v=DKIM1; k=ed25519; p={good}"),
                Invalid,
                Some(PolicyFault::BadKey),
            ),
            (
                format!("v=DKIM1; k=dsa; p={good}"),
                Invalid,
                Some(PolicyFault::UnknownKeyType),
            ),
            (
                format!("v=DKIM1; h=sha1; p={good}"),
                Invalid,
                Some(PolicyFault::NoUsableHash),
            ),
            (
                format!("v=DKIM1; s=tlsrpt; p={good}"),
                Invalid,
                Some(PolicyFault::NotForMail),
            ),
            (
                format!("v=DKIM1; p={good}; p="),
                Invalid,
                Some(PolicyFault::Duplicate),
            ),
            (
                format!("v=DKIM1; word; p={good}"),
                Invalid,
                Some(PolicyFault::Syntax),
            ),
        ] {
            let key = key(&text);
            assert_eq!(key.state, state, "{text}: {:?}", key.faults);
            assert!(
                fault.is_none_or(|fault| codes(&key).contains(&fault)),
                "{text}"
            );
        }
        let revoked = key("v=DKIM1; k=rsa; t=s:y; p=;");
        assert_eq!(
            (revoked.revoked, revoked.testing, revoked.bits),
            (Some(true), Some(true), None)
        );
        assert!(!is_key(&key("v=spf1 -all")) && is_key(&revoked));
        assert!(is_meant(&key("v=DKIM1; k=rsa")) && is_meant(&key("k=ed25519")));
        assert!(!is_meant(&key("v=spf1 -all")) && !is_meant(&key("some text")));
        let two = read("s", &[format!("p={good}"), "v=DKIM1; p=".to_owned()]);
        assert_eq!(two.state, PolicyState::Multiple);
        assert_eq!(read::<&[u8]>("s", &[]).state, PolicyState::Absent);
    }
}
