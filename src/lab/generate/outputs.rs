//! The files of a made world.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use serde::Serialize;

use super::super::world::{WorldName, WorldServer};
use crate::program::output::Stdout;

/// The files, open for writing.
pub struct Outputs {
    world: Sink,
    domains: Sink,
    truth: Sink,
    /// Messages between providers, in the mbox format.
    pub messages: Sink,
    /// The Adobe list, shortened.
    pub adobe: AccountList,
    /// The Gawker list, whole.
    pub gawker: AccountList,
    /// The Sony list, whole.
    pub sony: AccountList,
}

/// A file, or nowhere.
type Sink = BufWriter<Box<dyn Write>>;

fn sink(write: impl Write + 'static) -> Sink {
    BufWriter::with_capacity(1 << 18, Box::new(write))
}

impl Outputs {
    /// Creates the files; those of an earlier world are replaced.
    pub fn create(directory: &Path, shorten: u64) -> anyhow::Result<Self> {
        let create = |name: &str| {
            let path = directory.join(name);
            File::create(&path)
                .map(sink)
                .with_context(|| path.display().to_string())
        };
        Ok(Self {
            world: create("world.ndjson")?,
            domains: create("domains.csv")?,
            truth: create("truth.ndjson")?,
            messages: create("messages.mbox")?,
            adobe: AccountList::new(create("adobe.txt")?, Format::Adobe, shorten),
            gawker: AccountList::new(create("gawker.txt")?, Format::Gawker, 1),
            sony: AccountList::new(create("sony.txt")?, Format::Plain, 1),
        })
    }

    /// One list to standard output, and no files.
    ///
    /// # Errors
    ///
    /// There is no standard output.
    pub fn list_alone(list: ListName, shorten: u64) -> io::Result<Self> {
        let mut stdout = Some(Stdout::open()?);
        let mut out = |name| match stdout.take_if(|_| name == list) {
            Some(stdout) => sink(stdout),
            None => sink(io::sink()),
        };
        let none = || sink(io::sink());
        let mut make = |name, format, shorten| AccountList {
            is_wanted: name == list,
            ..AccountList::new(out(name), format, shorten)
        };
        Ok(Self {
            world: none(),
            domains: none(),
            truth: none(),
            messages: none(),
            adobe: make(ListName::Adobe, Format::Adobe, shorten),
            gawker: make(ListName::Gawker, Format::Gawker, 1),
            sony: make(ListName::Sony, Format::Plain, 1),
        })
    }

    /// The first line of the world: what it is, and what its marks mean.
    pub fn head(&mut self, about: &impl Serialize) -> io::Result<()> {
        line(&mut self.world, "world", about, None::<&()>)
    }

    /// A DNS name.
    pub fn name(&mut self, name: &WorldName, about: Option<&impl Serialize>) -> io::Result<()> {
        line(&mut self.world, "name", name, about)
    }

    /// A mail server.
    pub fn server(&mut self, server: &WorldServer, about: &impl Serialize) -> io::Result<()> {
        line(&mut self.world, "server", server, Some(about))
    }

    /// A domain that is to be surveyed.
    pub fn domain(&mut self, rank: u64, name: &str) -> io::Result<()> {
        writeln!(self.domains, "{rank},{name}")
    }

    /// What a survey has to find.
    pub fn truth(&mut self, truth: &impl Serialize) -> io::Result<()> {
        line(&mut self.truth, "truth", truth, None::<&()>)
    }

    /// Writes out what is held.
    pub fn finish(mut self) -> anyhow::Result<()> {
        for file in [
            &mut self.world,
            &mut self.domains,
            &mut self.truth,
            &mut self.messages,
            &mut self.adobe.file,
            &mut self.gawker.file,
            &mut self.sony.file,
        ] {
            file.flush()?;
        }
        Ok(())
    }
}

/// `{"type":KIND, the fields of `body`, "about":…}`.
fn line(
    file: &mut impl Write,
    kind: &str,
    body: &impl Serialize,
    about: Option<&impl Serialize>,
) -> io::Result<()> {
    let mut json = serde_json::to_vec(body)?;
    if let Some(about) = about {
        json.pop();
        json.extend_from_slice(b",\"about\":");
        serde_json::to_writer(&mut json, about)?;
        json.push(b'}');
    }
    write!(file, "{{\"type\":\"{kind}\",")?;
    file.write_all(&json[1..])?;
    file.write_all(b"\n")
}

/// A list of accounts that is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListName {
    /// Adobe's of 2013.
    Adobe,
    /// Gawker's of 2010.
    Gawker,
    /// Sony's of 2011.
    Sony,
}

impl std::str::FromStr for ListName {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "adobe" => Ok(Self::Adobe),
            "gawker" => Ok(Self::Gawker),
            "sony" => Ok(Self::Sony),
            _ => Err("adobe, gawker or sony".into()),
        }
    }
}

/// A list of accounts, shortened evenly: of the users of the domains so far, every so many-th has a line.
pub struct AccountList {
    file: Sink,
    format: Format,
    is_wanted: bool,
    shorten: u64,
    users: u64,
    lines: u64,
}

#[derive(Clone, Copy)]
enum Format {
    Adobe,
    Gawker,
    Plain,
}

impl AccountList {
    fn new(file: Sink, format: Format, shorten: u64) -> Self {
        Self {
            file,
            format,
            is_wanted: true,
            shorten: shorten.max(1),
            users: 0,
            lines: 0,
        }
    }

    /// The users of the next domain.
    pub fn add(&mut self, domain: &str, users: u64) -> io::Result<()> {
        self.users += users;
        if !self.is_wanted {
            return Ok(());
        }
        while self.lines < self.users / self.shorten {
            self.lines += 1;
            let user = self.lines;
            match self.format {
                Format::Adobe => writeln!(
                    self.file,
                    "{user}-|--|-u{user:x}@{domain}-|-EQ7fIpT7i/Q=-|-the usual|--"
                )?,
                Format::Gawker => {
                    writeln!(self.file, "u{user:x}:::xyEQ7fIpT7iQw:::u{user:x}@{domain}")?;
                }
                Format::Plain => writeln!(self.file, "u{user:x}@{domain}")?,
            }
        }
        Ok(())
    }
}
