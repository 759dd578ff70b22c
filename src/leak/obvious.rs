//! A slow and obvious counter for lists of a record a line, and the tests that hold the fast one against it: on random bytes,
//! in pieces, by several threads, and under every rule.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Mutex;

use proptest::prelude::*;

use super::address::{self, NotCounted};
use super::aliases::Aliases;
use super::census::Census;
use super::distinct::DistinctAddresses;
use super::format::{AddressColumn, LeakFormat, Wish};
use super::input::{self, LeakReader};
use super::tally::{Rules, ThreadTally};
use super::watch::Watch;

/// What a count comes to.
#[derive(Debug, Default, PartialEq)]
struct Sums {
    domains: BTreeMap<String, u64>,
    causes: BTreeMap<NotCounted, u64>,
    repeated: u64,
    lines: u64,
}

impl Sums {
    fn obvious(text: &[u8], separator: &str, column: usize, is_unique: bool) -> Self {
        let mut sums = Self::default();
        let mut seen = BTreeSet::new();
        let lines = text.split_inclusive(|&byte| byte == b'\n');
        for line in lines.map(|line| line.strip_suffix(b"\n").unwrap_or(line)) {
            sums.lines += 1;
            let judged = field(line, separator.as_bytes(), column).and_then(|field| {
                let (local, raw) = address::split(&field)?;
                let name = address::domain(raw)?.into_owned();
                Ok((local.to_ascii_lowercase(), name))
            });
            match judged {
                Err(cause) => *sums.causes.entry(cause).or_default() += 1,
                Ok(user) if is_unique && !seen.insert(user.clone()) => sums.repeated += 1,
                Ok((_, name)) => {
                    *sums
                        .domains
                        .entry(String::from_utf8(name).unwrap())
                        .or_default() += 1
                }
            }
        }
        sums
    }

    /// By a layout that the reader finds out by itself.
    fn obvious_by(text: &[u8], field: impl Fn(&[u8]) -> Result<Vec<u8>, NotCounted>) -> Self {
        let mut sums = Self::default();
        for line in text.split_inclusive(|&byte| byte == b'\n') {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            sums.lines += 1;
            let judged = if line.iter().all(u8::is_ascii_whitespace) {
                Err(NotCounted::Blank)
            } else {
                field(line).and_then(|field| {
                    let (_, raw) = address::split(&field)?;
                    Ok(address::domain(raw)?.into_owned())
                })
            };
            match judged {
                Err(cause) => *sums.causes.entry(cause).or_default() += 1,
                Ok(name) => {
                    *sums
                        .domains
                        .entry(String::from_utf8(name).unwrap())
                        .or_default() += 1
                }
            }
        }
        sums
    }

    fn of_reader(
        format: LeakFormat,
        column: usize,
        rules: &Rules,
        input: &input::Input,
        threads: usize,
        segment: u64,
    ) -> Self {
        let wish = Wish {
            format: Some(format),
            column: Some(AddressColumn::Number(column + 1)),
            separator: Some(b':'),
        };
        Self::of_wish(&wish, rules, input, threads, segment)
    }

    fn of_wish(
        wish: &Wish,
        rules: &Rules,
        input: &input::Input,
        threads: usize,
        segment: u64,
    ) -> Self {
        let watch = Watch::default();
        let census = Mutex::new(Census::default());
        let reader = LeakReader {
            wish,
            rules,
            census: &census,
            watch: &watch,
            threads,
            // Longer than the lines of these tests: what does not fit is not as obvious.
            chunk: 512,
            segment,
        };
        reader
            .input(input, &mut vec![ThreadTally::new(rules)])
            .unwrap();
        let census = census.into_inner().unwrap();
        let mut domains = BTreeMap::new();
        census
            .names
            .into_ranking()
            .iter()
            .for_each(|(name, users)| {
                domains.insert(String::from_utf8(name.to_vec()).unwrap(), users);
            });
        Self {
            domains,
            causes: census.sums.causes().collect(),
            repeated: census.sums.repeated,
            lines: census.sums.lines,
        }
    }
}

/// The address field, byte by byte.
fn field(line: &[u8], separator: &[u8], column: usize) -> Result<Vec<u8>, NotCounted> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.iter().all(u8::is_ascii_whitespace) {
        return Err(NotCounted::Blank);
    }
    let is_adobe = separator == b"-|-";
    let number: Vec<u8> = line
        .iter()
        .copied()
        .take_while(u8::is_ascii_digit)
        .collect();
    if is_adobe && (number.is_empty() || !line[number.len()..].starts_with(separator)) {
        return Err(NotCounted::Continuation);
    }
    let mut fields = vec![Vec::new()];
    let mut at = 0;
    while at < line.len() {
        let is_first = fields.last().is_some_and(Vec::is_empty);
        if fields.len() == column + 1 && is_first && line[at] == b'"' {
            // A quoted local part, if an @ stands behind its closing quote.
            let mut end = at + 1;
            while end < line.len() && line[end] != b'"' {
                end += if line[end] == b'\\' { 2 } else { 1 };
            }
            if line.get(end + 1) == Some(&b'@') {
                fields
                    .last_mut()
                    .unwrap()
                    .extend_from_slice(&line[at..end + 2]);
                at = end + 2;
                continue;
            }
        }
        if !separator.is_empty() && line[at..].starts_with(separator) {
            fields.push(Vec::new());
            at += separator.len();
        } else {
            fields.last_mut().unwrap().push(line[at]);
            at += 1;
        }
    }
    // A record of Adobe goes on behind its address.
    if fields.len() <= column + usize::from(is_adobe) {
        return Err(NotCounted::NoRecord);
    }
    Ok(fields.swap_remove(column))
}

