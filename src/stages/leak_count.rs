//! What `leak-count` writes: a `run` line, the counts of each list, a `run` line; and what it says about them.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use crate::leak::{self, List, Settings, Watch};
use crate::ndjson;
use crate::program::Status;
use crate::program::runs::Runs;

/// Counts and writes all lists.
///
/// # Errors
///
/// Those of reading the lists and of writing.
pub fn write(
    lists: &[List],
    settings: &Settings,
    min_users: u64,
    is_quiet: bool,
    watch: &Watch,
    mut out: impl Write,
) -> anyhow::Result<Status> {
    let mut runs = Runs::start("leak-count", &settings.facts(min_users), &[], None);
    // A list of addresses is not hashed.
    runs.leave_out();
    out.write_all(&runs.start_line())?;
    out.flush()?;
    let mut counts = BTreeMap::new();
    let mut is_whole = true;
    for list in lists {
        let count = leak::count(list, settings, watch)?;
        for line in count.report(min_users, is_quiet) {
            // Nobody listens: that is no reason not to count.
            let _ = writeln!(io::stderr(), "leak-count: {}", ndjson::printable(&line));
        }
        for listed in count.listed(min_users, &runs.id) {
            out.write_all(&ndjson::to_line(&listed))?;
        }
        if let Some(other) = count.other(min_users, &runs.id) {
            out.write_all(&ndjson::to_line(&other))?;
        }
        count.add_to(&mut counts);
        is_whole &= !count.has_problem() && !watch.is_stopped();
    }
    runs.interrupted = watch.is_stopped();
    out.write_all(&runs.end_line(&HashMap::new(), counts, BTreeMap::new()))?;
    out.flush()?;
    Ok(if is_whole {
        Status::Complete
    } else {
        Status::Partial
    })
}
