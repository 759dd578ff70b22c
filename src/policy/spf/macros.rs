//! Macros of SPF (RFC 7208 §7): strings with `%{…}` taken apart, and expanded for a client.

use std::borrow::Cow;
use std::net::IpAddr;

/// A macro-string (RFC 7208 §7.1), taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MacroString(pub Vec<Part>);

/// A piece of a macro-string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Octets that stand for themselves; `%%`, `%_` and `%-` are among them, expanded.
    Literal(Vec<u8>),
    /// `%{…}`.
    Macro(Macro),
}

/// `%{` macro-letter transformers delimiters `}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Macro {
    /// The letter, in lower case.
    pub letter: u8,
    /// It came in upper case: the expansion is escaped as in a URL.
    pub is_escaped: bool,
    /// How many parts from the right are kept, if not all.
    pub keep: Option<usize>,
    /// The parts are reversed.
    pub is_reversed: bool,
    /// At which octets the value is split; empty means `.`.
    pub delimiters: Vec<u8>,
}

/// Why a text is no macro-string: the octet at which it ceases to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadMacro(pub usize);

/// The letters that only an explanation may have (RFC 7208 §7.2).
const EXPLANATION_LETTERS: &[u8] = b"crt";

/// Where a macro-string stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MacroPlace {
    /// In a term: visible characters alone, and no `c`, `r`, `t`.
    Term,
    /// In the text that `exp=` points to: blanks too, and every letter.
    Explanation,
}

impl MacroString {
    /// Takes a macro-string apart.
    pub fn parse(text: &[u8], place: MacroPlace) -> Result<Self, BadMacro> {
        let mut parts = Vec::new();
        let mut literal = Vec::with_capacity(text.len());
        let mut next = 0;
        while let Some(&octet) = text.get(next) {
            if octet != b'%' {
                let is_allowed =
                    octet.is_ascii_graphic() || octet == b' ' && place == MacroPlace::Explanation;
                if !is_allowed {
                    return Err(BadMacro(next));
                }
                literal.push(octet);
                next += 1;
                continue;
            }
            match text.get(next + 1) {
                Some(b'%') => literal.push(b'%'),
                Some(b'_') => literal.push(b' '),
                Some(b'-') => literal.extend_from_slice(b"%20"),
                Some(b'{') => {
                    let inside = &text[next + 2..];
                    let end = memchr::memchr(b'}', inside).ok_or(BadMacro(next))?;
                    let found = Macro::parse(&inside[..end], place).ok_or(BadMacro(next))?;
                    if !literal.is_empty() {
                        parts.push(Part::Literal(std::mem::take(&mut literal)));
                    }
                    parts.push(Part::Macro(found));
                    next += end + 3;
                    continue;
                }
                _ => return Err(BadMacro(next)),
            }
            next += 2;
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self(parts))
    }

    /// The macros in it.
    pub fn macros(&self) -> impl Iterator<Item = &Macro> {
        self.0.iter().filter_map(|part| match part {
            Part::Macro(found) => Some(found),
            Part::Literal(_) => None,
        })
    }

    /// Whether `letter` is in it.
    pub fn has(&self, letter: u8) -> bool {
        self.macros().any(|found| found.letter == letter)
    }

    /// The expansion; `None` where a letter has no value in `values`. What is longer than `limit` octets keeps its right side.
    pub fn expand(&self, values: &impl Values, limit: usize) -> Option<Vec<u8>> {
        let mut expansion = Vec::new();
        for part in &self.0 {
            match part {
                Part::Literal(text) => expansion.extend_from_slice(text),
                Part::Macro(found) => found.expand(&values.value(found.letter)?, &mut expansion),
            }
            if expansion.len() > 2 * limit {
                // What a name keeps is its right side, and so does this.
                let excess = expansion.len() - limit;
                expansion.drain(..excess);
            }
        }
        let excess = expansion.len().saturating_sub(limit);
        expansion.drain(..excess);
        Some(expansion)
    }

    /// The expansion as a target-name: at most 253 octets, labels beyond taken off on the left (RFC 7208 §7.3), without
    /// the last dot.
    pub fn expand_name(&self, values: &impl Values) -> Option<Vec<u8>> {
        const NAME_LIMIT: usize = crate::dns::name::NAME_LIMIT;
        let mut name = self.expand(values, EXPANSION_LIMIT)?;
        if name.last() == Some(&b'.') {
            name.pop();
        }
        while name.len() > NAME_LIMIT {
            // One label that is too long is no name; whoever asks for it finds out.
            let Some(first) = memchr::memchr(b'.', &name) else {
                break;
            };
            name.drain(..=first);
        }
        Some(name)
    }
}

/// Octets that an expansion is allowed to grow to before it is cut to what a name may have.
const EXPANSION_LIMIT: usize = 8192;

/// What the letters stand for.
pub trait Values {
    /// The value of a letter in lower case; `None` if it is not known.
    fn value(&self, letter: u8) -> Option<Cow<'_, [u8]>>;
}

