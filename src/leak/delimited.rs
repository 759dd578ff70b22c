//! Lists with a record a line and a separator between fields, none of them quoted: Adobe 2013, Gawker 2010, combo lists,
//! what password stealers write, TSV, and one address a line, which is a field without a separator.

use std::ops::Range;

use super::address::NotCounted;

/// Where the address stands in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delimited {
    /// Between two fields. Empty: the line is one field.
    pub separator: Vec<u8>,
    /// Fields before the address.
    pub column: usize,
    /// What parts the fields, and ends the address.
    pub cut: FieldCut,
}

/// How lines are cut into fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldCut {
    /// At the separator alone.
    Exact,
    /// The Adobe list: a record begins with a number, and a line that does not begin one goes on with the hint of the
    /// last, which may hold line feeds.
    Adobe,
    /// At the separator, and the address ends at any other mark that cannot be in one: the next line may have another
    /// separator.
    Ending,
    /// At every one of `:`, `;` and `|`: lists that were put together out of several.
    Mixed,
    /// `https://host/path:address:password`: the field behind the URL, with marks as in [`FieldCut::Mixed`].
    Url,
}

/// What stands between two fields of the Adobe list: three bytes, since an address may itself end in a hyphen, and hints
/// hold vertical bars.
pub const ADOBE: &[u8; 3] = b"-|-";

impl Delimited {
    /// Adobe 2013, `userid-|-username-|-email-|-password-|-hint|--`.
    pub fn adobe() -> Self {
        Self {
            separator: ADOBE.to_vec(),
            column: 2,
            cut: FieldCut::Adobe,
        }
    }

    /// `url:address:password`.
    pub fn url() -> Self {
        Self {
            separator: vec![b':'],
            column: 1,
            cut: FieldCut::Url,
        }
    }

    /// Fields between any of `:`, `;` and `|`, the address behind `column` others.
    pub fn mixed(column: usize) -> Self {
        Self {
            separator: vec![b':'],
            column,
            cut: FieldCut::Mixed,
        }
    }

    /// Fields between `separator`, the address behind `column` others.
    pub fn new(separator: &[u8], column: usize) -> Self {
        Self {
            separator: separator.to_vec(),
            column,
            cut: FieldCut::Exact,
        }
    }

    /// The same, but that the address ends at other marks too, where the separator is one of those that lists mix.
    pub fn ending(mut self) -> Self {
        if matches!(self.separator[..], [b':' | b';' | b'|']) {
            self.cut = FieldCut::Ending;
        }
        self
    }

    /// The address field of a line without its line feed, by its place.
    pub fn field(&self, line: &[u8]) -> Result<Range<usize>, NotCounted> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.trim_ascii().is_empty() {
            return Err(NotCounted::Blank);
        }
        let is_adobe = self.cut == FieldCut::Adobe;
        if is_adobe && !self.begins_record(line) {
            return Err(NotCounted::Continuation);
        }
        let start = self.column_start(line).ok_or(NotCounted::NoRecord)?;
        let from = start + quoted_local_part(&line[start..]);
        let end = match self.cut {
            FieldCut::Exact | FieldCut::Adobe => {
                self.find_separator(line, from).unwrap_or(line.len())
            }
            _ => self.soft_end(line, from, from > start),
        };
        if is_adobe && end == line.len() {
            return Err(NotCounted::NoRecord);
        }
        Ok(start..end)
    }

    /// Whether the last line of an input, which has no line feed, is a record that was cut short. Only the Adobe list has
    /// a mark at the end of a record.
    pub fn is_cut(&self, line: &[u8]) -> bool {
        self.cut == FieldCut::Adobe
            && self.begins_record(line)
            && !line.trim_ascii_end().ends_with(b"|--")
    }

    /// Where the address field begins.
    pub(super) fn column_start(&self, line: &[u8]) -> Option<usize> {
        if self.cut == FieldCut::Url {
            return behind_url(line);
        }
        let mut start = 0;
        for _ in 0..self.column {
            start = match self.cut {
                FieldCut::Mixed => {
                    start + line[start..].iter().position(|&byte| is_mark(byte))? + 1
                }
                _ => self.find_separator(line, start)? + self.separator.len(),
            };
        }
        Some(start)
    }

    /// Whether the address can end before `byte`, which stands behind its `@`.
    pub(super) fn ends_before(&self, byte: u8) -> bool {
        match self.cut {
            FieldCut::Exact | FieldCut::Adobe => false,
            FieldCut::Ending | FieldCut::Mixed | FieldCut::Url => {
                is_mark(byte) || matches!(byte, b',' | b'\t' | b' ')
            }
        }
    }

    /// Where the address that is looked for from `from` on ends: at a mark that no address holds there (RFC 5321 §4.1.2;
    /// a bar may stand in a local part).
    fn soft_end(&self, line: &[u8], from: usize, mut is_behind_sign: bool) -> usize {
        for (at, &byte) in line.iter().enumerate().skip(from) {
            let ends = match byte {
                b':' | b';' => true,
                b'|' if self.cut != FieldCut::Ending || self.separator == [b'|'] => true,
                byte => is_behind_sign && self.ends_before(byte),
            };
            if ends {
                return at;
            }
            is_behind_sign |= byte == b'@';
        }
        line.len()
    }

    /// The byte of the separator that stands least often elsewhere.
    pub(super) fn rarest(&self) -> Option<(usize, u8)> {
        let at = self.separator.len() / 2;
        self.separator.get(at).map(|&byte| (at, byte))
    }

    pub(super) fn begins_record(&self, line: &[u8]) -> bool {
        let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
        digits > 0 && line[digits..].starts_with(&self.separator)
    }

    fn find_separator(&self, line: &[u8], from: usize) -> Option<usize> {
        let (offset, byte) = self.rarest()?;
        let first = from + offset;
        memchr::memchr_iter(byte, line.get(first..)?)
            .map(|at| from + at)
            .find(|&start| line[start..].starts_with(&self.separator))
    }
}

