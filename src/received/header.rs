//! A header block (RFC 5322 §2.2): its Received fields, and the id of the message.

use sha2::{Digest, Sha256};

/// The bodies of the Received fields of a header block in their order (the newest first), folds and all.
pub fn received(header: &[u8]) -> Vec<&[u8]> {
    fields(header)
        .filter(|(name, _)| name.eq_ignore_ascii_case(b"Received"))
        .map(|(_, body)| body)
        .collect()
}

/// Names and bodies of the fields. Lines that are no field, and continue none, are passed over: mbox files have `>From `
/// there, and broken senders have worse.
pub fn fields(header: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < header.len() {
            let start = at;
            at = line_end(header, at);
            // White space at the beginning of a line continues the field (RFC 5322 §2.2.3).
            while matches!(header.get(at), Some(b' ' | b'\t')) {
                at = line_end(header, at);
            }
            if let Some(field) = split(&header[start..at]) {
                return Some(field);
            }
        }
        None
    })
}

/// Where the line after the one at `at` begins. A CR without LF ends a line where a field begins behind it, else two
/// fields of a damaged header would be read as one.
fn line_end(header: &[u8], at: usize) -> usize {
    let mut from = at;
    while let Some(length) = memchr::memchr2(b'\r', b'\n', &header[from..]) {
        let run = header[from + length..]
            .iter()
            .take_while(|&&byte| byte == b'\r')
            .count();
        let next = from + length + run;
        match header.get(next) {
            Some(b'\n') => return next + 1,
            Some(_) if begins_field(&header[next..]) => return next,
            _ => from = next,
        }
    }
    header.len()
}

/// Whether `line` begins with a field's name, a colon, and white space.
pub fn begins_field(line: &[u8]) -> bool {
    let name = line
        .iter()
        .take(78)
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        .count();
    name > 0
        && line[0].is_ascii_alphabetic()
        && line.get(name) == Some(&b':')
        && line.get(name + 1).is_none_or(u8::is_ascii_whitespace)
}

fn split(field: &[u8]) -> Option<(&[u8], &[u8])> {
    // RFC 5322 §2.2: names are printable ASCII without colon; §4.5 lets white space stand before the colon.
    let colon = field.iter().take(128).position(|&byte| {
        byte == b':' || !(byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t'))
    })?;
    if field[colon] != b':' {
        return None;
    }
    let name = field[..colon].trim_ascii_end();
    (!name.is_empty() && !name.contains(&b' ')).then(|| (name, field[colon + 1..].trim_ascii()))
}

/// The id of a message: the first 16 bytes of SHA-256 over its header block, or of HMAC-SHA-256 (RFC 2104) under a key,
/// without which nobody can find out which message an id stands for.
pub fn message_id(header: &[u8], key: Option<&[u8]>) -> [u8; 16] {
    let digest = match key {
        None => Sha256::digest(header),
        Some(key) => hmac(key, header),
    };
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    id
}

fn hmac(key: &[u8], text: &[u8]) -> sha2::digest::Output<Sha256> {
    const BLOCK: usize = 64;
    let mut block = [0u8; BLOCK];
    if key.len() > BLOCK {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::new()
        .chain_update(block.map(|byte| byte ^ 0x36))
        .chain_update(text);
    let outer = Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c));
    outer.chain_update(inner.finalize()).finalize()
}

/// Sixteen bytes as hex.
pub fn hex(id: &[u8; 16]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value & 15)]);
    id.iter()
        .flat_map(|&byte| [digit(byte >> 4), digit(byte)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn received_fields_with_their_folds() {
        let header = b"Received: a\r\n\tb\r\nX-Received: no\r\nreceived : c\n d\n>From x\nSubject: Received: no\nReceived:e";
        let bodies: Vec<&[u8]> = received(header);
        assert_eq!(bodies, [b"a\r\n\tb".as_slice(), b"c\n d", b"e"]);
    }

    #[test]
    fn h10_a_cr_before_a_field_ends_the_one_before() {
        let header = b"Received: a\r b\rReceived: c\r\r\n\td\r\nReceived: e\rf\r\n";
        let bodies: Vec<&[u8]> = received(header);
        assert_eq!(bodies, [b"a\r b".as_slice(), b"c\r\r\n\td", b"e\rf"]);
    }

    #[test]
    fn broken_headers_are_passed_over() {
        assert_eq!(
            fields(b"\xff\xfe: x\nno colon\n: y\n continued\nA: b\n").count(),
            1
        );
        assert_eq!(fields(b"").count(), 0);
    }

    #[test]
    fn the_id_is_a_digest_and_the_key_changes_it() {
        assert_eq!(
            hex(&message_id(b"abc", None)),
            "ba7816bf8f01cfea414140de5dae2223"
        );
        // RFC 4231, test cases 2 and 6.
        assert_eq!(
            hex(&message_id(b"what do ya want for nothing?", Some(b"Jefe"))),
            "5bdcc146bf60754e6a042426089575c7"
        );
        let long = [0xaa; 131];
        assert_eq!(
            hex(&message_id(
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                Some(&long)
            )),
            "60e431591ee0b67f0d8a26aacbf5b77f"
        );
    }
}
