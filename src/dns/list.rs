//! Lists of domains in the forms they come in: plain lines, URLs, `rank,name` (Tranco, Umbrella, Alexa), `origin,rank` (CrUX),
//! tables whose header names the column (Majestic), with commas, tabs or semicolons, quoted or not, hosts files, NDJSON, zone
//! files. Pure: a line in, entries out.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::Deserialize;

use super::zone::{self, ZoneReader};

/// The form of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "programs", derive(clap::ValueEnum))]
pub enum DomainListFormat {
    /// By the first line (a header, a zone file) and by each line (`{`, `rank,name`, `origin,rank`, hosts, else plain).
    Auto,
    /// One name a line.
    Plain,
    /// `rank,name` or `name,rank`, or a header with a column `domain` or `origin`; commas, tabs or semicolons.
    Csv,
    /// Objects with a `domain`.
    Ndjson,
    /// Lines of an address and names, as in /etc/hosts.
    Hosts,
    /// A zone file, the SOA first.
    Zone,
}

/// Reads a list line by line.
#[derive(Clone, Debug)]
pub struct DomainList {
    /// What is known of the form, and what it is.
    wish: DomainListFormat,
    format: DomainListFormat,
    columns: Columns,
    /// Between the fields of a table.
    delimiter: u8,
    /// Added to the places that stand in for ranks: the list is a part of another.
    offset: u64,
    /// Lines that are no entries: header and comments.
    others: u64,
    /// Entries beside the first one of a line.
    more: u64,
    is_first: bool,
    zone: ZoneReader,
    delegations: u64,
    /// The place of the last entry.
    last: u64,
}

#[derive(Clone, Copy, Debug)]
enum Columns {
    /// `rank,name` or `name,rank`, by the row.
    NameAndRank,
    /// By the header.
    Header { domain: usize, rank: Option<usize> },
}

