//! Lists of `tag=value` between semicolons, as DKIM keys and BIMI records have them (RFC 6376 §3.2).

use super::fields;
use crate::record::{Fault, PolicyFault};

/// Tags that are read of one record.
const TAG_LIMIT: usize = 64;

/// A tag with its value, blanks around both taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    /// The octet of the record at which it begins.
    pub(super) offset: usize,
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
    whole: &'a [u8],
}

impl Tag<'_> {
    /// A fault with the place of this tag.
    pub(super) fn fault(&self, code: PolicyFault) -> Fault {
        Fault::new(code).in_term(self.offset, fields::cut(self.whole))
    }
}

/// A list of tags, and what is wrong with it: each fault spoils the list.
#[derive(Debug, Default)]
pub(super) struct TagList<'a> {
    pub(super) tags: Vec<Tag<'a>>,
    pub(super) faults: Vec<Fault>,
}

impl<'a> TagList<'a> {
    pub(super) fn read(record: &'a [u8]) -> Self {
        let mut list = Self::default();
        let mut at = 0;
        let mut pieces = record.split(|&octet| octet == b';').peekable();
        while let Some(piece) = pieces.next() {
            let inner = piece.trim_ascii();
            let offset = at + (piece.len() - piece.trim_ascii_start().len());
            at += piece.len() + 1;
            if inner.is_empty() {
                // One semicolon may stand at the end.
                if pieces.peek().is_some() {
                    list.note(Fault::new(PolicyFault::EmptyField).in_term(offset, b";"));
                }
                continue;
            }
            if list.tags.len() == TAG_LIMIT {
                list.note(Fault::new(PolicyFault::TooManyFields).in_term(offset, b""));
                break;
            }
            list.push(inner, offset);
        }
        list
    }

    fn push(&mut self, whole: &'a [u8], offset: usize) {
        let equals = memchr::memchr(b'=', whole).unwrap_or(whole.len());
        let name = whole[..equals].trim_ascii();
        let value = whole.get(equals + 1..).unwrap_or_default().trim_ascii();
        let tag = Tag {
            offset,
            name,
            value,
            whole,
        };
        let is_name = name.first().is_some_and(u8::is_ascii_alphabetic)
            && (name.iter()).all(|octet| octet.is_ascii_alphanumeric() || *octet == b'_');
        if equals == whole.len() || !is_name {
            self.note(tag.fault(PolicyFault::Syntax));
        } else if self.find(name).is_some() {
            self.note(tag.fault(PolicyFault::Duplicate));
        } else {
            self.tags.push(tag);
        }
    }

    /// The tag of a name, and its position in the list.
    pub(super) fn find(&self, name: &[u8]) -> Option<(usize, &Tag<'a>)> {
        (self.tags.iter().enumerate()).find(|(_, tag)| tag.name == name)
    }

    fn note(&mut self, fault: Fault) {
        fields::note(&mut self.faults, fault);
    }
}
