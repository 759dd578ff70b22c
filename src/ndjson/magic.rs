//! What no reader of lines can read, told by its first bytes: compressed input, UTF-16 and UTF-32.

/// The byte order mark of UTF-8. It is no part of the text.
pub const BOM: &[u8] = b"\xef\xbb\xbf";

/// A form of input that is no text in UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Foreign {
    /// A file format whose programs write the text to standard output.
    #[error("it is compressed ({kind}): {hint} it into this program")]
    Compressed {
        /// Which.
        kind: &'static str,
        /// What undoes it.
        hint: &'static str,
    },
    /// By its byte order mark, or by its NUL bytes.
    #[error("it is UTF-16: iconv -f UTF-16 -t UTF-8 it into this program")]
    Utf16,
    /// The same with four bytes for each character.
    #[error("it is UTF-32: iconv -f UTF-32 -t UTF-8 it into this program")]
    Utf32,
}

/// What the first bytes of an input give away, if it is no text in UTF-8.
pub fn foreign(head: &[u8]) -> Option<Foreign> {
    const MAGIC: [(&[u8], &str, &str); 8] = [
        (b"\x1f\x8b", "gzip", "zcat"),
        (b"\x1f\x9d", "compress", "zcat"),
        (b"\x28\xb5\x2f\xfd", "zstd", "zstdcat"),
        (b"\xfd7zXZ\0", "xz", "xzcat"),
        (b"BZh", "bzip2", "bzcat"),
        (b"\x04\x22\x4d\x18", "lz4", "lz4cat"),
        (b"PK\x03\x04", "zip", "unzip -p"),
        (b"7z\xbc\xaf\x27\x1c", "7z", "7z x -so"),
    ];
    if let Some(&(_, kind, hint)) = MAGIC.iter().find(|(magic, ..)| head.starts_with(magic)) {
        return Some(Foreign::Compressed { kind, hint });
    }
    wide(head)
}

/// UTF-16 and UTF-32, by the byte order mark or by the NUL bytes of Latin letters: every other byte, or three of four. A NUL here and
/// there is dirt in some other text.
fn wide(head: &[u8]) -> Option<Foreign> {
    if head.starts_with(b"\xff\xfe\0\0") || head.starts_with(b"\0\0\xfe\xff") {
        return Some(Foreign::Utf32);
    }
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return Some(Foreign::Utf16);
    }
    let start = &head[..head.len().min(4096)];
    if start.len() < 8 {
        return None;
    }
    // Of the bytes whose place leaves this remainder by four, a quarter at least, or next to none; between them nothing is known.
    let many = start.len() / 16;
    let nul = |remainder: usize| {
        let bytes = start.iter().skip(remainder).step_by(4);
        match bytes.filter(|&&byte| byte == 0).count() {
            count if count > many => Some(true),
            count if count <= many / 8 => Some(false),
            _ => None,
        }
    };
    let [Some(first), Some(second), Some(third), Some(fourth)] = [0, 1, 2, 3].map(nul) else {
        return None;
    };
    match [first, second, third, fourth] {
        [false, true, false, true] | [true, false, true, false] => Some(Foreign::Utf16),
        [false, true, true, true] | [true, true, true, false] => Some(Foreign::Utf32),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_text_and_the_rest_is_named() {
        assert_eq!(foreign(b""), None);
        assert_eq!(foreign(b"example.org\n"), None);
        assert_eq!(foreign(b"BZ is a name\n"), None);
        let kind = |head: &[u8]| foreign(head).expect("foreign").to_string();
        assert!(kind(b"\x1f\x8b\x08\0").contains("zcat"));
        assert!(kind(b"PK\x03\x04").contains("unzip"));
        assert_eq!(foreign(b"\xff\xfea\0"), Some(Foreign::Utf16));
        assert_eq!(foreign(b"\0e\0x\0a\0m\0p\0l\0e"), Some(Foreign::Utf16));
        assert!(kind(b"\x1f\x9d\x90").contains("zcat"));
    }

    #[test]
    fn wide_letters_are_known_with_a_mark_and_without() {
        let text = "a@example.org\nb@example.org\n";
        let wide = |bytes: fn(char) -> Vec<u8>, mark: &str| {
            let bytes: Vec<u8> = mark.chars().chain(text.chars()).flat_map(bytes).collect();
            foreign(&bytes)
        };
        for mark in ["", "\u{feff}"] {
            for utf16 in [
                |it: char| (it as u16).to_le_bytes().to_vec(),
                |it: char| (it as u16).to_be_bytes().to_vec(),
            ] {
                assert_eq!(wide(utf16, mark), Some(Foreign::Utf16));
            }
            for utf32 in [
                |it: char| (it as u32).to_le_bytes().to_vec(),
                |it: char| (it as u32).to_be_bytes().to_vec(),
            ] {
                assert_eq!(wide(utf32, mark), Some(Foreign::Utf32));
            }
        }
        let mut dirty = text.as_bytes().to_vec();
        dirty[3] = 0;
        assert_eq!(foreign(&dirty), None);
        dirty.fill(0);
        assert_eq!(foreign(&dirty), None);
    }
}
