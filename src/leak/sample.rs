//! The first lines of an input, asked where their addresses stand. Columns and fields are named by number, or by one of the
//! names known here: other names come from the list, and nothing of a list is ever shown.

use super::address;
use super::any;
use super::csv::Csv;
use super::delimited::{self, Delimited};
use super::format::{AddressColumn, FoundFormat, Layout, Unreadable, Wish};
use super::json::Json;
use super::tally::{Rules, ThreadTally};

/// Names of columns and fields that hold addresses.
const KNOWN: [&str; 13] = [
    "email",
    "e-mail",
    "mail",
    "e_mail",
    "user_email",
    "email_address",
    "emailaddress",
    "email address",
    "user_mail",
    "useremail",
    "mail_address",
    "primary_email",
    "login_email",
];

/// Separators that are tried, in this order.
pub const SEPARATORS: [u8; 6] = [b':', b';', b'|', b'\t', b',', b' '];

/// Columns that are tried.
const COLUMNS: usize = 8;

/// Lines of the head that are looked at.
const SAMPLE: usize = 1000;

/// The lines of a head that are not blank.
pub struct Sample<'a> {
    /// All that is at hand, blank lines and a torn last one too.
    pub text: &'a [u8],
    pub lines: Vec<&'a [u8]>,
}

/// A separator and a column.
pub struct Combo {
    pub separator: u8,
    pub column: usize,
    pub addresses: usize,
    /// The lines differ in their separators: each of them parts.
    pub is_mixed: bool,
}

impl<'a> Sample<'a> {
    pub fn new(text: &'a [u8], is_all: bool) -> Self {
        let mut lines: Vec<_> = text.split(|&byte| byte == b'\n').take(SAMPLE + 1).collect();
        // The last may be cut.
        if lines.len() > 1 && (!is_all || lines.len() > SAMPLE) {
            lines.pop();
        }
        lines.retain(|line| !line.trim_ascii().is_empty());
        Self { text, lines }
    }

    pub fn count(&self, is_one: impl Fn(&[u8]) -> bool) -> usize {
        self.lines.iter().filter(|line| is_one(line)).count()
    }

    /// How many lines have a good address in this layout, and a separator if it has one.
    pub fn addresses(&self, layout: &Delimited) -> usize {
        self.count(|line| {
            layout.field(line).is_ok_and(|place| {
                let is_split =
                    layout.separator.is_empty() || place.len() < line.trim_ascii_end().len();
                is_split && is_address(&line[place])
            })
        })
    }

    /// The separator and column with most addresses, the first of equals.
    pub fn best_combo(&self, wish: &Wish, separators: &[u8]) -> Option<Combo> {
        let separators = wish
            .separator
            .as_ref()
            .map_or(separators, std::slice::from_ref);
        let columns = match wish.column {
            Some(AddressColumn::Number(number)) => number - 1..number,
            _ => 0..COLUMNS,
        };
        let mut best: Option<Combo> = None;
        for (&separator, column) in separators
            .iter()
            .flat_map(|separator| columns.clone().map(move |column| (separator, column)))
        {
            let addresses = self.addresses(&Delimited::new(&[separator], column));
            if addresses > best.as_ref().map_or(0, |best| best.addresses) {
                best = Some(Combo {
                    separator,
                    column,
                    addresses,
                    is_mixed: false,
                });
            }
        }
        if wish.separator.is_some() || !separators.contains(&b';') || !separators.contains(&b'|') {
            return best;
        }
        for column in columns {
            let addresses = self.addresses(&Delimited::mixed(column));
            if addresses > best.as_ref().map_or(0, |best| best.addresses) {
                best = Some(Combo {
                    separator: b':',
                    column,
                    addresses,
                    is_mixed: true,
                });
            }
        }
        best
    }

