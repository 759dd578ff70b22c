//! Every address-shaped token of an input of no known shape: SQL dumps, logs, mailboxes. A password that looks like an
//! address counts as one here; a named format with a column does not make that mistake.

use super::address::NotCounted;
use super::tally::ThreadTally;

/// Counts every token with an `@` in `bytes`, which end where no token goes on. `is_mid_line` is kept from call to call.
pub fn scan(bytes: &[u8], is_mid_line: &mut bool, tally: &mut ThreadTally<'_>) {
    let Some((last, inner)) = bytes.split_last() else {
        return;
    };
    tally.sums.lines += u64::from(!*is_mid_line);
    *is_mid_line = *last != b'\n';
    let mut counted = 0;
    for at in memchr::memchr_iter(b'@', bytes) {
        // Counted up to here, so that a complaint has its line.
        tally.sums.lines += line_feeds(&bytes[counted..at]);
        counted = at;
        let (before, behind) = (&bytes[..at], &bytes[at + 1..]);
        let length = behind.iter().take_while(|&&byte| is_domain(byte)).count();
        // Not the last `@` of its token.
        if behind.get(length) == Some(&b'@') {
            continue;
        }
        let domain = trim(&behind[..length]);
        let local = local_part(before);
        match (local, domain) {
            (b"", _) => tally.reject(NotCounted::NoLocalPart),
            (_, b"") => tally.reject(NotCounted::NoDomain),
            (local, domain) => tally.user(local, domain),
        }
    }
    tally.sums.lines += line_feeds(&inner[counted.min(inner.len())..]);
}

/// Counts a token that is too long to be looked at.
pub fn skip(is_mid_line: &mut bool, tally: &mut ThreadTally<'_>) {
    tally.sums.lines += u64::from(!*is_mid_line);
    *is_mid_line = true;
    tally.reject(NotCounted::LineTooLong);
}

/// Whether a byte ends every token.
pub fn is_stop(byte: u8) -> bool {
    byte <= b' '
        || matches!(
            byte,
            b',' | b':' | b';' | b'|' | b'<' | b'>' | b'(' | b')' | 0x7f
        )
}

fn is_domain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_') || byte >= 0x80
}

/// Marks behind a domain that belong to the text around it.
fn trim(mut domain: &[u8]) -> &[u8] {
    while let [rest @ .., b'.' | b'-' | b'_'] = domain {
        domain = rest;
    }
    domain
}

/// The token before an `@`, quoted or not, as far as a local part can reach.
fn local_part(before: &[u8]) -> &[u8] {
    let near = &before[before.len().saturating_sub(320)..];
    if let [quoted @ .., b'"'] = near {
        let start = memchr::memrchr(b'"', quoted).unwrap_or(quoted.len());
        return &near[start..near.len() - 1];
    }
    let start = near
        .iter()
        .rposition(|&byte| is_stop(byte) || matches!(byte, b'"' | b'\'' | b'[' | b'='))
        .map_or(0, |stop| stop + 1);
    &near[start..]
}

fn line_feeds(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leak::tally::Rules;

    #[test]
    fn tokens_are_found_wherever_they_stand() {
        let text = b"INSERT INTO u VALUES (1,'a@example.org','x'),(2,'B@Example.Org.','y');\n\
            mailto:c@example.org?x=1 <d@example.net>, \"e f\"@example.net. g@h@example.net\n\
            1-|--|-i@example.com-|-pw-|-hint|-- @ home, @nowhere.org x@ y\x00z@example.com\x00";
        let rules = Rules::default();
        let mut tally = ThreadTally::new(&rules);
        let mut is_mid_line = false;
        let end = text.iter().position(|&byte| byte == b'\n').unwrap() + 1;
        scan(&text[..end], &mut is_mid_line, &mut tally);
        assert!(!is_mid_line);
        scan(&text[end..], &mut is_mid_line, &mut tally);
        assert!(is_mid_line);
        let mut found = Vec::new();
        tally.drain(|name, count| found.push((String::from_utf8(name.to_vec()).unwrap(), count)));
        found.sort();
        let expected = [("example.com", 2), ("example.net", 3), ("example.org", 3)];
        assert_eq!(
            found,
            expected.map(|(name, count)| (name.to_owned(), count))
        );
        assert_eq!(tally.sums.lines, 3);
        assert_eq!(tally.sums.causes[NotCounted::NoLocalPart as usize], 2);
        assert_eq!(tally.sums.causes[NotCounted::NoDomain as usize], 1);
    }
}