impl Macro {
    /// What stands between `%{` and `}`.
    fn parse(text: &[u8], place: MacroPlace) -> Option<Self> {
        let (&first, rest) = text.split_first()?;
        let letter = first.to_ascii_lowercase();
        let is_known = b"slodipvh".contains(&letter)
            || EXPLANATION_LETTERS.contains(&letter) && place == MacroPlace::Explanation;
        if !is_known {
            return None;
        }
        let digits = rest.iter().take_while(|octet| octet.is_ascii_digit());
        let (number, rest) = rest.split_at(digits.count());
        // "the value MUST be nonzero"; a number too large to be one keeps all there is.
        let keep = match number {
            [] => None,
            _ if number.iter().all(|&digit| digit == b'0') => return None,
            _ => std::str::from_utf8(number).ok()?.parse().ok(),
        };
        let (is_reversed, delimiters) = match rest.split_first() {
            Some((b'r' | b'R', delimiters)) => (true, delimiters),
            _ => (false, rest),
        };
        delimiters
            .iter()
            .all(|octet| b".-+,/_=".contains(octet))
            .then(|| Self {
                letter,
                is_escaped: first.is_ascii_uppercase(),
                keep,
                is_reversed,
                delimiters: delimiters.to_vec(),
            })
    }

    fn expand(&self, value: &[u8], expansion: &mut Vec<u8>) {
        let is_plain = self.keep.is_none() && !self.is_reversed && self.delimiters.is_empty();
        let value = match is_plain {
            true => Cow::Borrowed(value),
            false => Cow::Owned(self.transform(value)),
        };
        if !self.is_escaped {
            return expansion.extend_from_slice(&value);
        }
        for &octet in value.iter() {
            match octet {
                b'-' | b'.' | b'_' | b'~' => expansion.push(octet),
                _ if octet.is_ascii_alphanumeric() => expansion.push(octet),
                _ => expansion.extend_from_slice(format!("%{octet:02X}").as_bytes()),
            }
        }
    }

    fn transform(&self, value: &[u8]) -> Vec<u8> {
        let is_delimiter = |octet: &u8| match self.delimiters.is_empty() {
            true => *octet == b'.',
            false => self.delimiters.contains(octet),
        };
        let mut parts: Vec<_> = value.split(is_delimiter).collect();
        if self.is_reversed {
            parts.reverse();
        }
        let kept = self.keep.unwrap_or(parts.len()).min(parts.len());
        parts[parts.len() - kept..].join(&b'.')
    }
}

/// What `%{i}` stands for: dotted octets, or dotted nibbles (RFC 7208 §7.3).
pub fn dotted(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let nibbles = address
                .octets()
                .into_iter()
                .flat_map(|octet| [octet >> 4, octet & 15]);
            nibbles
                .map(|nibble| format!("{nibble:X}"))
                .collect::<Vec<_>>()
                .join(".")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Example;

    impl Values for Example {
        /// RFC 7208 §7.4: `strong-bad@email.example.com` from 192.0.2.3.
        fn value(&self, letter: u8) -> Option<Cow<'_, [u8]>> {
            Some(Cow::Borrowed(match letter {
                b's' => b"strong-bad@email.example.com",
                b'o' | b'd' => b"email.example.com",
                b'l' => b"strong-bad",
                b'i' => b"192.0.2.3",
                b'v' => b"in-addr",
                _ => return None,
            }))
        }
    }

    fn expand(text: &str) -> Option<String> {
        let parsed = MacroString::parse(text.as_bytes(), MacroPlace::Term).unwrap();
        (parsed.expand_name(&Example)).map(|name| String::from_utf8(name).unwrap())
    }

    #[test]
    fn the_examples_of_the_rfc_expand_as_it_says() {
        for (text, expansion) in [
            ("%{s}", "strong-bad@email.example.com"),
            ("%{o}", "email.example.com"),
            ("%{d4}", "email.example.com"),
            ("%{d3}", "email.example.com"),
            ("%{d2}", "example.com"),
            ("%{d1}", "com"),
            ("%{dr}", "com.example.email"),
            ("%{d2r}", "example.email"),
            ("%{l}", "strong-bad"),
            ("%{l-}", "strong.bad"),
            ("%{lr}", "strong-bad"),
            ("%{lr-}", "bad.strong"),
            ("%{l1r-}", "strong"),
            (
                "%{ir}.%{v}._spf.%{d2}",
                "3.2.0.192.in-addr._spf.example.com",
            ),
            ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
            (
                "%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}",
                "3.2.0.192.in-addr.strong.lp._spf.example.com",
            ),
            (
                "%{d2}.trusted-domains.example.net.",
                "example.com.trusted-domains.example.net",
            ),
            ("%{S}", "strong-bad%40email.example.com"),
            ("a%%b%_c%-d", "a%b c%20d"),
        ] {
            assert_eq!(expand(text).as_deref(), Some(expansion), "{text}");
        }
        assert_eq!(expand("%{h}.example"), None, "h has no value here");
    }

    #[test]
    fn what_is_no_macro_says_where_it_ceases_to_be_one() {
        for (text, place) in [
            ("a%", 1),
            ("%a", 0),
            ("ab%{", 2),
            ("%{x}", 0),
            ("%{d0}", 0),
            ("%{dr2}", 0),
            ("%{d;}", 0),
            ("%{}", 0),
            ("%{c}", 0),
            ("a b", 1),
            ("a\u{e9}", 1),
        ] {
            let parsed = MacroString::parse(text.as_bytes(), MacroPlace::Term);
            assert_eq!(parsed, Err(BadMacro(place)), "{text}");
        }
        assert!(MacroString::parse(b"see %{c} %{R} %{t}", MacroPlace::Explanation).is_ok());
    }

    #[test]
    fn a_number_too_large_keeps_all_there_is() {
        assert_eq!(
            expand("%{d99999999999999999999999}").unwrap(),
            "email.example.com"
        );
    }

    #[test]
    fn a_long_expansion_loses_labels_on_the_left_and_never_grows_beyond_its_bound() {
        let text = "%{d}.".repeat(100_000) + "end.example";
        let name = expand(&text).unwrap();
        assert!(name.len() <= 253 && name.ends_with("email.example.com.end.example"));
    }
}