    /// A combo list: with the separator that the user names, which then is the only one; else with the one that most lines
    /// have, or with several.
    pub fn combo(&self, wish: &Wish) -> Result<FoundFormat, Unreadable> {
        if let Some(separator) = wish.separator {
            let name = format!("combo with {}", shown(separator));
            return self.delimited(&name, &[separator], wish, 0);
        }
        let best = self.best_combo(wish, &SEPARATORS);
        if let Some(best) = best.as_ref().filter(|best| best.is_mixed) {
            return Ok(FoundFormat::new(
                Layout::Delimited(Delimited::mixed(best.column)),
                format!("combo with ':', ';' or '|', column {}", best.column + 1),
            ));
        }
        let separator = best.map_or(b':', |best| best.separator);
        let name = format!("combo with {}", shown(separator));
        let mut found = self.delimited(&name, &[separator], wish, 0)?;
        if let Layout::Delimited(layout) = &mut found.layout {
            *layout = layout.clone().ending();
        }
        Ok(found)
    }

    /// Whether the list is one of URLs with a login behind each.
    pub fn has_urls(&self) -> bool {
        let begins = |line: &[u8]| delimited::scheme(line.trim_ascii_start()).is_some();
        self.count(begins) >= self.lines.len().div_ceil(4) && self.addresses(&Delimited::url()) > 0
    }

    /// A layout of bare fields whose address stands where the user says, or where most addresses are, or in `default`.
    pub fn delimited(
        &self,
        name: &str,
        separator: &[u8],
        wish: &Wish,
        default: usize,
    ) -> Result<FoundFormat, Unreadable> {
        let with = |column| Delimited::new(separator, column);
        let (column, is_named) = match &wish.column {
            Some(AddressColumn::Number(number)) => (number - 1, false),
            Some(AddressColumn::Name(name)) => {
                let names = self
                    .lines
                    .first()
                    .map(|line| fields(line, separator))
                    .unwrap_or_default();
                let column = names.iter().position(|field| is_name(field, name));
                (column.ok_or(Unreadable::NoColumn)?, true)
            }
            None => {
                let mut best = (self.addresses(&with(default)), default);
                for column in 0..COLUMNS {
                    let addresses = self.addresses(&with(column));
                    if addresses > best.0 {
                        best = (addresses, column);
                    }
                }
                (best.1, false)
            }
        };
        let mut found = FoundFormat::new(
            Layout::Delimited(with(column)),
            format!("{name}, column {}", column + 1),
        );
        if is_named {
            found.skip_first_line(self.text);
        }
        Ok(found)
    }

    /// A table with a header or without; bare fields for tabs, fields that may be quoted for all others.
    pub fn table(&self, delimiter: u8, wish: &Wish, name: &str) -> Result<FoundFormat, Unreadable> {
        let header = self.record(delimiter);
        let by_name = header_column(&header, wish);
        let column = match (&wish.column, by_name) {
            (Some(AddressColumn::Number(number)), _) => number - 1,
            (_, Some(column)) => column,
            (Some(AddressColumn::Name(_)), None) => return Err(Unreadable::NoColumn),
            (None, None) => {
                self.best_combo(wish, &[delimiter])
                    .ok_or(Unreadable::NoColumn)?
                    .column
            }
        };
        let first = header.get(column).map(Vec::as_slice).unwrap_or_default();
        let has_header = by_name.is_some() || (!first.is_empty() && !first.contains(&b'@'));
        let mut description = format!("{name}, column {}", column + 1);
        if name == "csv" {
            description = format!("csv with {}, column {}", shown(delimiter), column + 1);
        }
        if let Some(known) = KNOWN
            .iter()
            .find(|known| has_header && is_name(first, known))
        {
            description = format!("{description} ({known})");
        }
        if name == "csv" {
            return Ok(FoundFormat::new(
                Layout::Csv(Csv::new(delimiter, column, has_header)),
                description,
            ));
        }
        let mut found = FoundFormat::new(
            Layout::Delimited(Delimited::new(&[delimiter], column)),
            description,
        );
        if has_header {
            found.skip_first_line(self.text);
        }
        Ok(found)
    }

