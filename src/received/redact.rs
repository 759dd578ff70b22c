//! What may leave this program of text that could not be read: local parts, queue ids and message ids are masked.

use crate::record::Text;

/// Bytes of an unreadable field that are kept.
const KEPT: usize = 4096;

/// `text`, at most 4,096 bytes of it, its folds as spaces, without local parts and ids.
pub fn redact(text: &[u8]) -> Text {
    let mut safe = Vec::with_capacity(text.len().min(KEPT));
    let mut after_id = false;
    for word in text[..text.len().min(KEPT)]
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
    {
        if !safe.is_empty() {
            safe.push(b' ');
        }
        if after_id && word != b";" {
            safe.push(b'*');
            if word.ends_with(b";") {
                safe.push(b';');
            }
        } else {
            mask(&mut safe, word);
        }
        after_id = word.eq_ignore_ascii_case(b"id");
    }
    Text(safe.into())
}

/// Copies `word`; before every `@`, what may be a local part becomes `*`, and so does the other half of a message id.
fn mask(safe: &mut Vec<u8>, word: &[u8]) {
    let quoted = word.contains(&b'"');
    let Some(last) = word.iter().rposition(|&byte| byte == b'@') else {
        // A quoted local part may have spaces: `"john doe"@example.org`.
        return safe.extend_from_slice(if quoted { b"*" } else { word });
    };
    let opening = word
        .iter()
        .take_while(|byte| matches!(byte, b'<' | b'(' | b'['))
        .count();
    // "user=john@…", "envelope-from=<john@…": what stands before the sign is no name of a person.
    let start = word[..last]
        .iter()
        .rposition(|&byte| matches!(byte, b'=' | b'<'))
        .map_or(opening, |at| at + 1);
    safe.extend_from_slice(&word[..start]);
    safe.extend_from_slice(b"*");
    safe.extend_from_slice(&word[last..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_parts_and_ids_are_masked() {
        for (text, expected) in [
            (
                "for <john.doe@example.org>;\r\n\tTue",
                "for <*@example.org>; Tue",
            ),
            ("id ABC123; x", "id *; x"),
            ("user=john@example.org", "user=*@example.org"),
            ("a@b@example.org", "*@example.org"),
            ("id <5.7@x.example>", "id *"),
            (r#"for "john doe"@example.org"#, "for * *@example.org"),
            ("plain", "plain"),
            ("", ""),
        ] {
            assert_eq!(redact(text.as_bytes()).lossy(), expected, "{text}");
        }
        assert!(redact(&[b'x'; 10_000]).0.len() <= KEPT);
    }
}
