//! What the head of an input says about its format: what the user did not name is guessed, from the shape of the records, a
//! header, and where most lines have an address. A guess names columns and fields by number, or by one of the names known
//! here: other names come from the list, and nothing of a list is ever shown.

use super::address;
use super::any;
use super::csv::Csv;
use super::delimited::Delimited;
use super::format::{Column, Format, Found, Layout, Unreadable, Wish};
use super::json::Json;
use super::tally::{Rules, Tally};

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
const SEPARATORS: [u8; 6] = [b':', b';', b'|', b'\t', b',', b' '];

/// Columns that are tried.
const COLUMNS: usize = 8;

/// Lines of the head that are looked at.
const SAMPLE: usize = 1000;

/// How to read an input that begins with `head`, or is `head` if `is_all`.
pub fn find(head: &[u8], is_all: bool, wish: &Wish) -> Result<Found, Unreadable> {
    check_readable(head)?;
    let mark = if head.starts_with(b"\xef\xbb\xbf") {
        3
    } else {
        0
    };
    let sample = Sample::new(&head[mark..], is_all);
    let format = match wish.format {
        Some(format) => format,
        None => guess(&sample, wish)?,
    };
    let mut found = match format {
        Format::Adobe => Found::of(Layout::Delimited(Delimited::adobe()), "adobe".to_owned()),
        Format::Gawker => sample.delimited("gawker", b":::", wish, 2)?,
        Format::Combo => {
            let separator = sample
                .best_combo(wish, &SEPARATORS)
                .map_or(b':', |best| best.separator);
            let name = format!("combo with {}", shown(wish.separator.unwrap_or(separator)));
            sample.delimited(&name, &[wish.separator.unwrap_or(separator)], wish, 0)?
        }
        Format::Tsv => sample.table(wish.separator.unwrap_or(b'\t'), wish, "tsv")?,
        Format::Csv => sample.table(sample.csv_delimiter(wish), wish, "csv")?,
        Format::Json => {
            let field = sample.json_field(wish).ok_or(Unreadable::NoField)?;
            Found::of(
                Layout::Json(Json::new(field.as_bytes())),
                format!("json, field {field}"),
            )
        }
        Format::Plain => Found::of(
            Layout::Delimited(Delimited::new(b"", 0)),
            "plain".to_owned(),
        ),
        Format::Any => Found::of(Layout::Any, "any".to_owned()),
    };
    found.skipped += mark;
    Ok(found)
}

impl Found {
    fn of(layout: Layout, description: String) -> Self {
        Self {
            layout,
            description,
            skipped: 0,
            headers: 0,
        }
    }
}

/// What no reader of lines can read, by its first bytes.
fn check_readable(head: &[u8]) -> Result<(), Unreadable> {
    const MAGIC: [(&[u8], &str, &str); 7] = [
        (b"\x1f\x8b", "gzip", "zcat"),
        (b"\x28\xb5\x2f\xfd", "zstd", "zstdcat"),
        (b"\xfd7zXZ\0", "xz", "xzcat"),
        (b"BZh", "bzip2", "bzcat"),
        (b"\x04\x22\x4d\x18", "lz4", "lz4cat"),
        (b"PK\x03\x04", "zip", "unzip -p"),
        (b"7z\xbc\xaf\x27\x1c", "7z", "7z x -so"),
    ];
    if let Some(&(_, kind, hint)) = MAGIC.iter().find(|(magic, ..)| head.starts_with(magic)) {
        return Err(Unreadable::Compressed { kind, hint });
    }
    // Latin letters in UTF-16 are every other byte NUL; a NUL here and there is dirt in some other text.
    let start = &head[..head.len().min(4096)];
    let nul = |odd: usize| {
        start
            .iter()
            .skip(odd)
            .step_by(2)
            .filter(|&&byte| byte == 0)
            .count()
    };
    let many = start.len() / 8;
    let (even, odd) = (nul(0), nul(1));
    let is_lopsided = (even > many && odd <= many / 8) || (odd > many && even <= many / 8);
    if head.starts_with(b"\xff\xfe")
        || head.starts_with(b"\xfe\xff")
        || (start.len() >= 8 && is_lopsided)
    {
        return Err(Unreadable::Utf16);
    }
    Ok(())
}

