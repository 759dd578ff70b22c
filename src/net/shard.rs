//! Which worker takes a subject (`--shard I/N`): by a hash of its name that is the same everywhere and always, so that no server meets two
//! workers. The hash is published in mx-survey(7) with test vectors: the first eight octets of the SHA-256 of a text, as a number in
//! network order, modulo N. The text is the domain where the DNS is asked, and the prefix or the operator where servers are connected to.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{Ipv4Net, Ipv6Net};
use sha2::{Digest as _, Sha256};

use super::pacing::{PaceLimits, Place};

/// The most shards there are.
pub const MOST: u32 = 100_000;

/// One of several parts of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which, from 1.
    index: u32,
    /// Of how many.
    of: u32,
}

/// By what servers are dealt out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShardBy {
    /// By /24 or /48: no address and no prefix meets two workers; an operator may meet several.
    #[default]
    Prefix,
    /// By the registered domain of the exchange: no operator meets two workers; an address that goes by the names of several may.
    Operator,
}

impl ShardBy {
    /// As `--shard-by` has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Prefix => "prefix",
            Self::Operator => "operator",
        }
    }

    /// The text that is hashed for a server.
    fn text(self, place: &Place) -> String {
        match (self, &place.operator) {
            (Self::Operator, Some(operator)) => operator.to_string(),
            _ => prefix(place.ip),
        }
    }
}

impl Shard {
    /// How many there are.
    pub fn count(self) -> u32 {
        self.of
    }

    /// The limits of one worker, so that all together keep those of one process: the rate is dealt out, and what several workers may meet
    /// is met by each of them once at a time, at beginnings so much wider apart.
    pub fn limits(self, by: ShardBy, limits: PaceLimits) -> PaceLimits {
        let workers = self.of as f64;
        let rate = limits.rate.map(|rate| rate / workers);
        match by {
            _ if self.of == 1 => limits,
            ShardBy::Prefix => PaceLimits {
                stretch: workers / limits.per_operator as f64,
                per_operator: 1,
                rate,
                ..limits
            },
            ShardBy::Operator => PaceLimits {
                per_prefix: (limits.per_prefix / self.of as usize).max(1),
                rate,
                ..limits
            },
        }
    }

    /// Whether the text of a subject falls into this one.
    pub fn has_text(self, text: &str) -> bool {
        number(text) % u64::from(self.of) == u64::from(self.index - 1)
    }

    /// Whether a server falls into this one.
    pub fn has_place(self, place: &Place, by: ShardBy) -> bool {
        self.has_text(&by.text(place))
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    /// Reads `I/N`, I from 1 to N.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("it is I/N, with I from 1 to N and N at most {MOST}: 1/4, 2/4, 3/4, 4/4");
        let (index, of) = text.split_once('/').ok_or_else(wrong)?;
        let (index, of) = (
            index.parse().map_err(|_| wrong())?,
            of.parse().map_err(|_| wrong())?,
        );
        match (1..=of).contains(&index) && of <= MOST {
            true => Ok(Self { index, of }),
            false => Err(wrong()),
        }
    }
}

/// The number that a text is dealt out by.
///
/// ```
/// use mx_survey::net::shard::number;
/// assert_eq!(number("example.org"), 0xbfab_c374_3295_8b06);
/// ```
pub fn number(text: &str) -> u64 {
    let digest = Sha256::digest(text);
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(first)
}

/// The network that an address is dealt out with: its /24 or /48, as in `192.0.2.0/24`; addresses of IPv4 in those of IPv6 are taken out.
fn prefix(ip: IpAddr) -> String {
    const FITS: &str = "24 and 48 are lengths of prefixes";
    match ip.to_canonical() {
        IpAddr::V4(ip) => Ipv4Net::new(ip, 24).expect(FITS).trunc().to_string(),
        IpAddr::V6(ip) => Ipv6Net::new(ip, 48).expect(FITS).trunc().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vectors of mx-survey(7): text, number in hexadecimal, its shard of 4.
    fn published() -> Vec<(String, u64, u64)> {
        let page = include_str!("../../man/mx-survey.7");
        let rows = page
            .split(".\\\" shard vectors")
            .nth(1)
            .expect("the vectors");
        let rows = rows
            .lines()
            .filter(|line| line.contains('/') || line.contains('.'));
        rows.filter_map(|line| {
            let mut words = line.split_whitespace();
            let text = words.next()?.to_owned();
            let number = u64::from_str_radix(words.next()?, 16).ok()?;
            let (index, of) = words.next()?.split_once('/')?;
            assert_eq!(of, "4");
            Some((text, number, index.parse().ok()?))
        })
        .collect()
    }

    #[test]
    fn the_hash_is_the_published_one() {
        let vectors = published();
        assert!(vectors.len() >= 6, "{vectors:?}");
        for (text, wanted, index) in vectors {
            assert_eq!(number(&text), wanted, "{text}");
            for shard in 1..=4 {
                let shard: Shard = format!("{shard}/4").parse().unwrap();
                assert_eq!(
                    shard.has_text(&text),
                    u64::from(shard.index) == index,
                    "{text} {shard}"
                );
            }
        }
    }

    #[test]
    fn each_server_has_one_worker_and_shares_it_with_its_neighbours() {
        let place = |ip: &str, operator: Option<&str>| Place {
            ip: ip.parse().unwrap(),
            operator: operator.map(Into::into),
            not_before: None,
        };
        let worker = |place: &Place, by| {
            let shards = (1..=7).map(|index| Shard { index, of: 7 });
            let mine: Vec<_> = shards.filter(|shard| shard.has_place(place, by)).collect();
            assert_eq!(mine.len(), 1);
            mine[0].index
        };
        let same = [
            (
                place("192.0.2.1", None),
                place("::ffff:192.0.2.250", Some("a.example")),
            ),
            (
                place("2001:db8:7::1", None),
                place("2001:db8:7:ffff::1", None),
            ),
        ];
        for (one, other) in same {
            assert_eq!(
                worker(&one, ShardBy::Prefix),
                worker(&other, ShardBy::Prefix)
            );
        }
        let far = (
            place("192.0.2.1", Some("a.example")),
            place("2001:db8::1", Some("a.example")),
        );
        assert_eq!(
            worker(&far.0, ShardBy::Operator),
            worker(&far.1, ShardBy::Operator)
        );
        // Work is spread.
        let mut counts = [0; 7];
        for third in 0..=255 {
            counts[worker(&place(&format!("198.51.{third}.1"), None), ShardBy::Prefix) as usize
                - 1] += 1;
        }
        assert!(
            counts.iter().all(|count| (15..60).contains(count)),
            "{counts:?}"
        );
    }

    #[test]
    fn only_a_part_of_a_whole_is_a_shard() {
        for wrong in [
            "",
            "1",
            "0/4",
            "5/4",
            "1/0",
            "-1/4",
            "a/b",
            "1/2/3",
            "1/100001",
            "4294967296/4294967297",
        ] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
        assert_eq!("4/4".parse::<Shard>().unwrap().to_string(), "4/4");
    }
}
