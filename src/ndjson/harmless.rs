//! JSON in which nothing raw stands that a terminal would obey.

use std::io;

use serde_json::ser::{CompactFormatter, Formatter};

/// Compact JSON with DEL, C1 and the bidirectional controls escaped beside what JSON itself escapes.
#[derive(Clone, Copy, Debug)]
pub struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let bytes = fragment.as_bytes();
        // Nearly every fragment is printable ASCII.
        let is_plain = !bytes
            .iter()
            .fold(false, |is_odd, byte| is_odd | (*byte >= 0x7f));
        if is_plain {
            return CompactFormatter.write_string_fragment(writer, fragment);
        }
        let mut plain = 0;
        for (at, character) in fragment
            .char_indices()
            .filter(|&(_, character)| is_control(character))
        {
            writer.write_all(&bytes[plain..at])?;
            write!(writer, "\\u{:04x}", character as u32)?;
            plain = at + character.len_utf8();
        }
        writer.write_all(&bytes[plain..])
    }
}

/// DEL, C1 and the bidirectional formatting characters (Unicode TR 9), and the line separators that some readers obey.
pub fn is_control(character: char) -> bool {
    matches!(character,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' | '\u{feff}')
}