/// Lines of every format that are records, nearly records, and no records.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let part = || {
        prop_oneof![
            3 => proptest::sample::select(vec![
                "", "1", "23", "a", "x@y.org", "-", "--", "|", "-|-", ":", ":::", "\"", "\"a:b", "\"a-|-b\"", "\\", "\0", " ", "\r", "\n",
                "NULL", "<", "@",
            ]).prop_map(|part| part.as_bytes().to_vec()),
            1 => proptest::collection::vec(any::<u8>(), 0..6),
        ]
    };
    let domain = prop_oneof![
        4 => "[a-zA-Z0-9]{1,26}[.](com|ORG|de|co[.]uk)",
        1 => "[a-zA-Z0-9.@_\"-]{1,28}[.](com|ORG|de|co[.]uk)[.,> -]?",
        1 => proptest::sample::select(vec![
            "ü.de", "xn--tda.de", "xn--.de", "localhost", "[192.0.2.1]", "example.c0m", "gmail.com", "GMAIL.COM.", "", ".", "-a.de",
        ]).prop_map(str::to_owned),
    ];
    let local = prop_oneof![4 => "[a-z.]{1,8}", 1 => "[<a-z\"@ :|'-]{0,8}"];
    let record = (0..8, part(), part(), local, domain, part(), part()).prop_map(
        |(shape, one, two, local, domain, three, four)| {
            let address = [local.as_bytes(), b"@", domain.as_bytes()].concat();
            let parts: &[&[u8]] = match shape {
                0 => &[b"1-|--|-", &address, b"-|-", &three, b"-|-", &four, b"|--"],
                1 => &[b"23-|-", &one, b"-|-", &address, b"-|-", &three, b"|--\r"],
                2 => &[&one, b"-|--|-", &address, b"-|-", &three],
                3 => &[&one, b":::", &two, b":::", &address],
                4 => &[&address, b":", &three],
                5 => &[&one, b":", &address, b":", &three],
                6 => &[&address],
                _ => &[&one, &two, &three, &four],
            };
            parts.concat()
        },
    );
    let end = proptest::sample::select(vec![&b"\n"[..], b"\n", b"\r\n", b"\n\n", b""]);
    proptest::collection::vec((record, end), 0..20).prop_map(|lines| {
        let mut text = Vec::new();
        for (line, end) in lines {
            // A line of several records stays shorter than the buffer.
            if text.iter().rev().take_while(|&&byte| byte != b'\n').count() > 200 {
                text.push(b'\n');
            }
            text.extend_from_slice(&[&line, end].concat());
        }
        text
    })
}

const FORMATS: [(LeakFormat, &str, usize); 6] = [
    (LeakFormat::Adobe, "-|-", 2),
    (LeakFormat::Gawker, ":::", 2),
    (LeakFormat::Combo, ":", 0),
    (LeakFormat::Combo, ":", 1),
    (LeakFormat::Combo, ":", 2),
    (LeakFormat::Plain, "", 0),
];

fn readable(text: &[u8]) -> bool {
    // These few bytes in front are what the reader asks for, not the counter.
    !text.starts_with(b"\xef\xbb\xbf")
        && super::guess::find(
            text,
            true,
            &Wish {
                format: Some(LeakFormat::Plain),
                ..Wish::default()
            },
        )
        .is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_fast_counter_counts_as_the_obvious_one(text in text(), format in 0..FORMATS.len(), threads in 1..4usize, segment in 1..200u64) {
        prop_assume!(readable(&text));
        let (format, separator, column) = FORMATS[format];
        let expected = Sums::obvious(&text, separator, column, false);
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&text).unwrap();
        let lists = input::lists(&[file.path().to_owned()], None).unwrap();
        let of_file = Sums::of_reader(format, column, &Rules::default(), &lists[0].inputs[0], threads, segment);
        prop_assert_eq!(&of_file, &expected);
        let memory = input::Input::memory("memory", &text);
        let debug = Rules { debug: true, ..Rules::default() };
        prop_assert_eq!(&Sums::of_reader(format, column, &debug, &memory, 1, 1), &expected);
    }

    #[test]
    fn each_address_counts_once(text in text(), format in 0..FORMATS.len()) {
        prop_assume!(readable(&text));
        let (format, separator, column) = FORMATS[format];
        let expected = Sums::obvious(&text, separator, column, true);
        let rules = Rules { distinct: Some(DistinctAddresses::default()), ..Rules::default() };
        let memory = input::Input::memory("memory", &text);
        let found = Sums::of_reader(format, column, &rules, &memory, 1, 1);
        prop_assert_eq!(&found, &expected);
    }
}

