//! Zone files (RFC 1035 §5) read for their delegations: a line in, at most one name out, in bounded memory. The parsers at hand
//! read a zone whole, and that of a top level domain has some hundred million records.
//!
//! `$ORIGIN`, `$TTL`, `@`, relative names, owners, classes and TTLs left out, and parentheses over lines are read;
//! `$INCLUDE` and `$GENERATE` are refused.

use super::name::NAME_LIMIT;

/// The most lines that the parentheses of one record may span. A key of 4096 bits has some twenty.
const RECORD_LINES: u32 = 10_000;
/// The longest owner in presentation form: every octet escaped, and a dot.
const OWNER_LIMIT: usize = NAME_LIMIT * 4 + 1;

/// Reads a zone line by line.
#[derive(Clone, Debug, Default)]
pub struct ZoneReader {
    origin: Option<Vec<u8>>,
    /// The owner of the SOA.
    apex: Option<Vec<u8>>,
    /// The owner of the last record: a line that begins with a blank has the same.
    owner: Option<Vec<u8>>,
    /// The last owner of a delegation: those of one name stand together.
    delegated: Vec<u8>,
    /// How many parentheses are open, and since how many lines.
    open: u32,
    lines: u32,
    /// What the line with the first parenthesis comes to, once the last one is closed.
    record: Option<Vec<u8>>,
}

/// What stands on a line of a zone.
#[derive(Debug, PartialEq, Eq)]
pub enum ZoneEntry {
    /// No delegation, or part of one.
    Nothing,
    /// The owner of NS records one label below the apex, absolute, each once.
    Delegation(Vec<u8>),
    /// Not understood.
    Refused(&'static str),
}

impl ZoneReader {
    /// Reads a line, without its line feed.
    pub fn read(&mut self, line: &[u8]) -> ZoneEntry {
        if self.open > 0 {
            return self.read_on(line);
        }
        let is_blank_owner = line.first().is_some_and(u8::is_ascii_whitespace);
        let words = Words::new(line);
        if words.words.is_empty() {
            return ZoneEntry::Nothing;
        }
        if line[0] == b'$' {
            return self.directive(&words.words);
        }
        if words.closed > words.opened {
            return ZoneEntry::Refused("a parenthesis is closed that was not opened");
        }
        let found = match self.record(&words.words, is_blank_owner) {
            Ok(found) => found,
            Err(why) => {
                // What the parentheses hold belongs to what was refused.
                self.record = None;
                self.open_up(words.opened - words.closed);
                return ZoneEntry::Refused(why);
            }
        };
        self.open_up(words.opened - words.closed);
        if self.open > 0 {
            self.record = found;
            return ZoneEntry::Nothing;
        }
        self.delegation(found)
    }

    /// What is wrong with a zone that ends here.
    pub fn end(&self) -> Option<&'static str> {
        (self.open > 0).then_some("the zone ends inside parentheses")
    }

    fn open_up(&mut self, count: u32) {
        (self.open, self.lines) = (count, 0);
    }

    /// A line inside parentheses.
    fn read_on(&mut self, line: &[u8]) -> ZoneEntry {
        let words = Words::new(line);
        self.lines += 1;
        if words.closed > self.open + words.opened {
            self.open = 0;
            self.record = None;
            return ZoneEntry::Refused("a parenthesis is closed that was not opened");
        }
        self.open = self.open + words.opened - words.closed;
        if self.open > 0 && self.lines >= RECORD_LINES {
            self.open = 0;
            self.record = None;
            return ZoneEntry::Refused("a parenthesis is not closed for 10,000 lines");
        }
        if self.open > 0 {
            return ZoneEntry::Nothing;
        }
        let record = self.record.take();
        self.delegation(record)
    }

    fn directive(&mut self, words: &[&[u8]]) -> ZoneEntry {
        let is = |name: &str| words[0].eq_ignore_ascii_case(name.as_bytes());
        if is("$TTL") {
            return ZoneEntry::Nothing;
        }
        if is("$INCLUDE") {
            return ZoneEntry::Refused("$INCLUDE: what it names is not read; put it in its place");
        }
        if is("$GENERATE") {
            return ZoneEntry::Refused("$GENERATE is not read; write the records out");
        }
        if !is("$ORIGIN") {
            return ZoneEntry::Refused("a directive that no zone file has");
        }
        match words.get(1).map(|name| self.absolute(name)) {
            Some(Ok(origin)) => {
                self.origin = Some(origin);
                ZoneEntry::Nothing
            }
            Some(Err(why)) => ZoneEntry::Refused(why),
            None => ZoneEntry::Refused("$ORIGIN without a name"),
        }
    }