fn guess(sample: &Sample<'_>, wish: &Wish) -> Result<Format, Unreadable> {
    let adobe = Delimited::adobe();
    let many = sample.lines.len().div_ceil(4);
    if sample.lines.is_empty() {
        return Ok(Format::Plain);
    }
    // These are known by their shape: many records of theirs have no address. Hints put other lines between.
    if sample.count(|line| adobe.field(line).is_ok()) >= many {
        return Ok(Format::Adobe);
    }
    if sample.count(|line| memchr::memmem::find(line, b":::").is_some())
        >= sample.lines.len().div_ceil(2)
    {
        return Ok(Format::Gawker);
    }
    // Rows of a dump stand many on a line: a column of its lines would miss all but one.
    if sample.text.split(|&byte| byte == b'\n').any(is_insert) {
        return Ok(Format::Any);
    }
    let first = sample.text.trim_ascii_start();
    if first.starts_with(b"{") || first.starts_with(b"[") {
        if sample.json_field(wish).is_some() {
            return Ok(Format::Json);
        }
        if first[1..].trim_ascii_start().starts_with(b"\"") && first[0] == b'{' {
            return Err(Unreadable::NoField);
        }
    }
    if sample.lines[0].contains(&b'\t') && sample.header_delimiter(b'\t', wish) {
        return Ok(Format::Tsv);
    }
    if SEPARATORS[..5]
        .iter()
        .any(|&separator| sample.header_delimiter(separator, wish))
    {
        return Ok(Format::Csv);
    }
    let plain = sample.addresses(&Delimited::new(b"", 0));
    let combo = sample.best_combo(wish, &SEPARATORS);
    match combo {
        Some(best) if best.addresses > plain && best.addresses >= many => {
            Ok(match best.separator {
                b',' => Format::Csv,
                b'\t' => Format::Tsv,
                _ => Format::Combo,
            })
        }
        _ if plain >= many => Ok(Format::Plain),
        _ if any_address(sample.text) => Ok(Format::Any),
        _ => Err(Unreadable::NoFormat),
    }
}

fn is_insert(line: &[u8]) -> bool {
    const INSERT: &[u8] = b"insert into ";
    line.get(..INSERT.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(INSERT))
}

/// The lines of a head that are not blank.
struct Sample<'a> {
    text: &'a [u8],
    lines: Vec<&'a [u8]>,
}

struct Combo {
    separator: u8,
    column: usize,
    addresses: usize,
}

impl<'a> Sample<'a> {
    fn new(text: &'a [u8], is_all: bool) -> Self {
        let mut lines: Vec<_> = text.split(|&byte| byte == b'\n').take(SAMPLE + 1).collect();
        // The last may be cut.
        if lines.len() > 1 && (!is_all || lines.len() > SAMPLE) {
            lines.pop();
        }
        lines.retain(|line| !line.trim_ascii().is_empty());
        Self { text, lines }
    }

    fn count(&self, is_one: impl Fn(&[u8]) -> bool) -> usize {
        self.lines.iter().filter(|line| is_one(line)).count()
    }

    /// How many lines have a good address in this layout, and a separator if it has one.
    fn addresses(&self, layout: &Delimited) -> usize {
        self.count(|line| {
            layout.field(line).is_ok_and(|place| {
                let is_split =
                    layout.separator.is_empty() || place.len() < line.trim_ascii_end().len();
                is_split && is_address(&line[place])
            })
        })
    }

