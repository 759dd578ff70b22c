//! What no reader of lines can read, told by its first bytes: compressed input, and UTF-16.

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
}

/// What the first bytes of an input give away, if it is no text in UTF-8.
pub fn foreign(head: &[u8]) -> Option<Foreign> {
    const MAGIC: [(&[u8], &str, &str); 7] = [
        (b"\x1f\x8b", "gzip", "zcat"),
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
    is_utf16(head).then_some(Foreign::Utf16)
}

/// Latin letters in UTF-16 are every other byte NUL; a NUL here and there is dirt in some other text.
fn is_utf16(head: &[u8]) -> bool {
    let start = &head[..head.len().min(4096)];
    let nul = |odd: usize| {
        let every_other = start.iter().skip(odd).step_by(2);
        every_other.filter(|&&byte| byte == 0).count()
    };
    let many = start.len() / 8;
    let (even, odd) = (nul(0), nul(1));
    let is_lopsided = (even > many && odd <= many / 8) || (odd > many && even <= many / 8);
    head.starts_with(b"\xff\xfe")
        || head.starts_with(b"\xfe\xff")
        || (start.len() >= 8 && is_lopsided)
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
    }
}