/// What stands on a line.
#[derive(Debug, PartialEq, Eq)]
pub enum DomainListItem<'a> {
    /// Nothing to look up: blank, a comment, a header, another record of a zone.
    Nothing,
    /// A name, as it stands there, and its rank.
    Entry(Cow<'a, [u8]>, u64),
    /// Several names for one address, and the rank of the first; the others follow.
    Entries(Vec<Cow<'a, [u8]>>, u64),
    /// Not in the form of the list.
    Refused(&'static str),
}

const BOM: &[u8] = b"\xef\xbb\xbf";
const DELIMITERS: [u8; 3] = [b'\t', b',', b';'];

impl DomainList {
    /// A list in a form, whose places begin behind `offset` others.
    pub fn new(format: DomainListFormat, offset: u64) -> Self {
        Self {
            wish: format,
            format,
            last: 0,
            columns: Columns::NameAndRank,
            delimiter: b',',
            offset,
            others: 0,
            more: 0,
            is_first: true,
            zone: ZoneReader::default(),
            delegations: 0,
        }
    }

    /// Begins another file of the list, in whatever form; the places go on. What is wrong with the file that ended.
    pub fn begin_file(&mut self) -> Option<&'static str> {
        let wrong = self.end();
        *self = Self::new(self.wish, self.last.max(self.offset));
        wrong
    }

    /// Whether a line that is an object is read as one.
    pub fn reads_objects(&self) -> bool {
        matches!(
            self.format,
            DomainListFormat::Auto | DomainListFormat::Ndjson
        )
    }

    /// What is wrong with a list that ends here.
    pub fn end(&self) -> Option<&'static str> {
        self.zone.end()
    }

    /// Reads the line with this number (from 1). Where the list gives no rank, an entry's place in it is its rank.
    ///
    /// ```
    /// use mx_survey::dns::list::{DomainList, DomainListFormat, DomainListItem};
    ///
    /// let mut list = DomainList::new(DomainListFormat::Auto, 0);
    /// let DomainListItem::Entry(name, rank) = list.read(b"7,example.org", 1) else {
    ///     panic!("no entry");
    /// };
    /// assert_eq!((&*name, rank), (b"example.org".as_slice(), 7));
    /// ```
    pub fn read<'a>(&mut self, line: &'a [u8], number: u64) -> DomainListItem<'a> {
        let whole = (line.strip_prefix(BOM).filter(|_| number == 1)).unwrap_or(line);
        let line = whole.trim_ascii();
        let is_comment =
            line.first() == Some(&b'#') || self.is_first && line.first() == Some(&b';');
        if self.format == DomainListFormat::Zone {
            return self.zone(whole);
        }
        if line.is_empty() || is_comment {
            self.others += 1;
            return DomainListItem::Nothing;
        }
        if std::mem::take(&mut self.is_first) {
            if self.format == DomainListFormat::Auto && is_zone(line) {
                self.format = DomainListFormat::Zone;
                return self.zone(whole);
            }
            if self.is_header(line) {
                self.others += 1;
                return DomainListItem::Nothing;
            }
        }
        let place = (number + self.more).saturating_sub(self.others) + self.offset;
        self.last = place;
        match self.format {
            DomainListFormat::Ndjson => object(line, place),
            DomainListFormat::Auto if line[0] == b'{' => object(line, place),
            DomainListFormat::Plain => DomainListItem::Entry(host(plain(line)), place),
            DomainListFormat::Hosts => match hosts(line) {
                Some(names) => self.names(names, place),
                None => DomainListItem::Refused("not a line of a hosts file: address, names"),
            },
            DomainListFormat::Auto => match hosts(line) {
                Some(names) => self.names(names, place),
                None => self.row(line, place),
            },
            DomainListFormat::Csv | DomainListFormat::Zone => self.row(line, place),
        }
    }

    fn names<'a>(&mut self, names: Vec<Cow<'a, [u8]>>, place: u64) -> DomainListItem<'a> {
        let beside = (names.len() as u64).saturating_sub(1);
        self.more += beside;
        self.last = place + beside;
        DomainListItem::Entries(names, place)
    }

    /// Takes a first row that names a column for the header.
    fn is_header(&mut self, line: &[u8]) -> bool {
        if !matches!(self.format, DomainListFormat::Auto | DomainListFormat::Csv) || line[0] == b'{'
        {
            return false;
        }
        for delimiter in DELIMITERS {
            let fields = fields(line, delimiter);
            let column = |names: &[&str]| {
                fields.iter().position(|field| {
                    let field = field.trim_ascii();
                    (names.iter()).any(|name| field.eq_ignore_ascii_case(name.as_bytes()))
                })
            };
            let rank = column(&["globalrank", "rank", "popularity"]);
            let named = column(&["domain", "origin", "hostname"])
                .or(column(&["name", "host", "site", "website", "url"]).filter(|_| rank.is_some()));
            if let Some(domain) = named {
                (self.delimiter, self.columns) = (delimiter, Columns::Header { domain, rank });
                return true;
            }
        }
        false
    }

    fn row<'a>(&mut self, line: &'a [u8], place: u64) -> DomainListItem<'a> {
        let (domain, rank, mut fields) = match self.columns {
            Columns::Header { domain, rank } => (domain, rank, fields(line, self.delimiter)),
            Columns::NameAndRank => match ranked(line) {
                Some((domain, rank, fields)) => (domain, rank, fields),
                None => return DomainListItem::Entry(host(plain(line)), place),
            },
        };
        let rank = match rank
            .and_then(|rank| fields.get(rank))
            .map(|field| number(field))
        {
            Some(Some(rank)) => rank,
            Some(None) => return DomainListItem::Refused("the rank is no number"),
            None => place,
        };
        if domain >= fields.len() {
            return DomainListItem::Refused("the row has no field for the domain");
        }
        DomainListItem::Entry(host(fields.swap_remove(domain)), rank)
    }

    fn zone<'a>(&mut self, line: &[u8]) -> DomainListItem<'a> {
        match self.zone.read(line) {
            zone::ZoneEntry::Nothing => DomainListItem::Nothing,
            zone::ZoneEntry::Refused(why) => DomainListItem::Refused(why),
            zone::ZoneEntry::Delegation(owner) => {
                self.delegations += 1;
                self.last = self.delegations + self.offset;
                DomainListItem::Entry(Cow::Owned(owner), self.last)
            }
        }
    }
}

