//! Lists of domains in the forms they come in: plain lines, `rank,name` (Tranco, Umbrella, Alexa), CSV whose header
//! names the column (Majestic), NDJSON, zone files of the CZDS. Pure: a line in, an entry out.

use std::borrow::Cow;

use serde::Deserialize;

/// The form of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// By the first line (a header) and by each line (`{`, `rank,name`, else plain).
    Auto,
    /// One name a line.
    Plain,
    /// `rank,name`, or a header with a column `domain`.
    Csv,
    /// Objects with a `domain`.
    Ndjson,
    /// A zone file: one record a line, absolute names, the SOA first.
    Zone,
}

/// Reads a list line by line.
#[derive(Clone, Debug)]
pub struct List {
    format: Format,
    columns: Columns,
    /// Lines that are no entries: header and comments.
    others: u64,
    is_first: bool,
    apex: Option<Vec<u8>>,
    /// The last owner of a delegation: a zone file is sorted.
    last: Vec<u8>,
    delegations: u64,
}

#[derive(Clone, Copy, Debug)]
enum Columns {
    /// `rank,name`.
    RankName,
    /// By the header.
    Header { domain: usize, rank: Option<usize> },
}

/// What stands on a line.
#[derive(Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// Nothing to look up: blank, a comment, a header, another record of a zone.
    Nothing,
    /// A name, as it stands there, and its rank.
    Entry(Cow<'a, [u8]>, u64),
    /// Not in the form of the list.
    Refused(&'static str),
}

impl List {
    /// A list in a form.
    pub fn new(format: Format) -> Self {
        Self {
            format,
            columns: Columns::RankName,
            others: 0,
            is_first: true,
            apex: None,
            last: Vec::new(),
            delegations: 0,
        }
    }

    /// Whether a line that is an object is read as one.
    pub fn reads_objects(&self) -> bool {
        matches!(self.format, Format::Auto | Format::Ndjson)
    }

    /// Reads the line with this number (from 1). Where the list gives no rank, an entry's place in it is its rank.
    pub fn read<'a>(&mut self, line: &'a [u8], number: u64) -> Item<'a> {
        let line = line
            .strip_prefix(b"\xef\xbb\xbf")
            .filter(|_| number == 1)
            .unwrap_or(line)
            .trim_ascii();
        if line.is_empty() || line[0] == b'#' || (self.format == Format::Zone && line[0] == b';') {
            self.others += 1;
            return Item::Nothing;
        }
        let is_first = std::mem::take(&mut self.is_first);
        if is_first && self.is_header(line) {
            self.others += 1;
            return Item::Nothing;
        }
        let place = number.saturating_sub(self.others);
        match self.format {
            Format::Zone => self.zone(line),
            Format::Ndjson => object(line, place),
            Format::Auto if line[0] == b'{' => object(line, place),
            Format::Plain => Item::Entry(plain(line), place),
            Format::Auto if self.is_plain(line) => Item::Entry(plain(line), place),
            Format::Auto | Format::Csv => self.row(line, place),
        }
    }

    /// Takes a first row that names a column `domain` for the header.
    fn is_header(&mut self, line: &[u8]) -> bool {
        if !matches!(self.format, Format::Auto | Format::Csv) || line[0] == b'{' {
            return false;
        }
        let fields = fields(line);
        let column = |names: &[&str]| {
            fields.iter().position(|field| {
                names
                    .iter()
                    .any(|name| field.trim_ascii().eq_ignore_ascii_case(name.as_bytes()))
            })
        };
        let rank_is_first = fields[0].trim_ascii().eq_ignore_ascii_case(b"rank");
        let named = column(&["domain"]).or(column(&["name"]).filter(|_| rank_is_first));
        match named {
            Some(domain) => {
                let rank = column(&["globalrank", "rank"]);
                self.columns = Columns::Header { domain, rank };
                true
            }
            None => false,
        }
    }

    /// Without a header, what does not begin with a number and a comma is a plain name.
    fn is_plain(&self, line: &[u8]) -> bool {
        let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
        matches!(self.columns, Columns::RankName)
            && (digits == 0 || line.get(digits) != Some(&b','))
    }

    fn row<'a>(&self, line: &'a [u8], place: u64) -> Item<'a> {
        let mut fields = fields(line);
        let (domain, rank) = match self.columns {
            Columns::Header { domain, rank } => (domain, rank),
            // A CSV without a header and with one column is a list of names.
            Columns::RankName if fields.len() == 1 => (0, None),
            Columns::RankName => (1, Some(0)),
        };
        let rank = match rank
            .and_then(|rank| fields.get(rank))
            .map(|field| number(field))
        {
            Some(Some(rank)) => rank,
            Some(None) => return Item::Refused("the rank is no number"),
            None => place,
        };
        if domain >= fields.len() {
            return Item::Refused("the row has no field for the domain");
        }
        Item::Entry(fields.swap_remove(domain), rank)
    }

    /// The owners of NS records one label below the apex, each once.
    fn zone<'a>(&mut self, line: &'a [u8]) -> Item<'a> {
        let mut words = line
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty());
        let (Some(owner), Some(_ttl), Some(_class), Some(kind)) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Item::Refused("not a record of a zone file: name, TTL, class, type, data");
        };
        if kind.eq_ignore_ascii_case(b"SOA") && self.apex.is_none() {
            self.apex = Some(owner.to_ascii_lowercase());
            return Item::Nothing;
        }
        let Some(apex) = &self.apex else {
            return Item::Refused("a zone file begins with its SOA");
        };
        if !kind.eq_ignore_ascii_case(b"NS")
            || !is_child(owner, apex)
            || owner.eq_ignore_ascii_case(&self.last)
        {
            return Item::Nothing;
        }
        self.last = owner.to_vec();
        self.delegations += 1;
        Item::Entry(Cow::Borrowed(owner), self.delegations)
    }
}

