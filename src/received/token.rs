//! The lexical level of a Received field (RFC 5322 §3.2): words, comments that nest, semicolons. Folding is white space.
//!
//! One pass, no recursion: 100,000 open parentheses cost what any 100,000 bytes cost.

use memchr::memchr;

/// A piece of a field, borrowed from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// A run without white space. A quoted string and an address in angle brackets are one word.
    Word(&'a [u8]),
    /// What stands between the outermost parentheses, comments within it included.
    Comment(&'a [u8]),
    /// `;` outside of comments.
    Semicolon,
}

/// The tokens of a field, and whether all of its parentheses had a partner.
pub fn tokens(body: &[u8]) -> (Vec<Token<'_>>, bool) {
    let mut lexer = Lexer {
        body,
        at: 0,
        nests: true,
        closes: true,
        balanced: true,
    };
    let mut list = Vec::with_capacity(32);
    while let Some(token) = lexer.next() {
        list.push(token);
    }
    (list, lexer.balanced)
}

struct Lexer<'a> {
    body: &'a [u8],
    at: usize,
    /// Comments nest. Once one is found that never closes, the rest of the field is read without nesting, so that no
    /// byte is looked at more than a few times.
    nests: bool,
    /// A `)` may still come.
    closes: bool,
    balanced: bool,
}

impl<'a> Lexer<'a> {
    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let &byte = self.body.get(self.at)?;
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | 0 => self.at += 1,
                b';' => {
                    self.at += 1;
                    return Some(Token::Semicolon);
                }
                b')' => {
                    self.balanced = false;
                    self.at += 1;
                }
                b'(' => match self.comment() {
                    Some(content) => return Some(Token::Comment(content)),
                    // Nothing closes it: the parenthesis is passed over.
                    None => self.at += 1,
                },
                _ => return Some(Token::Word(self.word())),
            }
        }
    }

    fn comment(&mut self) -> Option<&'a [u8]> {
        let start = self.at + 1;
        let end = match self.nests.then(|| closing(&self.body[start..])).flatten() {
            Some(length) => start + length,
            None => {
                self.nests = false;
                self.balanced = false;
                let length = self
                    .closes
                    .then(|| memchr(b')', &self.body[start..]))
                    .flatten();
                self.closes = length.is_some();
                start + length?
            }
        };
        self.at = end + 1;
        Some(&self.body[start..end])
    }

    fn word(&mut self) -> &'a [u8] {
        let start = self.at;
        while let Some(&byte) = self.body.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b'(' | b')' | b';' | 0 => break,
                // A quoted string and an angle address end within one line; without that bound a field of quotes
                // would be searched to its end for each.
                b'"' if self.at == start => self.skip_to(b'"'),
                b'<' if self.at == start => self.skip_to(b'>'),
                _ => self.at += 1,
            }
        }
        &self.body[start..self.at]
    }

    fn skip_to(&mut self, close: u8) {
        const LINE: usize = 998;
        let rest = &self.body[self.at + 1..];
        let line = &rest[..rest.len().min(LINE)];
        self.at += match memchr(close, line) {
            Some(length) => length + 2,
            None => 1,
        };
    }
}

/// Where the comment that `inside` begins in ends: the offset of its `)`.
fn closing(inside: &[u8]) -> Option<usize> {
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(&byte) = inside.get(at) {
        match byte {
            b'\\' => at += 1,
            b'(' => depth += 1,
            b')' if depth == 0 => return Some(at),
            b')' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    None
}

/// The words of a list of tokens.
pub fn words<'t, 'a>(tokens: &'t [Token<'a>]) -> impl Iterator<Item = &'a [u8]> + use<'t, 'a> {
    tokens.iter().filter_map(|token| match token {
        Token::Word(word) => Some(*word),
        _ => None,
    })
}

/// The comments of a list of tokens.
pub fn comments<'t, 'a>(tokens: &'t [Token<'a>]) -> impl Iterator<Item = &'a [u8]> + use<'t, 'a> {
    tokens.iter().filter_map(|token| match token {
        Token::Comment(content) => Some(*content),
        _ => None,
    })
}

/// The words of a comment: what white space, commas and parentheses part.
pub fn comment_words(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    content
        .split(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b'(' | b')' | 0))
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(body: &str) -> String {
        let (list, balanced) = tokens(body.as_bytes());
        let mut text: Vec<String> = list
            .iter()
            .map(|token| match token {
                Token::Word(word) => String::from_utf8_lossy(word).into_owned(),
                Token::Comment(content) => format!("({})", String::from_utf8_lossy(content)),
                Token::Semicolon => ";".into(),
            })
            .collect();
        if !balanced {
            text.push("unbalanced".into());
        }
        text.join("|")
    }

    #[test]
    fn words_comments_and_semicolons() {
        assert_eq!(
            shown("from a (b\r\n\t(c) [1.2.3.4])\n by d;e"),
            "from|a|(b\r\n\t(c) [1.2.3.4])|by|d|;|e"
        );
        assert_eq!(shown("SMTPSVC(6.0); x"), "SMTPSVC|(6.0)|;|x");
        assert_eq!(
            shown("id <a;b(c> for \"x y\"@z"),
            "id|<a;b(c>|for|\"x y\"@z"
        );
        assert_eq!(shown(r"(a \) b) c"), r"(a \) b)|c");
    }

    #[test]
    fn a_comment_that_never_closes_does_not_swallow_the_date() {
        assert_eq!(
            shown("by x (a (b) c; date"),
            "by|x|(a (b)|c|;|date|unbalanced"
        );
        assert_eq!(shown("by x (a; date"), "by|x|a|;|date|unbalanced");
        assert_eq!(shown("by x) a"), "by|x|a|unbalanced");
        assert_eq!(shown("<a b"), "<a|b");
    }
}
