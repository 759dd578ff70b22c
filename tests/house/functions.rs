//! Functions are short, or say why not.

use crate::source::{Source, body_or_end, closing, sources};

/// The most lines of a function, from its `fn` to its closing brace.
const LONGEST: usize = 60;
/// How the reason begins that stands above a longer one.
const REASON: &str = "// Long: ";

#[test]
fn functions_are_short_or_say_why_not() {
    let found: Vec<String> = sources().iter().flat_map(long).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_long_function_is_found_and_a_reason_is_heard() {
    let function = |above: &str, lines: usize| {
        let body = "    b();\n".repeat(lines - 2);
        let text = format!("/// Does.\n{above}#[inline]\npub fn a(c: [u8; 4]) {{\n{body}}}\n");
        long(&Source::new("a.rs", &text).0)
    };
    assert_eq!(function("", 60), [""; 0]);
    assert_eq!(function("", 61), ["a.rs: a, 61 lines"]);
    assert_eq!(function("// Long: a table.\n", 61), [""; 0]);
    assert_eq!(function("// Long:\n", 61), ["a.rs: a, 61 lines"]);
    assert_eq!(function("// Something else.\n", 61), ["a.rs: a, 61 lines"]);
}

/// The functions of a file that are too long without a reason.
fn long(source: &Source) -> Vec<String> {
    let tokens = &source.tokens;
    let mut found = Vec::new();
    for place in 0..tokens.len().saturating_sub(1) {
        if tokens[place].text != "fn" || !tokens[place + 1].is_word() {
            continue;
        }
        let opening = body_or_end(tokens, place);
        if tokens[opening].text != "{" {
            continue;
        }
        let first = tokens[place].line;
        let lines = tokens[closing(tokens, opening)].line + 1 - first;
        if lines > LONGEST && !has_reason(&source.lines[..first - 1]) {
            let name = &tokens[place + 1].text;
            found.push(format!("{}: {name}, {lines} lines", source.name));
        }
    }
    found
}

/// Whether a reason is among the comments and attributes right above.
fn has_reason(above: &[String]) -> bool {
    let lines = above.iter().rev().map(|line| line.trim());
    lines
        .take_while(|line| line.starts_with("//") || line.starts_with("#["))
        .any(|line| line.strip_prefix(REASON).is_some_and(|why| !why.is_empty()))
}
