//! What a signed answer without records says of the name (NSEC, RFC 4034 §4; NSEC3, RFC 5155 §3; NXNAME, RFC 9824): the
//! data of such records, bytes in, value out.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use super::lookup::Denial;
use crate::dns::name::Name;

/// The type NSEC.
pub const NSEC: u16 = 47;
/// The type NSEC3.
pub const NSEC3: u16 = 50;
/// Rounds of hashing that are done (RFC 9276 §3.2 lets a validator refuse more).
const ITERATION_LIMIT: u16 = 500;

/// Reads the data of an NSEC or NSEC3 record that came with the answer to a question for `name`. `None` for other types,
/// and for data that cannot be read.
pub fn read(owner: &Name, kind: u16, data: &[u8], name: &Name) -> Option<Denial> {
    match kind {
        NSEC => {
            let (next, bitmap) = read_name(data)?;
            Some(Denial {
                owner: owner.clone(),
                types: read_types(bitmap)?,
                is_hashed: false,
                is_of_name: owner == name,
                next: Some(next),
            })
        }
        NSEC3 => {
            let (header, rest) = data.split_first_chunk::<5>()?;
            let [algorithm, _flags, high, low, salt_length] = *header;
            let (salt, rest) = rest.split_at_checked(usize::from(salt_length))?;
            let (&hash_length, rest) = rest.split_first()?;
            let (_next, bitmap) = rest.split_at_checked(usize::from(hash_length))?;
            let iterations = u16::from_be_bytes([high, low]);
            let hashed = (algorithm == 1).then(|| hash(name, salt, iterations))?;
            let label = owner.labels().next().unwrap_or_default();
            Some(Denial {
                owner: owner.clone(),
                types: read_types(bitmap)?,
                is_hashed: true,
                is_of_name: hashed.is_some_and(|hashed| label == hashed),
                next: None,
            })
        }
        _ => None,
    }
}

/// A name in wire form, not compressed (RFC 4034 §4.1.1 forbids that), and what follows it.
fn read_name(data: &[u8]) -> Option<(Name, &[u8])> {
    let mut end = 0;
    loop {
        let length = usize::from(*data.get(end)?);
        end += 1 + length;
        match length {
            0 => break,
            1..=63 => {}
            _ => return None,
        }
    }
    let (name, rest) = data.split_at_checked(end)?;
    Some((Name::from_wire(name)?, rest))
}

/// The types of a bitmap (RFC 4034 §4.1.2): windows, in ascending order, of 1 to 32 octets.
fn read_types(mut bitmap: &[u8]) -> Option<Vec<u16>> {
    let mut types = Vec::new();
    let mut last = None;
    while let Some((&[window, length], rest)) = bitmap.split_first_chunk::<2>() {
        let (octets, rest) = rest.split_at_checked(usize::from(length))?;
        if !(1..=32).contains(&length) || last.is_some_and(|last| last >= window) {
            return None;
        }
        last = Some(window);
        for (position, octet) in octets.iter().enumerate() {
            for bit in 0..8 {
                if octet & (0x80 >> bit) != 0 {
                    types.push(u16::from(window) << 8 | (position * 8 + bit) as u16);
                }
            }
        }
        bitmap = rest;
    }
    bitmap.is_empty().then_some(types)
}

/// The label of a name's NSEC3 (RFC 5155 §5, RFC 4648 §7), lower case; `None` where it would take too many rounds.
fn hash(name: &Name, salt: &[u8], iterations: u16) -> Option<Vec<u8>> {
    if iterations > ITERATION_LIMIT {
        return None;
    }
    let round = |input: &[u8]| digest(&SHA1_FOR_LEGACY_USE_ONLY, &[input, salt].concat());
    let mut value = round(name.wire());
    for _ in 0..iterations {
        value = round(value.as_ref());
    }
    Some(base32hex(value.as_ref()))
}

fn base32hex(octets: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    let mut text = Vec::with_capacity(octets.len() * 8 / 5 + 1);
    let (mut bits, mut count) = (0u16, 0);
    for &octet in octets {
        bits = bits << 8 | u16::from(octet);
        count += 8;
        while count >= 5 {
            count -= 5;
            text.push(DIGITS[usize::from(bits >> count & 31)]);
        }
        bits &= (1 << count) - 1;
    }
    if count > 0 {
        text.push(DIGITS[usize::from(bits << (5 - count) & 31)]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn an_nsec_names_the_next_name_and_the_types() {
        // RFC 4034 §4.3: alfa.example.com. NSEC host.example.com. (A MX RRSIG NSEC TYPE1234).
        let mut data = b"\x04host\x07example\x03com\0\x00\x06\x40\x01\0\0\0\x03\x04\x1b".to_vec();
        data.extend([0; 26]);
        data.push(0x20);
        let owner = name("alfa.example.com");
        let denial = read(&owner, NSEC, &data, &owner).unwrap();
        assert_eq!(denial.types, [1, 15, 46, 47, 1234]);
        assert_eq!(denial.next, Some(name("host.example.com")));
        assert!(denial.is_of_name && !denial.is_hashed);
        for end in 0..data.len() {
            let read = read(&owner, NSEC, &data[..end], &owner);
            assert!(read.is_none_or(|denial| denial.types.len() < 5), "{end}");
        }
    }

    #[test]
    fn an_nsec3_is_matched_by_its_hash() {
        // RFC 5155 appendix A: H(a.example) with salt aabbccdd and 12 iterations.
        let salt = [0xaa, 0xbb, 0xcc, 0xdd];
        let hashed = hash(&name("a.example"), &salt, 12).unwrap();
        assert_eq!(hashed, b"35mthgpgcu1qg68fab165klnsnk3dpvl");
        let mut data = vec![1, 0, 0, 12, 4];
        data.extend(salt);
        data.push(20);
        data.extend([0; 20]);
        data.extend([0, 17]);
        data.extend([0; 16]);
        data.push(0x80);
        let owner = name("35mthgpgcu1qg68fab165klnsnk3dpvl.example");
        let denial = read(&owner, NSEC3, &data, &name("a.example")).unwrap();
        assert!(denial.is_of_name && denial.is_hashed);
        assert_eq!(denial.types, [super::super::lookup::NXNAME]);
        let other = read(&owner, NSEC3, &data, &name("b.example")).unwrap();
        assert!(!other.is_of_name);
        assert_eq!(hash(&name("a.example"), &salt, 501), None);
    }

    #[test]
    fn no_data_panics() {
        let owner = name("a.example");
        for kind in [NSEC, NSEC3, 46] {
            for first in 0..=255u8 {
                for length in 0..40 {
                    let _ = read(&owner, kind, &vec![first; length], &owner);
                }
            }
        }
    }
}
