//! What an earlier run has answered already (`--resume`): a subject with a final answer is emitted as it stands.

use std::fs::File;
use std::io::{self, BufReader, Read as _};
use std::net::IpAddr;
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use hashbrown::HashMap;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::seen::Subjects;
use crate::ndjson::{Lines, Read1};
use crate::program::Stream;
use crate::record::{Event, Outcome, Reason, Run};

/// The key of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key<'a> {
    /// `domain`, by name.
    Domain(&'a str),
    /// `smtp`, by address and port.
    Smtp(IpAddr, u16),
    /// `tls`, by address and port, and by server name where each name was asked (`--sni each`).
    Tls(IpAddr, u16, Option<&'a str>),
    /// `cert`, by SHA-256.
    Cert(&'a str),
}

/// Something that holds the lines of an earlier run.
pub trait Earlier: Send {
    /// The line of a subject, without a line feed.
    fn line(&mut self, key: Key<'_>) -> anyhow::Result<Option<Vec<u8>>>;

    /// Whether a run of ours wrote it: it has a `run` line, or nothing at all yet.
    fn is_of_a_run(&self) -> bool;

    /// The `run` start lines of a stage, oldest first.
    fn starts(&mut self, stage: &str) -> anyhow::Result<Vec<Run>>;
}

/// Answers of an earlier run, and which of them count.
pub struct Resume {
    earlier: Box<dyn Earlier>,
    /// Reasons to measure again beside those that are never final.
    remeasure: Vec<Reason>,
}

impl std::fmt::Debug for Resume {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resume")
            .field("remeasure", &self.remeasure)
            .finish_non_exhaustive()
    }
}

impl Resume {
    /// What `--resume` names, checked to fit, and the runs of `stage` in it. `database` opens what is no NDJSON.
    pub fn open(
        stream: &Stream,
        stage: &str,
        settings: &Map<String, Value>,
        database: OpenDatabase,
    ) -> anyhow::Result<(Option<Self>, Vec<String>)> {
        let Some(path) = &stream.resume else {
            return Ok((None, Vec::new()));
        };
        refuse_own_output(path)?;
        let earlier =
            earlier(path, database).with_context(|| format!("--resume {}", path.display()))?;
        if !earlier.is_of_a_run() {
            bail!(
                "--resume {}: no run in it, so it is no output of an earlier one",
                path.display()
            );
        }
        let mut resume = Self::new(earlier, stream.remeasure.clone());
        let nothing = Map::new();
        let runs = resume.check(stage, if stream.force { &nothing } else { settings })?;
        Ok((Some(resume), runs))
    }

    /// Answers from `earlier`, those with a reason in `remeasure` left out.
    pub fn new(earlier: Box<dyn Earlier>, remeasure: Vec<Reason>) -> Self {
        Self { earlier, remeasure }
    }

    /// The line that answers a subject finally.
    pub fn answer(&mut self, key: Key<'_>) -> anyhow::Result<Option<Vec<u8>>> {
        #[derive(Deserialize)]
        struct Ended {
            outcome: Option<Outcome>,
        }
        let Some(line) = self.earlier.line(key)? else {
            return Ok(None);
        };
        let reason = serde_json::from_slice::<Ended>(&line)?
            .outcome
            .map_or(Reason::Ok, |outcome| outcome.reason);
        Ok((reason.is_final() && !self.remeasure.contains(&reason)).then_some(line))
    }

    /// The runs of `stage` in there; an error names the first setting that differs from `settings`.
    pub fn check(
        &mut self,
        stage: &str,
        settings: &Map<String, Value>,
    ) -> anyhow::Result<Vec<String>> {
        let starts = self.earlier.starts(stage)?;
        for start in &starts {
            for (name, now) in settings {
                if let Some(then) = start.settings.get(name).filter(|then| *then != now) {
                    anyhow::bail!(
                        "--resume: {name} was {then} in run {}, and is {now} now; --force mixes the two",
                        start.id
                    );
                }
            }
        }
        Ok(starts.into_iter().map(|start| start.id).collect())
    }
}

/// Opens a file as a database of an earlier run; `None`: it is none, going by its first bytes.
pub type OpenDatabase = fn(&Path, &[u8]) -> anyhow::Result<Option<Box<dyn Earlier>>>;

fn earlier(path: &Path, database: OpenDatabase) -> anyhow::Result<Box<dyn Earlier>> {
    let mut head = Vec::new();
    File::open(path)?.take(16).read_to_end(&mut head)?;
    match database(path, &head)? {
        Some(survey) => Ok(survey),
        None => Ok(Box::new(Ndjson::open(path)?)),
    }
}

/// Reading what one writes would never end.
fn refuse_own_output(path: &Path) -> anyhow::Result<()> {
    let stdout = File::from(io::stdout().as_fd().try_clone_to_owned()?).metadata()?;
    let file = path
        .metadata()
        .with_context(|| format!("--resume {}", path.display()))?;
    if (stdout.dev(), stdout.ino()) == (file.dev(), file.ino()) && file.is_file() {
        bail!(
            "--resume {} is this program's own output; rename it first",
            path.display()
        );
    }
    Ok(())
}

/// An NDJSON file, indexed by subject: 32 bytes a line.
#[derive(Debug)]
pub struct Ndjson {
    file: File,
    subjects: Subjects,
    /// Subject to the place of its last line.
    index: HashMap<u128, (u64, u32)>,
    starts: Vec<Run>,
    /// No line of it is whole.
    is_blank: bool,
}

impl Ndjson {
    /// Reads and indexes a file; a torn last line is passed over.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let mut index = Self {
            file,
            subjects: Subjects::new(),
            index: HashMap::new(),
            starts: Vec::new(),
            is_blank: true,
        };
        let mut lines = Lines::new(BufReader::with_capacity(256 << 10, File::open(path)?));
        let mut at = 0;
        while let Some(read) = lines.next()? {
            match read {
                Read1::Line(line) => {
                    index.take(&line.bytes, at);
                    index.is_blank &= line.torn;
                    at += line.bytes.len() as u64 + u64::from(!line.torn);
                }
                Read1::TooLong(number) => {
                    return Err(io::Error::other(format!(
                        "line {number} is too long for a record"
                    )));
                }
            }
        }
        Ok(index)
    }

    fn take(&mut self, line: &[u8], at: u64) {
        #[derive(Deserialize)]
        struct Subject<'a> {
            #[serde(rename = "type")]
            kind: &'a str,
            domain: Option<std::borrow::Cow<'a, str>>,
            ip: Option<IpAddr>,
            port: Option<u16>,
            #[serde(borrow)]
            server_name: Option<std::borrow::Cow<'a, str>>,
            sha256: Option<&'a str>,
        }
        // What cannot be read answers nothing, and is measured again.
        let Ok(subject) = serde_json::from_slice::<Subject<'_>>(line) else {
            return;
        };
        let place = (at, line.len() as u32);
        let mut put = |key: Key<'_>| self.index.insert(self.subjects.hash(&key), place);
        match (
            subject.kind,
            &subject.domain,
            subject.ip.zip(subject.port),
            subject.sha256,
        ) {
            ("domain", Some(domain), ..) => drop(put(Key::Domain(domain))),
            ("smtp", _, Some((ip, port)), _) => drop(put(Key::Smtp(ip, port))),
            ("tls", _, Some((ip, port)), _) => {
                put(Key::Tls(ip, port, None));
                if let Some(name) = &subject.server_name {
                    put(Key::Tls(ip, port, Some(name)));
                }
            }
            ("cert", .., Some(sha256)) => drop(put(Key::Cert(sha256))),
            ("run", ..) => {
                self.starts.extend(
                    serde_json::from_slice::<Run>(line)
                        .ok()
                        .filter(|run| run.event == Event::Start),
                );
            }
            _ => {}
        }
    }
}

impl Earlier for Ndjson {
    fn line(&mut self, key: Key<'_>) -> anyhow::Result<Option<Vec<u8>>> {
        let Some(&(at, length)) = self.index.get(&self.subjects.hash(&key)) else {
            return Ok(None);
        };
        let mut line = vec![0; length as usize];
        self.file.read_exact_at(&mut line, at)?;
        Ok(Some(line))
    }

    fn is_of_a_run(&self) -> bool {
        !self.starts.is_empty() || self.is_blank
    }

    fn starts(&mut self, stage: &str) -> anyhow::Result<Vec<Run>> {
        Ok(self
            .starts
            .iter()
            .filter(|run| run.stage == stage)
            .cloned()
            .collect())
    }
}