    /// The owner of a record, if it is one of NS.
    fn record(
        &mut self,
        words: &[&[u8]],
        is_blank_owner: bool,
    ) -> Result<Option<Vec<u8>>, &'static str> {
        let (owner, rest) = match (is_blank_owner, &self.owner) {
            (true, Some(owner)) => (owner.clone(), words),
            (true, None) => return Err("the first record of a zone names its owner"),
            (false, _) => (self.absolute(words[0])?, &words[1..]),
        };
        // [TTL] [class] type or [class] [TTL] type (RFC 1035 §5.1).
        let kind = rest
            .iter()
            .take(3)
            .find(|word| !is_ttl(word) && !is_class(word))
            .ok_or("not a record of a zone file: name, TTL, class, type, data")?;
        if kind.eq_ignore_ascii_case(b"SOA") && self.apex.is_none() {
            self.apex = Some(owner.to_ascii_lowercase());
        }
        let is_ns = kind.eq_ignore_ascii_case(b"NS");
        if self.apex.is_none() {
            return Err("a zone file begins with its SOA");
        }
        if rest.len() < 2 {
            return Err("a record without data");
        }
        self.owner = Some(owner.clone());
        Ok(is_ns.then_some(owner))
    }

    /// The owner, if it is delegated here and was not told before.
    fn delegation(&mut self, owner: Option<Vec<u8>>) -> ZoneEntry {
        match (owner, &self.apex) {
            (Some(owner), Some(apex))
                if is_child(&owner, apex) && !owner.eq_ignore_ascii_case(&self.delegated) =>
            {
                self.delegated.clone_from(&owner);
                ZoneEntry::Delegation(owner)
            }
            _ => ZoneEntry::Nothing,
        }
    }

    /// A name as it stands there, with the origin behind it if it is relative.
    fn absolute(&self, name: &[u8]) -> Result<Vec<u8>, &'static str> {
        const NO_ORIGIN: &str = "a relative name, and no $ORIGIN before it";
        if name == b"@" {
            return self.origin.clone().ok_or(NO_ORIGIN);
        }
        let mut absolute = unescaped(name)?;
        if !ends_with_dot(&absolute) {
            let origin = self.origin.as_deref().ok_or(NO_ORIGIN)?;
            if origin != b"." {
                absolute.push(b'.');
            }
            absolute.extend_from_slice(origin);
        }
        if absolute.len() > OWNER_LIMIT {
            return Err("a name that is longer than a name can be");
        }
        Ok(absolute)
    }
}

/// The words of a line: at most the first few, which tell all there is to know, and the parentheses among all of them.
struct Words<'a> {
    words: Vec<&'a [u8]>,
    opened: u32,
    closed: u32,
}

impl<'a> Words<'a> {
    /// Owner, TTL, class, type and the beginning of the data.
    const ENOUGH: usize = 5;

    fn new(line: &'a [u8]) -> Self {
        let mut found = Self {
            words: Vec::with_capacity(Self::ENOUGH),
            opened: 0,
            closed: 0,
        };
        let mut begin = None;
        let (mut is_quoted, mut at) = (false, 0);
        while at < line.len() {
            let byte = line[at];
            let is_end = match byte {
                b'\\' => {
                    begin.get_or_insert(at);
                    at += 2;
                    continue;
                }
                b'"' => {
                    is_quoted = !is_quoted;
                    false
                }
                _ if is_quoted => false,
                b';' | b'(' | b')' => true,
                _ => byte.is_ascii_whitespace(),
            };
            if is_end {
                found.word(line, begin.take(), at);
            } else {
                begin.get_or_insert(at);
            }
            match byte {
                b';' if !is_quoted => return found,
                b'(' if !is_quoted => found.opened += 1,
                // One that closes what this line has not opened closes what an earlier one did.
                b')' if !is_quoted => found.closed += 1,
                _ => {}
            }
            at += 1;
        }
        found.word(line, begin, line.len());
        found
    }

    fn word(&mut self, line: &'a [u8], begin: Option<usize>, end: usize) {
        if let Some(begin) = begin
            && self.words.len() < Self::ENOUGH
        {
            self.words.push(&line[begin..end]);
        }
    }
}

/// `86400`, `1d`, `1h30m`.
fn is_ttl(word: &[u8]) -> bool {
    let is_unit = |byte: &u8| b"smhdw".contains(&byte.to_ascii_lowercase());
    word.first().is_some_and(u8::is_ascii_digit)
        && word
            .iter()
            .all(|byte| byte.is_ascii_digit() || is_unit(byte))
}

fn is_class(word: &[u8]) -> bool {
    [&b"IN"[..], b"CH", b"HS", b"CS"]
        .iter()
        .any(|class| word.eq_ignore_ascii_case(class))
        || word.len() > 5
            && word[..5].eq_ignore_ascii_case(b"CLASS")
            && word[5..].iter().all(u8::is_ascii_digit)
}

