//! The clauses of a Received field (RFC 5321 §4.4) in whatever order they come.

use super::date::{self, Stamp};
use super::token::{Token, comments, tokens, words};

/// Longer fields are not read: what real servers write is below 4 KiB.
pub const LIMIT: usize = 256 << 10;

/// What begins a clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyword {
    /// What stands before the first clause.
    Lead,
    /// The sending end.
    From,
    /// The receiving end.
    By,
    /// The link.
    Via,
    /// The protocol.
    With,
    /// The writer's id of the message.
    Id,
    /// A recipient.
    For,
    /// The cipher suite (RFC 8314 §4.3).
    Tls,
    /// `over TLS secured channel`, Exchange 2003.
    Over,
    /// What follows the last semicolon: the date, and comments after it.
    Date,
}

/// A field as clauses. Everything is borrowed.
#[derive(Debug)]
pub struct Field<'a> {
    tokens: Vec<Token<'a>>,
    clauses: Vec<Clause>,
    /// The date, if it could be read.
    pub stamp: Option<Stamp>,
    /// Whether every parenthesis has a partner.
    pub balanced: bool,
}

#[derive(Debug)]
struct Clause {
    keyword: Keyword,
    start: usize,
    end: usize,
}

/// The clauses of `body`, the field without its name.
///
/// ```
/// use mx_survey::received::field::{Keyword, parse};
///
/// let field = parse(b"from a.test by mx.b.test (Exim 4.97) with esmtps; Tue, 31 Mar 2026 12:00:00 +0200");
/// assert_eq!(field.words(Keyword::With).collect::<Vec<_>>(), [b"esmtps"]);
/// assert!(field.clause(Keyword::For).is_none() && field.has_date());
/// ```
pub fn parse(body: &[u8]) -> Field<'_> {
    let (tokens, balanced) = tokens(body);
    let (date, stamp) = find_date(&tokens);
    let mut clauses = clauses(&tokens[..date]);
    clauses.push(Clause {
        keyword: Keyword::Date,
        start: date,
        end: tokens.len(),
    });
    Field {
        tokens,
        clauses,
        stamp,
        balanced,
    }
}

impl<'a> Field<'a> {
    /// The tokens of the first clause that `keyword` begins.
    pub fn clause(&self, keyword: Keyword) -> Option<&[Token<'a>]> {
        self.every(keyword).next()
    }

    /// The tokens of every clause that `keyword` begins: Mimecast writes `with ESMTP with STARTTLS`.
    pub fn every(&self, keyword: Keyword) -> impl Iterator<Item = &[Token<'a>]> {
        self.clauses
            .iter()
            .filter(move |clause| clause.keyword == keyword)
            .map(|clause| &self.tokens[clause.start..clause.end])
    }

    /// The words of the first clause that `keyword` begins.
    pub fn words(&self, keyword: Keyword) -> impl Iterator<Item = &'a [u8]> {
        words(self.clause(keyword).unwrap_or_default())
    }

    /// Every comment of the field, in order.
    pub fn comments(&self) -> impl Iterator<Item = &'a [u8]> {
        comments(&self.tokens)
    }

    /// Whether something stands where the date should.
    pub fn has_date(&self) -> bool {
        self.words(Keyword::Date).next().is_some()
    }
}

