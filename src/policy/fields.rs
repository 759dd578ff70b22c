//! The text of the records of MTA-STS and TLS-RPT, taken apart: a version, then `name=value` fields between semicolons
//! (RFC 8461 §3.1 and RFC 8460 §3 share the grammar).

use crate::record::{Fault, PolicyFault, Text};

/// The longest name of an extension field.
const NAME_LIMIT: usize = 32;
/// Fields of a record that are read; no record needs a tenth of them.
const FIELD_LIMIT: usize = 256;
/// Faults that are told of one text.
pub(super) const FAULT_LIMIT: usize = 16;

/// A field of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordField<'a> {
    /// The octet of the record at which it begins.
    pub(super) offset: usize,
    /// What stands before the first equals sign, blanks and all.
    pub(super) name: &'a [u8],
    /// What stands behind it; nothing where there is none.
    pub(super) value: Option<&'a [u8]>,
    /// The whole of it.
    pub(super) whole: &'a [u8],
}

impl RecordField<'_> {
    /// A fault with the place of this field.
    pub(super) fn fault(&self, code: PolicyFault) -> Fault {
        Fault::new(code).in_term(self.offset, cut(self.whole))
    }
}

/// A record behind its version: the fields, and the faults of the delimiters between them.
#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    pub(super) fields: Vec<RecordField<'a>>,
    pub(super) faults: Vec<Fault>,
}

impl<'a> Fields<'a> {
    /// Reads `record` from `start` on, the place behind the version, at a delimiter or the end.
    pub(super) fn read(record: &'a [u8], start: usize) -> Self {
        let mut read = Self::default();
        let mut at = start;
        let mut pieces = record[start..].split(|&octet| octet == b';').peekable();
        // What stands between the version and the first delimiter is blank, or else no version.
        at += pieces.next().map_or(0, <[u8]>::len) + 1;
        while let Some(piece) = pieces.next() {
            let is_last = pieces.peek().is_none();
            let inner = trim(piece);
            let offset = at + blanks(piece);
            at += piece.len() + 1;
            if inner.is_empty() {
                // One delimiter may stand at the end.
                if !is_last {
                    read.note(Fault::new(PolicyFault::EmptyField).in_term(offset, b";"));
                }
                continue;
            }
            if read.fields.len() == FIELD_LIMIT {
                read.note(Fault::new(PolicyFault::TooManyFields).in_term(offset, b""));
                break;
            }
            if is_last && matches!(piece.last(), Some(b' ' | b'\t')) {
                let end = offset + inner.len();
                read.note(Fault::new(PolicyFault::Blank).in_term(end, b" ").strict());
            }
            read.push(inner, offset);
        }
        read
    }

    fn push(&mut self, whole: &'a [u8], offset: usize) {
        let (name, value) = match memchr::memchr(b'=', whole) {
            Some(equals) => (&whole[..equals], Some(&whole[equals + 1..])),
            None => (whole, None),
        };
        self.fields.push(RecordField {
            offset,
            name,
            value,
            whole,
        });
    }

    fn note(&mut self, fault: Fault) {
        note(&mut self.faults, fault);
    }
}

/// Adds a fault, while there is room.
pub(super) fn note(faults: &mut Vec<Fault>, fault: Fault) {
    if faults.len() < FAULT_LIMIT {
        faults.push(fault);
    }
}

/// Why `field` is no extension field of the grammar, if it is none.
pub(super) fn extension_fault(field: &RecordField<'_>) -> Option<Fault> {
    let is_good = is_extension_name(field.name)
        && field.value.is_some_and(|value| {
            !value.is_empty()
                && (value.iter()).all(|octet| matches!(octet, 0x21..=0x3a | 0x3c | 0x3e..=0x7e))
        });
    (!is_good).then(|| field.fault(PolicyFault::Syntax))
}

/// A letter or digit, then at most 31 letters, digits, `_`, `-`, `.`.
pub(super) fn is_extension_name(name: &[u8]) -> bool {
    name.len() <= NAME_LIMIT
        && name.first().is_some_and(u8::is_ascii_alphanumeric)
        && (name.iter())
            .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'_' | b'-' | b'.'))
}

/// Without the blanks (WSP of RFC 5234) around it.
pub(super) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// How many blanks it begins with.
pub(super) fn blanks(text: &[u8]) -> usize {
    (text.iter())
        .take_while(|octet| matches!(octet, b' ' | b'\t'))
        .count()
}

/// The first octets of a term, for a fault.
pub(super) fn cut(text: &[u8]) -> &[u8] {
    &text[..text.len().min(64)]
}

/// The records as they came, the first few of them, each cut.
pub(super) fn raw<'a>(records: impl Iterator<Item = &'a [u8]>) -> Vec<Text> {
    const RECORDS: usize = 8;
    const OCTETS: usize = 4096;
    records
        .take(RECORDS)
        .map(|record| Text::from(&record[..record.len().min(OCTETS)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_know_where_they_stand() {
        let record = b"v=X ; a=1;\t b = 2 ;;c;";
        let read = Fields::read(record, 3);
        let seen: Vec<_> = (read.fields.iter())
            .map(|field| (field.offset, field.whole))
            .collect();
        assert_eq!(seen, [(6, b"a=1".as_slice()), (12, b"b = 2"), (20, b"c")]);
        for (offset, whole) in seen {
            assert_eq!(&record[offset..offset + whole.len()], whole);
        }
        assert_eq!(read.fields[1].name, b"b ");
        assert_eq!(read.fields[2].value, None);
        let codes: Vec<_> = read.faults.iter().map(|fault| fault.code).collect();
        assert_eq!(codes, [PolicyFault::EmptyField]);
    }

    #[test]
    fn faults_and_fields_are_bounded() {
        let read = Fields::read(&[b';'; 100_000], 0);
        assert_eq!((read.fields.len(), read.faults.len()), (0, FAULT_LIMIT));
        let many = b";a=1".repeat(100_000);
        assert_eq!(Fields::read(&many, 0).fields.len(), FIELD_LIMIT);
    }
}
