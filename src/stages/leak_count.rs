//! What `leak-count` writes: a `run` line, the counts of each list, a `run` line; and what it says about them.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::num::NonZeroUsize;

use clap::ValueEnum as _;
use serde_json::{Map, Value};

use crate::leak::{self, AddressColumn, Aliases, CountSettings, LeakFormat, LeakList, Watch, Wish};
use crate::ndjson;
use crate::program::runs::Runs;
use crate::program::{RunStatus, say};

/// Options of how to count.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Counting {
    /// The format (else it is guessed from the first lines, and said)
    #[arg(long, value_enum)]
    pub format: Option<LeakFormat>,
    /// Where the address stands: a column by its name or its number, from 1; a field of JSON by its name
    #[arg(long, visible_alias = "field", value_name = "NAME|N")]
    pub column: Option<AddressColumn>,
    /// What stands between two fields of combo and csv: a character, tab or space
    #[arg(long, value_name = "CHAR", value_parser = separator)]
    pub separator: Option<u8>,
    /// Count each address once (16 bytes of memory and more for each)
    #[arg(long)]
    pub unique: bool,
    /// Domains that count as others: lines of an alias and its target, such as "gmial.com gmail.com"
    #[arg(long, value_name = "FILE", value_parser = Aliases::read)]
    pub aliases: Option<Aliases>,
    /// Threads that read a file (default: one a core); pipes, CSV and JSON are read by one
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Name the first ten lines of each cause that are not counted, by number only; slow
    #[arg(long)]
    pub debug: bool,
    /// Fold domains with fewer users into one `other` record; use 10 or more before you publish
    #[arg(long, value_name = "K", default_value_t = 1)]
    pub min_users: u64,
}

impl Counting {
    /// How to count, for the library.
    fn settings(self) -> CountSettings {
        CountSettings {
            wish: Wish {
                format: self.format,
                column: self.column,
                separator: self.separator,
            },
            unique: self.unique,
            aliases: self.aliases,
            threads: self.threads,
            debug: self.debug,
        }
    }

    /// What changes a record, for the `run` line.
    fn facts(&self) -> Map<String, Value> {
        let format = self.format.and_then(|format| format.to_possible_value());
        let name = (format.as_ref()).map_or("guessed", |format| format.get_name());
        let mut facts = Map::new();
        facts.insert("format".into(), name.into());
        facts.insert("unique".into(), self.unique.into());
        facts.insert("aliases".into(), self.aliases.is_some().into());
        facts.insert("min_users".into(), self.min_users.into());
        facts
    }
}

fn separator(text: &str) -> Result<u8, &'static str> {
    match (text, text.as_bytes()) {
        ("tab" | "\\t", _) => Ok(b'\t'),
        ("space", _) => Ok(b' '),
        (_, &[byte])
            if byte.is_ascii_punctuation() && !b"@.-\"".contains(&byte) || byte == b' ' =>
        {
            Ok(byte)
        }
        (_, b"\t") => Ok(b'\t'),
        _ => Err("a separator is one mark (not @, dot, hyphen or quote), tab or space"),
    }
}

/// Counts and writes all lists.
///
/// # Errors
///
/// Those of reading the lists and of writing.
pub fn write(
    lists: &[LeakList],
    counting: Counting,
    vantage: Option<&str>,
    is_quiet: bool,
    watch: &Watch,
    mut out: impl Write,
) -> anyhow::Result<RunStatus> {
    let mut runs = Runs::start("leak-count", &counting.facts(), &[], vantage);
    // A list of addresses is not hashed.
    runs.leave_out();
    out.write_all(&runs.start_line())?;
    out.flush()?;
    let min_users = counting.min_users;
    let settings = counting.settings();
    let mut counts = BTreeMap::new();
    let (mut is_whole, mut has_foreign) = (true, false);
    for list in lists {
        let count = leak::count(list, &settings, watch)?;
        for line in count.report(min_users, is_quiet) {
            say("leak-count", &line);
        }
        for listed in count.listed(min_users, &runs.id) {
            out.write_all(&ndjson::to_line(&listed))?;
        }
        if let Some(other) = count.other(min_users, &runs.id) {
            out.write_all(&ndjson::to_line(&other))?;
        }
        count.add_to(&mut counts);
        has_foreign |= count.has_foreign();
        is_whole &= !count.has_problem() && !watch.is_stopped();
    }
    runs.interrupted = watch.is_stopped();
    out.write_all(&runs.end_line(&HashMap::new(), counts, BTreeMap::new()))?;
    out.flush()?;
    Ok(if has_foreign {
        RunStatus::Failed
    } else {
        RunStatus::if_whole(is_whole)
    })
}
