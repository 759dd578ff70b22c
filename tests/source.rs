//! The sources as the tests of the house read them: words and marks with their lines, without comments, literals and tests.

use std::path::{Path, PathBuf};

/// A file of `src/`.
pub struct Source {
    /// Its path below `src/`.
    pub name: String,
    /// All of its lines.
    pub lines: Vec<String>,
    /// What the compiler reads of it, without what is built for tests alone.
    pub tokens: Vec<Token>,
}

/// A word, `::`, or a mark of one character. A literal is a token without text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    /// From 1.
    pub line: usize,
}

impl Token {
    pub fn is_word(&self) -> bool {
        self.text.starts_with(is_part)
    }
}

/// The files of `src/`, without those that are built for tests alone, by name.
pub fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    paths.sort();
    let read = |path: &PathBuf| {
        let name = path.strip_prefix(&root).unwrap().to_str().unwrap();
        Source::new(name, &std::fs::read_to_string(path).unwrap())
    };
    let mut sources: Vec<_> = paths.iter().map(read).map(|(source, _)| source).collect();
    let tests: Vec<_> = (paths.iter().map(read))
        .flat_map(|(source, tests)| {
            let place = source.name.strip_suffix("mod.rs").map(str::to_owned);
            let place = place.unwrap_or_else(|| source.name.replace(".rs", "/"));
            tests.into_iter().map(move |test| format!("{place}{test}"))
        })
        .collect();
    sources.retain(|source| {
        let is_test = |test: &String| {
            source.name == format!("{test}.rs") || source.name.starts_with(&format!("{test}/"))
        };
        !tests.iter().any(is_test)
    });
    assert!(sources.len() > 100);
    sources
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

impl Source {
    /// A file, and the modules in files of their own that it declares for tests alone.
    pub fn new(name: &str, text: &str) -> (Self, Vec<String>) {
        let mut tests = Vec::new();
        let tokens = without_tests(tokens(text), &mut tests);
        let source = Self {
            name: name.to_owned(),
            lines: text.lines().map(str::to_owned).collect(),
            tokens,
        };
        (source, tests)
    }
}

fn is_part(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Cuts the text into tokens.
fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(first) = rest.chars().next() {
        let (length, token) = match first {
            '/' if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), None),
            '/' if rest.starts_with("/*") => {
                (rest.find("*/").map_or(rest.len(), |it| it + 2), None)
            }
            '"' => (string(rest, 1), Some("")),
            'r' | 'b' | 'c' if raw(rest).is_some() => (raw(rest).unwrap(), Some("")),
            'b' if rest.starts_with("b'") => (1 + character(&rest[1..]).unwrap(), Some("")),
            '\'' => match character(rest) {
                Some(length) => (length, Some("")),
                // A lifetime: its mark alone.
                None => (1 + word(&rest[1..]).len(), Some("")),
            },
            ':' if rest.starts_with("::") => (2, Some("::")),
            _ if is_part(first) => (word(rest).len(), Some(word(rest))),
            _ if first.is_whitespace() => (first.len_utf8(), None),
            _ => (first.len_utf8(), Some(&rest[..first.len_utf8()])),
        };
        found.extend(token.map(|text| Token {
            text: text.to_owned(),
            line,
        }));
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    found
}

fn word(text: &str) -> &str {
    &text[..text.find(|it| !is_part(it)).unwrap_or(text.len())]
}

/// The length of a string whose quoted part begins at `from`.
fn string(text: &str, from: usize) -> usize {
    let mut is_escaped = false;
    for (place, letter) in text[from..].char_indices() {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return from + place + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a string with a letter before it, raw or not.
fn raw(text: &str) -> Option<usize> {
    let letters = text.len() - text.trim_start_matches(['b', 'r', 'c']).len();
    let hashes = text[letters..].len() - text[letters..].trim_start_matches('#').len();
    let from = letters + hashes + 1;
    if letters > 2 || !text[letters + hashes..].starts_with('"') {
        return None;
    }
    if !text[..letters].contains('r') {
        return (hashes == 0).then(|| string(text, from));
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let length = text[from..]
        .find(&end)
        .unwrap_or(text.len() - from - end.len());
    Some(from + length + end.len())
}

/// The length of a character literal; `None` for a lifetime.
fn character(text: &str) -> Option<usize> {
    let inside = &text[1..];
    let first = inside.chars().next()?;
    let from = if first == '\\' { 2 } else { first.len_utf8() };
    let end = if first == '\\' {
        from + inside.get(from..)?.find('\'')?
    } else {
        inside[from..].starts_with('\'').then_some(from)?
    };
    Some(1 + end + 1)
}

/// Leaves out every item under `#[cfg(test)]`, and names those that are modules in files of their own.
fn without_tests(tokens: Vec<Token>, tests: &mut Vec<String>) -> Vec<Token> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let is_mark = |place: usize| {
        let window = tokens.get(place..place + MARK.len());
        window.is_some_and(|it| it.iter().map(|token| &token.text[..]).eq(MARK))
    };
    let mut kept = Vec::new();
    let mut place = 0;
    while place < tokens.len() {
        if !is_mark(place) {
            kept.push(tokens[place].clone());
            place += 1;
            continue;
        }
        place += MARK.len();
        let end = body_or_end(&tokens, place);
        if tokens[end].text == ";" {
            let item = &tokens[place..end];
            let declares = item.iter().rev().nth(1).is_some_and(|it| it.text == "mod");
            tests.extend(declares.then(|| item.last().unwrap().text.clone()));
            place = end + 1;
        } else {
            place = closing(&tokens, end) + 1;
        }
    }
    kept
}

/// Where the body of the item that begins at `from` opens, or where it ends without one.
pub fn body_or_end(tokens: &[Token], from: usize) -> usize {
    let mut depth = 0;
    for (place, token) in tokens.iter().enumerate().skip(from) {
        match &token.text[..] {
            "(" | "[" => depth += 1,
            ")" | "]" => depth -= 1,
            "{" | ";" if depth == 0 => return place,
            _ => {}
        }
    }
    tokens.len() - 1
}

/// Where the brace that opens at `from` closes.
pub fn closing(tokens: &[Token], from: usize) -> usize {
    let mut depth = 0;
    for (place, token) in tokens.iter().enumerate().skip(from) {
        match &token.text[..] {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return place;
        }
    }
    tokens.len() - 1
}

#[test]
fn what_is_no_code_is_left_out() {
    let text = r##"
use a::B; // use c::D
/* use e::F */
const G: &str = "{ \" use h::I";
const J: &[u8] = br#"{ " "#;
fn k<'l>(m: &'l str) -> char { '{' }
#[cfg(test)]
mod tests;
#[cfg(test)]
fn n() { o(); }
fn p() {}
"##;
    let (source, tests) = Source::new("q.rs", text);
    let texts: Vec<_> = source.tokens.iter().map(|token| &token.text[..]).collect();
    assert_eq!(
        texts.join(" "),
        "use a :: B ; const G : & str =  ; const J : & [ u8 ] =  ; fn k <  > ( m : &  str ) -> char {  } fn p ( ) { }"
            .replace("->", "- >")
    );
    assert_eq!(source.tokens.last().unwrap().line, 11);
    assert_eq!(tests, ["tests"]);
}
