//! Worlds that are made: the one of the 2014 study, small or full, random ones whose truth is known, and one with a
//! domain for every problem.
//!
//! A world is made into a directory: `world.ndjson` for `mail-lab`, `domains.csv` (`rank,name`) for `mx-lookup`,
//! `adobe.txt`, `gawker.txt` and `sony.txt` in the formats of the leaked lists for `leak-count`, `messages.mbox` for
//! `header-trace`, and `truth.ndjson` with what a survey has to find for each domain. Or one of the lists goes to
//! standard output, for a list of its full size that nobody wants to store.

mod addresses;
mod messages;
mod names;
mod outputs;
mod policies;
pub mod problems;
mod random;
mod study;

use std::path::Path;

use anyhow::Context;

pub use outputs::ListName;
use outputs::Outputs;

/// Which world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorldKind {
    /// The study's, ranks 1 to 20,000.
    Study2014Small,
    /// The study's, ranks 1 to 1,000,000.
    Study2014Full,
    /// A random one.
    Random,
    /// One domain for every problem that can be found.
    Problems,
}

impl std::str::FromStr for WorldKind {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "2014-small" => Ok(Self::Study2014Small),
            "2014-full" => Ok(Self::Study2014Full),
            "random" => Ok(Self::Random),
            "problems" => Ok(Self::Problems),
            _ => Err("2014-small, 2014-full, random or problems".into()),
        }
    }
}

/// What is to be made.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Which world.
    pub kind: WorldKind,
    /// Of so many lines of the Adobe list, one is written.
    pub shorten: u64,
    /// Whether the servers of 2014 have the ciphers of then, as far as the first flight, or the TLS of today.
    pub old_ciphers: bool,
    /// For random worlds.
    pub seed: u64,
    /// For random worlds: how many domains.
    pub domains: u64,
}

/// Where it goes.
#[derive(Clone, Copy, Debug)]
pub enum WorldTarget<'a> {
    /// All of it into a directory.
    Directory(&'a Path),
    /// A list to standard output.
    List(ListName),
}

/// Makes a world.
pub fn generate(request: Request, target: WorldTarget<'_>) -> anyhow::Result<()> {
    let (mut outputs, named) = match target {
        WorldTarget::Directory(directory) => {
            let named = directory.display().to_string();
            std::fs::create_dir_all(directory).with_context(|| named.clone())?;
            if request.kind == WorldKind::Problems {
                return problems::make(directory);
            }
            (Outputs::create(directory, request.shorten)?, named)
        }
        WorldTarget::List(list) => (
            Outputs::list_alone(list, request.shorten)?,
            "standard output".to_owned(),
        ),
    };
    match request.kind {
        WorldKind::Study2014Small => study::make("small", request.old_ciphers, &mut outputs),
        WorldKind::Study2014Full => study::make("full", request.old_ciphers, &mut outputs),
        WorldKind::Random => random::make(request.seed, request.domains, &mut outputs),
        WorldKind::Problems => anyhow::bail!("the world of problems has no lists"),
    }?;
    outputs.finish().context(named)
}