/// The separators that lists mix.
fn is_mark(byte: u8) -> bool {
    matches!(byte, b':' | b';' | b'|')
}

/// Where the field behind the URL of a line begins. Without a scheme, a first field that has an `@` and no path is the
/// address itself.
fn behind_url(line: &[u8]) -> Option<usize> {
    let is_end = |byte: u8| is_mark(byte) || matches!(byte, b' ' | b'\t');
    let mut at = match scheme(line) {
        Some(length) => length,
        None => {
            let first = line
                .iter()
                .position(|&byte| is_end(byte))
                .unwrap_or(line.len());
            let first = &line[..first];
            if first.contains(&b'@') && !first.contains(&b'/') {
                return Some(0);
            }
            0
        }
    };
    // An IPv6 address in its brackets.
    if line.get(at) == Some(&b'[') {
        at += line[at..].iter().position(|&byte| byte == b']')?;
    }
    let mut is_path = false;
    while let Some(&byte) = line.get(at) {
        at += 1;
        if matches!(byte, b'/' | b'?' | b'#') {
            is_path = true;
        } else if is_end(byte) {
            let port = port(&line[at..]).filter(|_| !is_path && byte == b':');
            match port {
                Some(length) => at += length,
                None => return Some(at),
            }
        }
    }
    None
}

/// The length of `https://` and the like at the beginning of a line.
pub(super) fn scheme(line: &[u8]) -> Option<usize> {
    let name = line
        .iter()
        .take(32)
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        .count();
    (name > 0 && line[name..].starts_with(b"://")).then_some(name + 3)
}

/// The length of a port, which a path or another field follows.
fn port(rest: &[u8]) -> Option<usize> {
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let follows = |&byte: &u8| is_mark(byte) || matches!(byte, b'/' | b'?' | b' ' | b'\t');
    ((1..=5).contains(&digits) && rest.get(digits).is_some_and(follows)).then_some(digits)
}