/// A line of `parts`: the address of the line, if it is to be counted, and the line.
fn line_of(parts: &[&str], mark: char, end: &str) -> String {
    parts.join(&mark.to_string()) + end
}

/// The address of a line of a mixed list, byte by byte: what stands before the first mark, but for a quoted local part.
fn before_mark(line: &[u8]) -> Result<Vec<u8>, NotCounted> {
    let mut at = 0;
    if line.first() == Some(&b'"')
        && let Some(close) = (1..line.len()).find(|&at| line[at] == b'"')
        && line.get(close + 1) == Some(&b'@')
    {
        at = close + 2;
    }
    let mut is_behind_sign = at > 0;
    while at < line.len() {
        match line[at] {
            b':' | b';' | b'|' => break,
            b',' | b'\t' | b' ' if is_behind_sign => break,
            b'@' => is_behind_sign = true,
            _ => {}
        }
        at += 1;
    }
    Ok(line[..at].to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn l1_mixed_lists_count_as_the_obvious_counter(
        lines in proptest::collection::vec(
            (
                "[a-z.]{1,6}|\"[a-z:;|]{1,4}\"", "(Example|mail|a-b)[.](org|de|co[.]uk|c0m)|localhost|",
                "[a-z@:;|., ]{0,8}", proptest::sample::select(vec![':', ';', '|']), "\n|\r\n|\n\n",
            ),
            0..40,
        ),
        threads in 1..4usize,
        segment in 1..200u64,
    ) {
        // Every mark is there, so that the list is known for what it is.
        let mut text = String::from("x@example.org:x\nx@example.org;x\nx@example.org|x\n");
        for (local, domain, password, mark, end) in &lines {
            text += &line_of(&[&format!("{local}@{domain}"), password], *mark, end);
        }
        let wish = Wish { format: Some(LeakFormat::Combo), ..Wish::default() };
        let expected = Sums::obvious_by(text.as_bytes(), before_mark);
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let lists = input::lists(&[file.path().to_owned()], None).unwrap();
        let found = Sums::of_wish(&wish, &Rules::default(), &lists[0].inputs[0], threads, segment);
        prop_assert_eq!(&found, &expected);
    }

    #[test]
    fn l2_lists_of_urls_count_as_the_obvious_counter(
        lines in proptest::collection::vec(
            (
                "(https?://|android://[a-z=]{1,5}@|)[a-z]{1,4}[.](org|com)(:[0-9]{2,5}/|/)[a-z/@?=&.]{0,8}",
                "[a-z.]{1,6}@(Example|mail)[.](org|de|c0m)|[a-z]{1,5}", "[a-z@:;|., ]{0,8}",
                proptest::sample::select(vec![':', ';', '|']), "\n|\r\n",
            ),
            1..40,
        ),
    ) {
        let mut text = String::new();
        let mut logins = Vec::new();
        for (url, login, password, mark, end) in &lines {
            text += &line_of(&[url, login, password], *mark, end);
            logins.push(login.clone());
        }
        let wish = Wish { format: Some(LeakFormat::Url), ..Wish::default() };
        // The logins are known: they are counted without the lines that they stand in.
        let expected = Sums::obvious_by(logins.join("\n").as_bytes(), |login| Ok(login.to_vec()));
        let memory = input::Input::memory("memory", text.as_bytes());
        let found = Sums::of_wish(&wish, &Rules::default(), &memory, 1, 1);
        prop_assert_eq!(&found, &expected);
    }
}

#[test]
fn aliases_fold_under_every_rule() {
    let text = b"a@gmial.com\nb@Gmial.com.\na@gmail.com\nc@gmail.con\nc@GMAIL.con\n";
    let aliases = || Aliases::parse(b"gmial.com gmail.com\ngmail.con gmail.com").unwrap();
    let memory = input::Input::memory("memory", text);
    for (distinct, debug, users) in [
        (false, false, 5),
        (false, true, 5),
        (true, false, 3),
        (true, true, 3),
    ] {
        let rules = Rules {
            aliases: aliases(),
            distinct: distinct.then(DistinctAddresses::default),
            debug,
        };
        let sums = Sums::of_reader(LeakFormat::Plain, 0, &rules, &memory, 1, 1);
        assert_eq!(
            sums.domains,
            BTreeMap::from([("gmail.com".to_owned(), users)])
        );
        assert_eq!(sums.repeated, 5 - users);
    }
}