/// Whether a first line is one of a zone file: a directive, or a SOA in its place.
fn is_zone(line: &[u8]) -> bool {
    let words: Vec<_> = line
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
        .take(4)
        .collect();
    let is_directive = |word: &[u8]| {
        [&b"$ORIGIN"[..], b"$TTL", b"$INCLUDE"]
            .iter()
            .any(|directive| word.eq_ignore_ascii_case(directive))
    };
    words.len() > 1
        && (is_directive(words[0])
            || words[1..]
                .iter()
                .any(|word| word.eq_ignore_ascii_case(b"SOA")))
}

/// The places of the name and the rank, and the fields.
type Row<'a> = (usize, Option<usize>, Vec<Cow<'a, [u8]>>);

/// The fields of a row without a header, and which of them are the name and the rank: `rank,name` or `name,rank`.
fn ranked(line: &[u8]) -> Option<Row<'_>> {
    for delimiter in DELIMITERS {
        let fields = fields(line, delimiter);
        match &fields[..] {
            [rank, _, ..] if number(rank).is_some() => return Some((1, Some(0), fields)),
            [name, rank] if number(rank).is_some() && name.contains(&b'.') => {
                return Some((0, Some(1), fields));
            }
            _ => {}
        }
    }
    // One field in quotes.
    let fields = fields(line, b',');
    (line[0] == b'"' && fields.len() == 1).then_some((0, None, fields))
}

/// The names behind an address, as in /etc/hosts.
fn hosts(line: &[u8]) -> Option<Vec<Cow<'_, [u8]>>> {
    let mut words = plain_part(line)
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    let address = std::str::from_utf8(words.next()?).ok()?;
    // A zone of an interface may stand behind it: fe80::1%lo0.
    address.split('%').next()?.parse::<IpAddr>().ok()?;
    let names: Vec<_> = words.map(Cow::Borrowed).collect();
    (!names.is_empty()).then_some(names)
}

/// The host of an origin (RFC 6454) or another URL of the web; any other text as it is.
fn host(text: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let is_scheme = |scheme: &[u8]| {
        text.get(..scheme.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(scheme))
    };
    let Some(scheme) = [&b"https://"[..], b"http://"]
        .into_iter()
        .find(|scheme| is_scheme(scheme))
    else {
        return text;
    };
    let rest = &text[scheme.len()..];
    let end = memchr::memchr3(b'/', b'?', b'#', rest).unwrap_or(rest.len());
    let authority = &rest[..end];
    let host = match memchr::memrchr(b':', authority) {
        Some(colon) if authority[colon + 1..].iter().all(u8::is_ascii_digit) => &authority[..colon],
        _ => authority,
    };
    Cow::Owned(host.to_vec())
}

/// A line without the comment behind it.
fn plain_part(line: &[u8]) -> &[u8] {
    let end = memchr::memchr_iter(b'#', line)
        .find(|&at| line[..at].last().is_some_and(u8::is_ascii_whitespace))
        .unwrap_or(line.len());
    line[..end].trim_ascii()
}

fn plain(line: &[u8]) -> Cow<'_, [u8]> {
    Cow::Borrowed(plain_part(line))
}

fn object(line: &[u8], place: u64) -> DomainListItem<'_> {
    match domain_of(line) {
        Ok(Some(domain)) => DomainListItem::Entry(Cow::Owned(domain.into_bytes()), place),
        Ok(None) => DomainListItem::Refused("an object without a domain"),
        Err(_) => DomainListItem::Refused("not a JSON object on one line"),
    }
}