/// The length of a quoted local part with its `@`, which may hold separators (RFC 5321 §4.1.2), or 0.
fn quoted_local_part(field: &[u8]) -> usize {
    if field.first() != Some(&b'"') {
        return 0;
    }
    let mut at = 1;
    while let Some(found) = memchr::memchr2(b'"', b'\\', field.get(at..).unwrap_or_default()) {
        at += found;
        match (field[at], field.get(at + 1)) {
            (b'\\', _) => at += 2,
            (_, Some(b'@')) => return at + 2,
            _ => return 0,
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field<'a>(layout: &Delimited, line: &'a [u8]) -> Result<&'a str, NotCounted> {
        layout
            .field(line)
            .map(|place| std::str::from_utf8(&line[place]).unwrap())
    }

    #[test]
    fn adobe_records_and_their_quirks() {
        for (line, found) in [
            (
                &b"103-|--|-a@example.org-|-G7dNr/==-|-my cat|--"[..],
                Ok("a@example.org"),
            ),
            (
                b"103-|--|-a@example.org-|-G7dNr/==-|-a|b-|-c@d|--\r",
                Ok("a@example.org"),
            ),
            (
                b"103-|-user name-|-a@example.org-|--|-|--",
                Ok("a@example.org"),
            ),
            (b"103-|--|-a@example.org--|--|-|--", Ok("a@example.org-")),
            (b"103-|--|-a|b@example.org-|--|-|--", Ok("a|b@example.org")),
            (
                b"103-|--|-\"a-|-b\"@example.org-|--|-|--",
                Ok("\"a-|-b\"@example.org"),
            ),
            (b"103-|--|--|-G7dNr/==-|-|--", Ok("")),
            (b"103-|--|-a@example.org", Err(NotCounted::NoRecord)),
            (b"103-|-", Err(NotCounted::NoRecord)),
            (b"and so the hint goes on|--", Err(NotCounted::Continuation)),
            (b"12 b-|--|-x@example.org-|-", Err(NotCounted::Continuation)),
            (b"-|--|-x@example.org-|-", Err(NotCounted::Continuation)),
            (b"\r", Err(NotCounted::Blank)),
        ] {
            assert_eq!(
                field(&Delimited::adobe(), line),
                found,
                "{}",
                String::from_utf8_lossy(line)
            );
        }
    }

    #[test]
    fn a_record_of_adobe_ends_with_its_mark() {
        let adobe = Delimited::adobe();
        assert!(!adobe.is_cut(b"1-|--|-a@example.org-|-x-|-hint|--"));
        assert!(adobe.is_cut(b"1-|--|-a@example.org-|-x-|-hi"));
        assert!(!adobe.is_cut(b"the rest of a hint"));
        assert!(!Delimited::new(b":", 0).is_cut(b"a@exa"));
    }

    #[test]
    fn fields_between_separators() {
        for (separator, column, line, found) in [
            (
                &b":"[..],
                0,
                &b"a@example.org:p@ss:word"[..],
                Ok("a@example.org"),
            ),
            (b":", 0, b"a@example.org", Ok("a@example.org")),
            (
                b":",
                0,
                b"\"a:b\\\"@c\"@example.org:x",
                Ok("\"a:b\\\"@c\"@example.org"),
            ),
            (b":", 0, b"\"a@example.org\":x", Ok("\"a@example.org\"")),
            (b":", 0, b"\"a:x", Ok("\"a")),
            (b":", 1, b"name:a@example.org:hash", Ok("a@example.org")),
            (b":", 1, b"name", Err(NotCounted::NoRecord)),
            (b"\t", 1, b"name\ta@example.org\r", Ok("a@example.org")),
            (b":::", 2, b"n::::h:::a@example.org:::", Ok("a@example.org")),
            (b"", 0, b" a b@example.org ", Ok(" a b@example.org ")),
        ] {
            let layout = Delimited::new(separator, column);
            assert_eq!(
                field(&layout, line),
                found,
                "{}",
                String::from_utf8_lossy(line)
            );
        }
    }

    #[test]
    fn l1_the_address_ends_at_any_of_the_marks() {
        let colons = Delimited::new(b":", 0).ending();
        let bars = Delimited::new(b"|", 0).ending();
        let mixed = Delimited::mixed(0);
        for line in [
            "a@example.org:p@ss;w|x",
            "a@example.org;p@ss:w|x",
            "a@example.org|p@ss:w;x",
            "a@example.org",
            "a@example.org pw:x",
            "a@example.org\tpw",
            "a@example.org,pw",
        ] {
            for layout in [&colons, &bars, &mixed] {
                assert_eq!(
                    field(layout, line.as_bytes()),
                    Ok("a@example.org"),
                    "{line}"
                );
            }
        }
        for (layout, line, found) in [
            (&colons, "name;p@ss.org", "name"),
            (&colons, "a|b@example.org:x", "a|b@example.org"),
            (&mixed, "name|p@ss.org", "name"),
            (
                &colons,
                "\"a:b;c|d\"@example.org;x",
                "\"a:b;c|d\"@example.org",
            ),
            (
                &Delimited::mixed(1),
                "name;a@example.org|h",
                "a@example.org",
            ),
            (
                &Delimited::mixed(1),
                "name|a@example.org:h",
                "a@example.org",
            ),
            // A separator that was asked for is the only one.
            (
                &Delimited::new(b":", 0),
                "a@example.org;x:y",
                "a@example.org;x",
            ),
        ] {
            assert_eq!(field(layout, line.as_bytes()), Ok(found), "{line}");
        }
    }

    #[test]
    fn l2_the_field_behind_the_url() {
        let layout = Delimited::url();
        for line in [
            "https://h/x:u@d.org:p@ss.com",
            "https://h:u@d.org:p",
            "http://h.example:8080/x?y=z#w:u@d.org:p",
            "https://h:8443:u@d.org:p",
            "http://[2001:db8::1]:80/:u@d.org:p",
            "android://aGFzaA==@com.example.app/:u@d.org:p",
            "h.example/login:u@d.org:p",
            "https://h/x|u@d.org|p",
            "https://h/x;u@d.org;p",
            "https://h/x u@d.org p",
            "https://h/x u@d.org:p",
            "https://h/@name:u@d.org:p",
            "u@d.org:p",
            "u@d.org:p:https://h/x",
            "https://h/x:u@d.org",
        ] {
            assert_eq!(field(&layout, line.as_bytes()), Ok("u@d.org"), "{line}");
        }
        assert_eq!(field(&layout, b"https://h/x:name:p@ss.com"), Ok("name"));
        assert_eq!(field(&layout, b"https://h/x"), Err(NotCounted::NoRecord));
    }
}