/// A name without the comment behind it.
fn plain(line: &[u8]) -> Cow<'_, [u8]> {
    let end = memchr::memchr_iter(b'#', line)
        .find(|&at| line[..at].last().is_some_and(u8::is_ascii_whitespace))
        .unwrap_or(line.len());
    Cow::Borrowed(line[..end].trim_ascii())
}

fn object(line: &[u8], place: u64) -> Item<'_> {
    match domain_of(line) {
        Ok(Some(domain)) => Item::Entry(Cow::Owned(domain.into_bytes()), place),
        Ok(None) => Item::Refused("an object without a domain"),
        Err(_) => Item::Refused("not a JSON object on one line"),
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

fn fields(line: &[u8]) -> Vec<Cow<'_, [u8]>> {
    if memchr::memchr(b'"', line).is_none() {
        return line
            .split(|&byte| byte == b',')
            .map(Cow::Borrowed)
            .collect();
    }
    let mut record = csv::ByteRecord::new();
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
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

/// Whether `owner` is `apex` with one label in front. The root's children are its top level domains.
fn is_child(owner: &[u8], apex: &[u8]) -> bool {
    let Some(dot) = memchr::memchr(b'.', owner).filter(|&dot| dot > 0) else {
        return false;
    };
    let parent = if apex == b"." {
        &owner[dot..]
    } else {
        &owner[dot + 1..]
    };
    parent.eq_ignore_ascii_case(apex)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(format: Format, text: &str) -> Vec<String> {
        let mut list = List::new(format);
        (1..)
            .zip(text.split_terminator('\n'))
            .filter_map(|(number, line)| match list.read(line.as_bytes(), number) {
                Item::Nothing => None,
                Item::Entry(name, rank) => {
                    Some(format!("{rank} {}", String::from_utf8_lossy(&name)))
                }
                Item::Refused(why) => Some(format!("! {why}")),
            })
            .collect()
    }

    #[test]
    fn plain_lines_may_have_comments_blanks_and_carriage_returns() {
        let text = "# names\n\nexample.org\r\n example.com \nexample.net # a comment\n";
        assert_eq!(
            entries(Format::Auto, text),
            ["1 example.org", "2 example.com", "3 example.net"]
        );
    }

    #[test]
    fn ranks_come_from_the_list() {
        let text = "1,google.com\r\n5,_dmarc.example.org\n9,bücher.example\n";
        let expected = ["1 google.com", "5 _dmarc.example.org", "9 bücher.example"];
        assert_eq!(entries(Format::Auto, text), expected);
        assert_eq!(entries(Format::Csv, text), expected);
    }

    #[test]
    fn a_header_names_the_column() {
        let text = "\u{feff}GlobalRank,TldRank,Domain,TLD\n1,1,google.com,com\n2,2,\"b.com\",com\n3\nx,1,c.com,com\n";
        assert_eq!(
            entries(Format::Auto, text),
            [
                "1 google.com",
                "2 b.com",
                "! the row has no field for the domain",
                "! the rank is no number"
            ]
        );
        assert_eq!(
            entries(Format::Auto, "DOMAIN\nexample.org\n"),
            ["1 example.org"]
        );
        assert_eq!(
            entries(Format::Auto, "rank,name\n7,example.org\n"),
            ["7 example.org"]
        );
    }

    #[test]
    fn objects_give_their_domain() {
        let text = "{\"domain\":\"a.org\",\"x\":1}\n{\"x\":1}\n{\n{\"domain\":7}\nb.org\n";
        assert_eq!(
            entries(Format::Auto, text),
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
        assert_eq!(entries(Format::Zone, text), ["1 a.org.", "2 B.org."]);
        assert_eq!(
            entries(Format::Zone, "a.org. 1 in ns n.\n"),
            ["! a zone file begins with its SOA"]
        );
    }
}