/// A name whose letters, digits, hyphens and underscores are not escaped any more; what else is escaped stays so, and makes
/// no name that could be looked up.
fn unescaped(name: &[u8]) -> Result<Vec<u8>, &'static str> {
    if name.len() > OWNER_LIMIT {
        return Err("a name that is longer than a name can be");
    }
    let mut plain = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte != b'\\' {
            plain.push(byte);
            continue;
        }
        let number = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse::<u8>().ok();
        let (value, length) = match rest {
            digits if digits.len() >= 3 && digits[..3].iter().all(u8::is_ascii_digit) => {
                (number(&digits[..3]).ok_or("an escape beyond 255")?, 3)
            }
            [byte, ..] => (*byte, 1),
            [] => return Err("an escape of nothing"),
        };
        if value.is_ascii_alphanumeric() || matches!(value, b'-' | b'_') {
            plain.push(value);
        } else {
            plain.push(b'\\');
            plain.extend_from_slice(&rest[..length]);
        }
        rest = &rest[length..];
    }
    Ok(plain)
}

fn ends_with_dot(name: &[u8]) -> bool {
    dots(name).last() == Some(name.len().wrapping_sub(1))
}

/// The places of the dots between labels: those that are not escaped.
fn dots(name: &[u8]) -> impl Iterator<Item = usize> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < name.len() {
            let here = at;
            at += if name[here] == b'\\' { 2 } else { 1 };
            if name[here] == b'.' {
                return Some(here);
            }
        }
        None
    })
}

/// Whether `owner` is `apex` with one label in front. The root's children are its top level domains.
fn is_child(owner: &[u8], apex: &[u8]) -> bool {
    let Some(dot) = dots(owner).next().filter(|&dot| dot > 0) else {
        return false;
    };
    let parent = if apex == b"." {
        &owner[dot..]
    } else {
        &owner[dot + 1..]
    };
    parent.eq_ignore_ascii_case(apex)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delegations(text: &str) -> Vec<String> {
        let mut zone = ZoneReader::default();
        let mut found: Vec<_> = (text.lines())
            .filter_map(|line| match zone.read(line.as_bytes()) {
                ZoneEntry::Nothing => None,
                ZoneEntry::Delegation(name) => Some(String::from_utf8_lossy(&name).into_owned()),
                ZoneEntry::Refused(why) => Some(format!("! {why}")),
            })
            .collect();
        found.extend(zone.end().map(|why| format!("! {why}")));
        found
    }

    #[test]
    fn d5_a_master_file_of_every_form_gives_its_delegations() {
        let text = "; a zone\n$TTL 1d\n$ORIGIN test.\n\
            @ IN SOA ns.test. host.test. ( 1 ; serial (\n  3600\n 600 ) \n)\n\
            @ 3600 NS ns\n\
            a 1h30m IN NS ns.a\n  NS ns.b ; of a as well\n\tIN 60 NS ns.c\n\
            b IN 86400 NS (\n ns.b\n )\n\
            x.y NS ns\n\
            c TXT \"b NS n ; (\" \\( \"\nd NS ns.d\n\
            $ORIGIN sub\ne NS ns\n$ORIGIN test.\nF.TEST. CLASS1 NS ns\n\
            \\103 NS ns\nh\\.i NS ns\nj A 192.0.2.1\n NS ns.j\n";
        let names = [
            "a.test.",
            "b.test.",
            "d.test.",
            "F.TEST.",
            "g.test.",
            "h\\.i.test.",
            "j.test.",
        ];
        // Of a closing line that has one too many, nothing more than that is lost.
        let text = text.replace("600 ) \n)\n", "600 )\n");
        assert_eq!(delegations(&text), names);
    }

    #[test]
    fn what_is_no_zone_says_why() {
        for (text, why) in [
            ("a.org. 1 in ns n.\n", "! a zone file begins with its SOA"),
            (
                "@ IN SOA a b 1 2 3 4 5\n",
                "! a relative name, and no $ORIGIN before it",
            ),
            (
                "$INCLUDE other\n",
                "! $INCLUDE: what it names is not read; put it in its place",
            ),
            (
                "$generate 1-9 a$ NS n\n",
                "! $GENERATE is not read; write the records out",
            ),
            ("$WHAT\n", "! a directive that no zone file has"),
            (" NS n\n", "! the first record of a zone names its owner"),
            (
                "org. IN SOA a. b. ( 1 2\n",
                "! the zone ends inside parentheses",
            ),
            (
                "org. IN SOA a. b. 1 )\n",
                "! a parenthesis is closed that was not opened",
            ),
            (
                "org. IN\n",
                "! not a record of a zone file: name, TTL, class, type, data",
            ),
            ("\\999.org. NS n\n", "! an escape beyond 255"),
        ] {
            assert_eq!(delegations(text), [why], "{text}");
        }
        let open = format!(
            "org. IN SOA a. b. (\n{}a.org. NS n.\n",
            "1\n".repeat(10_000)
        );
        assert_eq!(
            delegations(&open),
            ["! a parenthesis is not closed for 10,000 lines", "a.org."]
        );
    }
}
