//! The formats of lists, as a user names them, as they are read, and what cannot be read at all.

use super::csv::Csv;
use super::delimited::Delimited;
use super::json::Json;
use crate::ndjson::magic::Foreign;

/// What a user can call the format of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "programs", derive(clap::ValueEnum))]
pub enum LeakFormat {
    /// userid-|-username-|-email-|-password-|-hint|--, the Adobe list of 2013
    Adobe,
    /// user:::hash:::email, the Gawker list of 2010
    Gawker,
    /// email:password and the like, a separator between bare fields
    Combo,
    /// url:address:password, as password stealers write
    Url,
    /// Fields that may be quoted, with a header or without
    Csv,
    /// Fields between tabs, with a header or without
    Tsv,
    /// JSON objects: one a line, in an array, or spread over lines
    Json,
    /// One address a line
    Plain,
    /// Every token that looks like an address (passwords that do as well)
    Any,
}

/// A column of a table, or a field of JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressColumn {
    /// By its place, from 1.
    Number(usize),
    /// By its name.
    Name(String),
}

impl std::str::FromStr for AddressColumn {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(0) => Err("columns are counted from 1"),
            Ok(number) => Ok(Self::Number(number)),
            Err(_) if text.is_empty() => Err("a column has a name or a number"),
            Err(_) => Ok(Self::Name(text.to_owned())),
        }
    }
}

/// What the user said about the format; the rest is guessed.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// The format.
    pub format: Option<LeakFormat>,
    /// Where the address stands: a column by its name or its number, from 1; a field of JSON by its name.
    pub column: Option<AddressColumn>,
    /// What stands between two fields of combo and csv.
    pub separator: Option<u8>,
}

/// How to read an input.
#[derive(Clone, Debug)]
pub enum Layout {
    /// A record a line.
    Delimited(Delimited),
    /// A table with quoted fields.
    Csv(Csv),
    /// JSON.
    Json(Json),
    /// No known shape.
    Any,
}

impl Layout {
    /// Whether a record, or token, never goes on behind the end of a line, so that a file can be cut there.
    pub fn ends_with_lines(&self) -> bool {
        matches!(self, Self::Delimited(_) | Self::Any)
    }
}

/// The layout of an input.
#[derive(Clone, Debug)]
pub struct FoundFormat {
    /// How to read it.
    pub layout: Layout,
    /// The same for people.
    pub description: String,
    /// Bytes in front that are no record: a byte order mark, the names of columns.
    pub skipped: usize,
    /// Lines in front that are names of columns.
    pub headers: u64,
}

impl FoundFormat {
    /// A layout of the whole input.
    pub fn new(layout: Layout, description: String) -> Self {
        Self {
            layout,
            description,
            skipped: 0,
            headers: 0,
        }
    }

    /// The first line of `text` names the columns.
    pub fn skip_first_line(&mut self, text: &[u8]) {
        self.skipped = memchr::memchr(b'\n', text).map_or(text.len(), |end| end + 1);
        self.headers = 1;
    }
}

/// Why an input cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// By its first bytes.
    #[error(transparent)]
    Foreign(#[from] Foreign),
    /// A table without a column that could hold addresses.
    #[error(
        "no column of addresses found (no header names one that is asked for); say which with --column"
    )]
    NoColumn,
    /// JSON whose field of addresses is not known.
    #[error("JSON, and no known field holds addresses; say which with --field")]
    NoField,
    /// Nothing in the head looks like an address.
    #[error("no address in its first lines, whatever the format; name the format with --format")]
    NoFormat,
}