    /// Whether the first line, split at `delimiter`, names a column of addresses.
    pub fn header_delimiter(&self, delimiter: u8, wish: &Wish) -> bool {
        wish.separator
            .is_none_or(|separator| separator == delimiter)
            && header_column(&self.record(delimiter), wish).is_some()
    }

    pub fn csv_delimiter(&self, wish: &Wish) -> u8 {
        let candidates = [b',', b';', b'\t', b'|', b':'];
        wish.separator
            .or_else(|| {
                candidates
                    .into_iter()
                    .find(|&delimiter| self.header_delimiter(delimiter, wish))
            })
            .or_else(|| {
                self.best_combo(wish, &candidates)
                    .map(|best| best.separator)
            })
            .unwrap_or(b',')
    }

    /// The first record of a table.
    fn record(&self, delimiter: u8) -> Vec<Vec<u8>> {
        let mut reader = ::csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .quoting(delimiter != b'\t')
            .from_reader(self.text);
        let mut record = ::csv::ByteRecord::new();
        match reader.read_byte_record(&mut record) {
            Ok(true) => record
                .iter()
                .map(|field| field.trim_ascii().to_vec())
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Whether there is an address anywhere.
    pub fn has_address(&self) -> bool {
        let rules = Rules::default();
        let mut tally = ThreadTally::new(&rules);
        any::scan(self.text, &mut false, &mut tally);
        good_users(&mut tally) > 0
    }

    /// The field that the user named, or the known one with most addresses.
    pub fn json_field(&self, wish: &Wish) -> Option<String> {
        if let Some(AddressColumn::Name(name)) = &wish.column {
            return Some(name.clone());
        }
        let mut best = (0, None);
        for name in KNOWN {
            let rules = Rules::default();
            let mut tally = ThreadTally::new(&rules);
            Json::new(name.as_bytes()).feed(self.text, &mut tally);
            let addresses = good_users(&mut tally);
            if addresses > best.0 {
                best = (addresses, Some(name.to_owned()));
            }
        }
        best.1
    }
}

/// The column of a header that the user named, or that has a known name.
fn header_column(header: &[Vec<u8>], wish: &Wish) -> Option<usize> {
    let find = |name: &str| header.iter().position(|field| is_name(field, name));
    match &wish.column {
        Some(AddressColumn::Name(name)) => find(name),
        Some(AddressColumn::Number(_)) => None,
        None => KNOWN.into_iter().find_map(find),
    }
}

fn fields<'a>(line: &'a [u8], separator: &[u8]) -> Vec<&'a [u8]> {
    let mut fields = Vec::new();
    let mut start = 0;
    for end in memchr::memmem::find_iter(line, separator) {
        fields.push(&line[start..end]);
        start = end + separator.len();
    }
    fields.push(&line[start..]);
    fields
}

fn is_name(field: &[u8], name: &str) -> bool {
    field.trim_ascii().eq_ignore_ascii_case(name.as_bytes())
}

/// Stricter than what is counted: a local part that holds separators is more likely some other field.
fn is_address(field: &[u8]) -> bool {
    address::split(field).is_ok_and(|(local, domain)| {
        let is_odd = |byte: &u8| SEPARATORS.contains(byte) || *byte == b'@';
        (local.starts_with(b"\"") || !local.iter().any(is_odd)) && address::domain(domain).is_ok()
    })
}

fn good_users(tally: &mut ThreadTally<'_>) -> u64 {
    let mut users = 0;
    tally.drain(|raw, count| {
        users += if address::domain(raw).is_ok() {
            count
        } else {
            0
        }
    });
    users
}

/// A separator for people.
pub fn shown(separator: u8) -> String {
    match separator {
        b'\t' => "tab".to_owned(),
        b' ' => "space".to_owned(),
        byte => format!("'{}'", byte.escape_ascii()),
    }
}