/// Where the date begins, and the date. It follows the last semicolon outside of comments that has a date behind it; some
/// write none, and end with the date all the same.
fn find_date(tokens: &[Token<'_>]) -> (usize, Option<Stamp>) {
    /// Semicolons that are looked behind.
    const TRIED: usize = 4;
    let Some(last_word) = tokens
        .iter()
        .rposition(|token| matches!(token, Token::Word(_)))
    else {
        return (tokens.len(), None);
    };
    let mut end = tokens.len();
    let mut last = None;
    let semicolons = tokens[..last_word].iter().enumerate().rev();
    for (at, _) in semicolons
        .filter(|(_, token)| **token == Token::Semicolon)
        .take(TRIED)
    {
        let stamp = date::parse(words(&tokens[at..end]));
        if stamp.is_some() {
            return (at, stamp);
        }
        last = last.or(Some(at));
        end = at;
    }
    match bare_date(tokens) {
        Some((at, stamp)) => (at, Some(stamp)),
        None => (last.unwrap_or(tokens.len()), None),
    }
}

/// A date without a semicolon before it, at the end of a field: `id f-1 2020-06-17 16:39:24.757 +0000 UTC m=+349867.4`.
fn bare_date(tokens: &[Token<'_>]) -> Option<(usize, Stamp)> {
    /// Words of a date, and what Go's clock has behind it.
    const LONGEST: usize = 9;
    let starts = tokens.iter().enumerate().rev();
    let last_words = starts.filter_map(|(at, token)| match token {
        Token::Word(word) => Some((at, *word)),
        _ => None,
    });
    let (mut found, mut behind) = (None, &b""[..]);
    for (at, word) in last_words.take(LONGEST) {
        if keyword(word).is_some() {
            break;
        }
        if date::begins(word, behind)
            && let Some(stamp) = date::parse(words(&tokens[at..]))
        {
            found = Some((at, stamp));
        }
        behind = word;
    }
    found
}

fn clauses(tokens: &[Token<'_>]) -> Vec<Clause> {
    let mut clauses = Vec::with_capacity(8);
    let mut open = Clause {
        keyword: Keyword::Lead,
        start: 0,
        end: 0,
    };
    let (mut from_seen, mut by_seen) = (false, false);
    for (at, token) in tokens.iter().enumerate() {
        let Token::Word(word) = token else { continue };
        let Some(keyword) = keyword(word) else {
            continue;
        };
        let next = tokens.get(at + 1);
        let is_value = match keyword {
            // A client may call itself "by": behind "from", and before its address, a keyword is a name.
            _ if open.keyword == Keyword::From && open.start == at => {
                matches!(next, Some(Token::Comment(_)))
            }
            // These two are ordinary words, but between `by` and the date.
            Keyword::Tls if open.keyword == Keyword::Over => true,
            Keyword::Tls | Keyword::Over => !by_seen || !matches!(next, Some(Token::Word(_))),
            Keyword::From => from_seen,
            _ => false,
        };
        if is_value {
            continue;
        }
        from_seen |= keyword == Keyword::From;
        by_seen |= keyword == Keyword::By;
        open.end = at;
        clauses.push(std::mem::replace(
            &mut open,
            Clause {
                keyword,
                start: at + 1,
                end: at + 1,
            },
        ));
    }
    open.end = tokens.len();
    clauses.push(open);
    clauses
}

/// The clause that `word` begins.
pub fn keyword(word: &[u8]) -> Option<Keyword> {
    // The longest keyword has four letters: most words are told by their length.
    if word.len() > 4 {
        return None;
    }
    const NAMES: [(&[u8], Keyword); 8] = [
        (b"from", Keyword::From),
        (b"by", Keyword::By),
        (b"via", Keyword::Via),
        (b"with", Keyword::With),
        (b"id", Keyword::Id),
        (b"for", Keyword::For),
        (b"tls", Keyword::Tls),
        (b"over", Keyword::Over),
    ];
    NAMES
        .iter()
        .find(|(name, _)| word.eq_ignore_ascii_case(name))
        .map(|&(_, keyword)| keyword)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clause(body: &str, keyword: Keyword) -> String {
        let field = parse(body.as_bytes());
        let list: Vec<String> = field
            .every(keyword)
            .flat_map(words)
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect();
        list.join(" ")
    }

    #[test]
    fn clauses_in_any_order() {
        let body = "by b (x; y) for <u@z> with ESMTP id 7 from a (a [1.2.3.4]); 1 Jan 2020 00:00:00 +0000 (UTC)";
        assert_eq!(clause(body, Keyword::From), "a");
        assert_eq!(clause(body, Keyword::By), "b");
        assert_eq!(clause(body, Keyword::With), "ESMTP");
        assert!(parse(body.as_bytes()).stamp.is_some());
    }

    #[test]
    fn empty_clauses_and_names_that_are_keywords() {
        assert_eq!(
            clause("from  by mail (OpenSMTPD) with ESMTPSA", Keyword::By),
            "mail"
        );
        assert_eq!(
            clause("from by (x [192.0.2.1]) by mx.example", Keyword::From),
            "by"
        );
        assert_eq!(
            clause("from by (x [192.0.2.1]) by mx.example", Keyword::By),
            "mx.example"
        );
        assert_eq!(
            clause("by bizesmtp.qq.com (ESMTP) with \n id ; x", Keyword::With),
            ""
        );
        assert_eq!(clause("from tls (x [192.0.2.1]) by over", Keyword::Tls), "");
    }

    #[test]
    fn two_withs_and_the_clause_of_rfc_8314() {
        assert_eq!(
            clause("by a with ESMTP with STARTTLS (x) id 1", Keyword::With),
            "ESMTP STARTTLS"
        );
        assert_eq!(
            clause(
                "by a with esmtps (TLS1.3) tls TLS_AES_256_GCM_SHA384 (Exim 4.95)",
                Keyword::Tls
            ),
            "TLS_AES_256_GCM_SHA384"
        );
        assert_eq!(
            clause(
                "from h by x over TLS secured channel with Microsoft SMTPSVC(7.5)",
                Keyword::Over
            ),
            "TLS secured channel"
        );
    }

    #[test]
    fn the_date_may_have_comments_behind_it_or_a_semicolon_without_space() {
        let field = parse(b"by x with ESMTPS id 1;\n\tTue, 12 May 2020 00:51:01 +0300\n\t(using TLSv1.3 with cipher A)");
        assert!(field.stamp.is_some());
        assert_eq!(field.comments().count(), 1);
        assert!(
            parse(b"by x with SMTP;29 Apr 2017 23:34:45 -0000;")
                .stamp
                .is_some()
        );
        assert!(
            parse(b"by x with SMTP id 1; Tue, 12 May 2020 00:51:01 +0300; for <y@z>")
                .stamp
                .is_some()
        );
        let bare = parse(b"by x with SMTP");
        assert!(bare.stamp.is_none() && !bare.has_date());
    }

    #[test]
    fn h5_dates_without_a_semicolon() {
        for (body, time) in [
            (
                "by f1 with SMTP id f-1\n  2020-06-17 16:39:24.757 +0000 UTC m=+349867.4",
                "2020-06-17T16:39:24.757Z",
            ),
            (
                "by f1 with SMTP id f-1 2020-06-17 16:39:24.757413912 +0200 CEST m=+349867.400000000",
                "2020-06-17T14:39:24.757Z",
            ),
            (
                "from [192.0.2.1] (unknown) by g (SG) with ESMTP id x Sat, 12 Aug 2023 14:18:05.084 +0000 (UTC)",
                "2023-08-12T14:18:05.084Z",
            ),
            (
                "from a by b with ESMTP 12 Aug 2023 14:18:05 -0000",
                "2023-08-12T14:18:05.000Z",
            ),
            (
                "from a by b with ESMTP id 7 on Tue Mar 18 20:58:36 2014",
                "2014-03-18T20:58:36.000Z",
            ),
        ] {
            let field = parse(body.as_bytes());
            assert_eq!(
                field.stamp.map(Stamp::text).as_deref(),
                Some(time),
                "{body}"
            );
        }
        assert_eq!(
            clause(
                "by f1 with SMTP id f-1 2020-06-17 16:39:24 +0000 UTC",
                Keyword::Id
            ),
            "f-1"
        );
    }
}
