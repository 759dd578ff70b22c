//! Domains that stand for others, from a file of `--aliases`: typing errors (`gmial.com gmail.com`) and second names of one
//! provider. Nothing is ever folded without that file.

use hashbrown::HashMap;

use super::address;

/// From a domain to the one that it counts as.
#[derive(Clone, Debug, Default)]
pub struct Aliases {
    targets: HashMap<Box<[u8]>, Box<[u8]>>,
}

/// A line of the file that cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct BadAlias {
    /// Which, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub fault: &'static str,
}

impl Aliases {
    /// Reads a file.
    pub fn read(path: &str) -> Result<Self, String> {
        let text = std::fs::read(path).map_err(|error| error.to_string())?;
        Self::parse(&text).map_err(|bad| bad.to_string())
    }

    /// Reads lines of an alias and its target, white space or a comma between them; `#` begins a comment.
    pub fn parse(text: &[u8]) -> Result<Self, BadAlias> {
        let mut aliases = Self::default();
        let mut lines = Vec::new();
        for (number, line) in text.split(|&byte| byte == b'\n').enumerate() {
            let bad = |fault| BadAlias {
                line: number + 1,
                fault,
            };
            let content = line.split(|&byte| byte == b'#').next().unwrap_or_default();
            let mut words = content
                .split(|&byte| byte == b',' || byte.is_ascii_whitespace())
                .filter(|word| !word.is_empty());
            let (alias, target) = match (words.next(), words.next(), words.next()) {
                (None, ..) => continue,
                (Some(alias), Some(target), None) => (alias, target),
                _ => {
                    return Err(bad(
                        "it should hold two domains, the alias and what it counts as",
                    ));
                }
            };
            // An alias may be what no list of top-level domains knows (gmail.con), as long as it has the shape of a name.
            let alias =
                address::canonical(alias).map_err(|_| bad("the alias is no domain name"))?;
            let target =
                address::domain(target).map_err(|_| bad("the target is no domain name"))?;
            if alias == target {
                return Err(bad("the alias is its own target"));
            }
            let (alias, target): (Box<[u8]>, Box<[u8]>) = (alias.into(), target.into());
            if aliases.targets.insert(alias, target.clone()).is_some() {
                return Err(bad("the alias stands on an earlier line too"));
            }
            lines.push((number, target));
        }
        for (number, target) in lines {
            if aliases.holds(&target) {
                return Err(BadAlias {
                    line: number + 1,
                    fault: "the target is itself an alias",
                });
            }
        }
        Ok(aliases)
    }

    /// Whether a canonical name is an alias.
    pub fn holds(&self, name: &[u8]) -> bool {
        self.targets.contains_key(name)
    }

    /// What a canonical name counts as: its target, or itself.
    pub fn resolve<'a>(&'a self, name: &'a [u8]) -> &'a [u8] {
        self.targets.get(name).map_or(name, |target| target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_are_folded_once() {
        let aliases = Aliases::parse(
            b"# typing errors\nGmial.com\tgmail.com\r\n\ngmail.con, gmail.com # no such\n",
        )
        .unwrap();
        assert_eq!(aliases.resolve(b"gmial.com"), b"gmail.com");
        assert_eq!(aliases.resolve(b"gmail.con"), b"gmail.com");
        assert_eq!(aliases.resolve(b"gmail.com"), b"gmail.com");
        assert_eq!(aliases.resolve(b"example.org"), b"example.org");
    }

    #[test]
    fn a_bad_line_is_named() {
        for (text, line) in [
            (&b"a.com b.com c.com"[..], 1),
            (b"\na.com", 2),
            (b"a com", 1),
            (b"a.com com", 1),
            (b"a.com a.com", 1),
            (b"a.com b.com\na.com c.com", 2),
            (b"a.com b.com\nb.com c.com", 1),
        ] {
            assert_eq!(Aliases::parse(text).err().map(|bad| bad.line), Some(line));
        }
    }
}