    /// The separator and column with most addresses, the first of equals.
    fn best_combo(&self, wish: &Wish, separators: &[u8]) -> Option<Combo> {
        let separators = wish
            .separator
            .as_ref()
            .map_or(separators, std::slice::from_ref);
        let columns = match wish.column {
            Some(Column::Number(number)) => number - 1..number,
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
                });
            }
        }
        best
    }

    /// A layout of bare fields whose address stands where the user says, or where most addresses are, or in `default`.
    fn delimited(
        &self,
        name: &str,
        separator: &[u8],
        wish: &Wish,
        default: usize,
    ) -> Result<Found, Unreadable> {
        let with = |column| Delimited::new(separator, column);
        let (column, is_named) = match &wish.column {
            Some(Column::Number(number)) => (number - 1, false),
            Some(Column::Name(name)) => {
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
        let mut found = Found::of(
            Layout::Delimited(with(column)),
            format!("{name}, column {}", column + 1),
        );
        if is_named {
            found.skip_first_line(self.text);
        }
        Ok(found)
    }

    /// A table with a header or without; bare fields for tabs, fields that may be quoted for all others.
    fn table(&self, delimiter: u8, wish: &Wish, name: &str) -> Result<Found, Unreadable> {
        let header = self.record(delimiter);
        let by_name = header_column(&header, wish);
        let column = match (&wish.column, by_name) {
            (Some(Column::Number(number)), _) => number - 1,
            (_, Some(column)) => column,
            (Some(Column::Name(_)), None) => return Err(Unreadable::NoColumn),
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
            return Ok(Found::of(
                Layout::Csv(Csv::new(delimiter, column, has_header)),
                description,
            ));
        }
        let mut found = Found::of(
            Layout::Delimited(Delimited::new(&[delimiter], column)),
            description,
        );
        if has_header {
            found.skip_first_line(self.text);
        }
        Ok(found)
    }

    /// Whether the first line, split at `delimiter`, names a column of addresses.
    fn header_delimiter(&self, delimiter: u8, wish: &Wish) -> bool {
        wish.separator
            .is_none_or(|separator| separator == delimiter)
            && header_column(&self.record(delimiter), wish).is_some()
    }

    fn csv_delimiter(&self, wish: &Wish) -> u8 {
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

    /// The field that the user named, or the known one with most addresses.
    fn json_field(&self, wish: &Wish) -> Option<String> {
        if let Some(Column::Name(name)) = &wish.column {
            return Some(name.clone());
        }
        let mut best = (0, None);
        for name in KNOWN {
            let rules = Rules::default();
            let mut tally = Tally::new(&rules);
            Json::new(name.as_bytes()).feed(self.text, &mut tally);
            let addresses = good_users(&mut tally);
            if addresses > best.0 {
                best = (addresses, Some(name.to_owned()));
            }
        }
        best.1
    }
}

impl Found {
    fn skip_first_line(&mut self, text: &[u8]) {
        self.skipped = memchr::memchr(b'\n', text).map_or(text.len(), |end| end + 1);
        self.headers = 1;
    }
}

/// The column of a header that the user named, or that has a known name.
fn header_column(header: &[Vec<u8>], wish: &Wish) -> Option<usize> {
    let find = |name: &str| header.iter().position(|field| is_name(field, name));
    match &wish.column {
        Some(Column::Name(name)) => find(name),
        Some(Column::Number(_)) => None,
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

fn any_address(text: &[u8]) -> bool {
    let rules = Rules::default();
    let mut tally = Tally::new(&rules);
    any::scan(text, &mut false, &mut tally);
    good_users(&mut tally) > 0
}

fn good_users(tally: &mut Tally<'_>) -> u64 {
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
fn shown(separator: u8) -> String {
    match separator {
        b'\t' => "tab".to_owned(),
        b' ' => "space".to_owned(),
        byte => format!("'{}'", byte.escape_ascii()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(format: Option<Format>, column: &str, separator: &[u8]) -> Wish {
        Wish {
            format,
            column: column.parse().ok(),
            separator: separator.first().copied(),
        }
    }

    fn found(text: &[u8], wish: &Wish) -> Result<(String, u64), Unreadable> {
        find(text, true, wish).map(|found| (found.description, found.headers))
    }

    #[test]
    fn formats_are_known_by_their_lines() {
        let guessed = Wish::default();
        for (text, description, headers) in [
            (
                &b"1-|--|-a@example.org-|-x-|-|--\n2-|--|--|-x-|-hint\nand more|--\n\nmore|--\n"[..],
                "adobe",
                0,
            ),
            (
                b"name:::hash:::a@example.org\nname:::hash:::NULL\nname:::hash:::\n",
                "gawker, column 3",
                0,
            ),
            (b"a@example.org:::hash:::name\n", "gawker, column 1", 0),
            (
                b"a@example.org:p@ss.word\nb@example.org:x;y\n",
                "combo with ':', column 1",
                0,
            ),
            (
                b"name:a@example.org:x\nname:b@example.org:y\n",
                "combo with ':', column 2",
                0,
            ),
            (b"a@example.org;x\n", "combo with ';', column 1", 0),
            (b"a@example.org|x\n", "combo with '|', column 1", 0),
            (b"a@example.org x y\n", "combo with space, column 1", 0),
            (b"1\ta@example.org\tx\n", "tsv, column 2", 0),
            (
                b"id\tMail\tx\n1\ta@example.org\tx\n",
                "tsv, column 2 (mail)",
                1,
            ),
            (
                b"\xef\xbb\xbf\"E-Mail\",name\r\n\"a@example.org\",x\r\n",
                "csv with ',', column 1 (e-mail)",
                0,
            ),
            (
                b"id;user_email;x\n1;a@example.org;x\n",
                "csv with ';', column 2 (user_email)",
                0,
            ),
            (
                b"1,\"a@example.org\",x\n2,\"b@example.org\",x\n",
                "csv with ',', column 2",
                0,
            ),
            (
                b"email\na@example.org\n",
                "csv with ',', column 1 (email)",
                0,
            ),
            (
                b"{\"id\":1,\"email\":\"a@example.org\"}\n",
                "json, field email",
                0,
            ),
            (
                b"[{\"id\":1,\"userEmail\":\"a@example.org\"}]",
                "json, field useremail",
                0,
            ),
            (b"a@example.org\nnobody\n\n", "plain", 0),
            (
                b"INSERT INTO t VALUES (1,'a@example.org','x'),(2,'b@example.org','y');\n",
                "any",
                0,
            ),
            (b"", "plain", 0),
            (b"\n\n", "plain", 0),
        ] {
            let told = String::from_utf8_lossy(text);
            assert_eq!(
                found(text, &guessed),
                Ok((description.to_owned(), headers)),
                "{told}"
            );
        }
    }

    #[test]
    fn what_the_user_says_holds() {
        for (text, wish, description) in [
            (
                &b"x@y.org;a@example.org\n"[..],
                wish(Some(Format::Combo), "2", b";"),
                "combo with ';', column 2",
            ),
            (
                b"who;where\nx;a@example.org\n",
                wish(None, "where", b""),
                "csv with ';', column 2",
            ),
            (
                b"who,where\nx,a@example.org\n",
                wish(Some(Format::Csv), "2", b""),
                "csv with ',', column 2",
            ),
            (
                b"nothing here\n",
                wish(Some(Format::Plain), "", b""),
                "plain",
            ),
            (
                b"{\"where\":\"a@example.org\"}\n",
                wish(None, "where", b""),
                "json, field where",
            ),
            (
                b"1:::2\n",
                wish(Some(Format::Gawker), "", b""),
                "gawker, column 3",
            ),
        ] {
            let told = String::from_utf8_lossy(text);
            assert_eq!(
                found(text, &wish).map(|found| found.0).as_deref(),
                Ok(description),
                "{told}"
            );
        }
    }

    #[test]
    fn names_out_of_a_list_are_not_shown() {
        let text = b"secret@example.org,other@example.org\na@example.org,b@example.org\n";
        assert_eq!(
            found(text, &Wish::default()),
            Ok(("csv with ',', column 1".to_owned(), 0))
        );
        let text = b"{\"secret@example.org\":\"a@example.org\"}\n";
        assert_eq!(found(text, &Wish::default()), Err(Unreadable::NoField));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let utf16: Vec<u8> = "a@example.org\nb@example.org\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let marked: Vec<u8> = "\u{feff}x"
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        for text in [&utf16, &marked] {
            assert_eq!(found(text, &Wish::default()), Err(Unreadable::Utf16));
        }
        let gzip = found(b"\x1f\x8b\x08\0", &wish(Some(Format::Plain), "", b"")).unwrap_err();
        assert!(gzip.to_string().contains("zcat"), "{gzip}");
        let zstd = found(b"\x28\xb5\x2f\xfd\0", &Wish::default()).unwrap_err();
        assert!(zstd.to_string().contains("zstdcat"), "{zstd}");
        assert_eq!(
            found(b"one\ntwo\n", &Wish::default()),
            Err(Unreadable::NoFormat)
        );
        assert_eq!(
            found(b"one,two\n1,2\n", &wish(None, "three", b",")),
            Err(Unreadable::NoFormat)
        );
        assert_eq!(
            found(b"one,two\n1,2\n", &wish(Some(Format::Csv), "three", b"")),
            Err(Unreadable::NoColumn)
        );
        assert_eq!(
            found(b"{\"a\":1}\n", &Wish::default()),
            Err(Unreadable::NoField)
        );
    }
}