/// The `domain` of an object of whatever type; `None` if it has none, or one that is no string.
pub fn domain_of(line: &[u8]) -> serde_json::Result<Option<String>> {
    #[derive(Deserialize)]
    struct Named {
        #[serde(default)]
        domain: Option<serde_json::Value>,
    }
    Ok(match serde_json::from_slice::<Named>(line)?.domain {
        Some(serde_json::Value::String(domain)) => Some(domain),
        _ => None,
    })
}

fn fields(line: &[u8], delimiter: u8) -> Vec<Cow<'_, [u8]>> {
    if memchr::memchr(b'"', line).is_none() {
        return line
            .split(|&byte| byte == delimiter)
            .map(Cow::Borrowed)
            .collect();
    }
    let mut record = csv::ByteRecord::new();
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .delimiter(delimiter)
        .flexible(true)
        .from_reader(line);
    match reader.read_byte_record(&mut record) {
        Ok(true) => record
            .iter()
            .map(|field| Cow::Owned(field.to_vec()))
            .collect(),
        _ => Vec::new(),
    }
}

fn number(field: &[u8]) -> Option<u64> {
    std::str::from_utf8(field.trim_ascii()).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(format: DomainListFormat, text: &str) -> Vec<String> {
        let mut list = DomainList::new(format, 0);
        (1..)
            .zip(text.split_terminator('\n'))
            .filter_map(|(number, line)| match list.read(line.as_bytes(), number) {
                DomainListItem::Nothing => None,
                DomainListItem::Entry(name, rank) => {
                    Some(format!("{rank} {}", String::from_utf8_lossy(&name)))
                }
                DomainListItem::Entries(names, rank) => {
                    let names: Vec<_> = names
                        .iter()
                        .map(|name| String::from_utf8_lossy(name))
                        .collect();
                    Some(format!("{rank} {}", names.join(" ")))
                }
                DomainListItem::Refused(why) => Some(format!("! {why}")),
            })
            .collect()
    }

    #[test]
    fn plain_lines_may_have_comments_blanks_and_carriage_returns() {
        let text = "# names\n\nexample.org\r\n example.com \nexample.net # a comment\n";
        assert_eq!(
            entries(DomainListFormat::Auto, text),
            ["1 example.org", "2 example.com", "3 example.net"]
        );
    }

    #[test]
    fn ranks_come_from_the_list() {
        let text = "1,google.com\r\n5,_dmarc.example.org\n9,bücher.example\n";
        let expected = ["1 google.com", "5 _dmarc.example.org", "9 bücher.example"];
        assert_eq!(entries(DomainListFormat::Auto, text), expected);
        assert_eq!(entries(DomainListFormat::Csv, text), expected);
    }

    #[test]
    fn a_header_names_the_column() {
        let text = "\u{feff}GlobalRank,TldRank,Domain,TLD\n1,1,google.com,com\n2,2,\"b.com\",com\n3\nx,1,c.com,com\n";
        assert_eq!(
            entries(DomainListFormat::Auto, text),
            [
                "1 google.com",
                "2 b.com",
                "! the row has no field for the domain",
                "! the rank is no number"
            ]
        );
        assert_eq!(
            entries(DomainListFormat::Auto, "DOMAIN\nexample.org\n"),
            ["1 example.org"]
        );
        assert_eq!(
            entries(DomainListFormat::Auto, "rank,name\n7,example.org\n"),
            ["7 example.org"]
        );
    }

    #[test]
    fn objects_give_their_domain() {
        let text = "{\"domain\":\"a.org\",\"x\":1}\n{\"x\":1}\n{\n{\"domain\":7}\nb.org\n";
        assert_eq!(
            entries(DomainListFormat::Auto, text),
            [
                "1 a.org",
                "! an object without a domain",
                "! not a JSON object on one line",
                "! an object without a domain",
                "5 b.org"
            ]
        );
    }

    #[test]
    fn a_zone_gives_its_delegations_once_each() {
        let text = "org.\t900\tin\tsoa\tns. mail. 1 2 3 4 5\n\
            a.org.\t86400\tin\tns\tns1.a.org.\na.org.\t86400\tin\tns\tns2.a.org.\n\
            a.org.\t86400\tin\tds\t1 8 2 00\nns1.a.org.\t86400\tin\ta\t192.0.2.1\n\
            B.org.\t86400\tIN\tNS\tns.b.example.\nx.y.org.\t1\tin\tns\tn.\norg.\t1\tin\tns\tn.\n\
            org.\t900\tin\tsoa\tns. mail. 1 2 3 4 5\n";
        assert_eq!(
            entries(DomainListFormat::Zone, text),
            ["1 a.org.", "2 B.org."]
        );
        assert_eq!(
            entries(DomainListFormat::Zone, "a.org. 1 in ns n.\n"),
            ["! a zone file begins with its SOA"]
        );
    }

    #[test]
    fn d5_lists_of_every_form_are_read_as_what_they_are() {
        let expected = ["1000 a.test", "5000 b.test"];
        for text in [
            // CrUX, with its header and without.
            "origin,rank\nhttps://a.test,1000\nhttp://b.test:8080,5000\n",
            "origin,popularity\nhttps://a.test,1000\nhttps://b.test,5000\n",
            "https://a.test,1000\nhttps://b.test/,5000\n",
            "a.test,1000\nb.test,5000\n",
            // Quoted, and with other separators.
            "\"1000\",\"a.test\"\n\"5000\",\"b.test\"\n",
            "\"Rank\",\"Domain\",\"X\"\n\"1000\",\"a.test\",\"1,2\"\n5000,b.test,\n",
            "1000\ta.test\n5000\tb.test\r\n",
            "rank\tdomain\n1000\ta.test\n5000\tb.test\n",
            "domain;rank\na.test;1000\nb.test;5000\n",
            "\u{feff}rank,host\n1000,a.test\n5000,b.test\n",
        ] {
            assert_eq!(entries(DomainListFormat::Auto, text), expected, "{text}");
            assert_eq!(entries(DomainListFormat::Csv, text), expected, "{text}");
        }
        let places = ["1 a.test", "2 b.test"];
        for text in [
            "https://a.test/\nHTTP://b.test:80/x?y\n",
            "\"a.test\"\n\"b.test\"\n",
            "domain\na.test\nb.test\n",
            "# hosts\n0.0.0.0 a.test # bad\n::1\tb.test\n",
            "$TTL 1d\n$ORIGIN test.\n@ SOA a b (\n1 2 3 4 5 )\na NS n\n NS m\nb NS n\n",
            "; a zone\ntest. IN SOA a. b. 1 2 3 4 5\na.test. NS n.\nb.test. NS n.\n",
        ] {
            let found = entries(DomainListFormat::Auto, text);
            let found: Vec<_> = found
                .iter()
                .map(|entry| entry.trim_end_matches('.'))
                .collect();
            assert_eq!(found, places, "{text}");
        }
        let hosts = "127.0.0.1 a.test b.test\n\n0.0.0.0 c.test\nd.test\n";
        assert_eq!(
            entries(DomainListFormat::Auto, hosts),
            ["1 a.test b.test", "3 c.test", "4 d.test"]
        );
        assert_eq!(
            entries(DomainListFormat::Hosts, "1.2.3.4\n"),
            ["! not a line of a hosts file: address, names"]
        );
    }

    #[test]
    fn d5_a_part_of_a_list_has_the_ranks_of_the_whole() {
        let mut part = DomainList::new(DomainListFormat::Auto, 1000);
        assert_eq!(
            part.read(b"a.test", 1),
            DomainListItem::Entry(b"a.test"[..].into(), 1001)
        );
        // Where the list has ranks, they are its own.
        assert_eq!(
            part.read(b"7,b.test", 2),
            DomainListItem::Entry(b"b.test"[..].into(), 7)
        );
    }
}
