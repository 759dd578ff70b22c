//! Colours of a card on a terminal: how bad a problem is, and which line is the first. Nothing that was not ours is painted, and
//! text is as it was without them.

use std::io::IsTerminal as _;

use crate::judge::problem::Severity;
use crate::record::words::vocabulary;

vocabulary! {
    /// When text is coloured.
    strict ColorWhen {
        /// On a terminal, unless NO_COLOR is set (and not empty) or TERM is dumb.
        Auto = "auto",
        /// Always.
        Always = "always",
        /// Never.
        Never = "never",
    }
}

impl ColorWhen {
    /// Whether standard output is coloured, by the environment (no-color.org).
    pub fn paints(self) -> bool {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => std::io::stdout().is_terminal() && !is_set("NO_COLOR") && !is_dumb,
        }
    }
}

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

fn colour(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "\x1b[1;31m",
        Severity::Serious => "\x1b[33m",
        Severity::Notice => "\x1b[36m",
    }
}

/// A line of a card, printable, with its colours; `is_first`: it names the domain.
pub fn painted(line: &str, is_first: bool) -> String {
    if is_first {
        return format!("{BOLD}{line}{PLAIN}");
    }
    let text = line.trim_start();
    let indent = &line[..line.len() - text.len()];
    if text.starts_with("$ ") {
        return format!("{indent}{DIM}{text}{PLAIN}");
    }
    if let Some((word, rest)) = text.split_once(' ')
        && let Some(severity) = Severity::from_word(word)
    {
        return format!("{indent}{}{word}{PLAIN} {rest}", colour(severity));
    }
    line.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_leave_the_text() {
        let bare = |text: &str| {
            let mut bare = String::new();
            let mut parts = text.split('\x1b');
            bare.push_str(parts.next().unwrap());
            for part in parts {
                bare.push_str(part.split_once('m').unwrap().1);
            }
            bare
        };
        for (line, is_first) in [
            ("a.test: fine.", true),
            ("  critical nxdomain: gone", false),
            ("      $ swaks --server 192.0.2.1", false),
            ("  looked up", false),
            ("", false),
        ] {
            assert_eq!(bare(&painted(line, is_first)), line);
        }
        assert!(painted("  critical x", false).contains("\x1b[1;31mcritical\x1b[0m"));
        assert_eq!(painted("  looked up", false), "  looked up");
        assert!(ColorWhen::Always.paints() && !ColorWhen::Never.paints());
    }
}
