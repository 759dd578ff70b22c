//! What an earlier run has answered already (`--resume`): a subject with a final answer is emitted as it stands.

use std::borrow::Cow;
use std::fmt::Display;
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

use super::key::Key;
use super::seen::Subjects;
use crate::ndjson::{Lines, NotARecord, Read1, tag};
use crate::program::Stream;
use crate::record::{Event, Outcome, Reason, Record as _, Run};

/// Something that holds the lines of an earlier run.
pub trait Earlier: Send {
    /// The line of a subject, without a line feed.
    ///
    /// # Errors
    ///
    /// Those of reading it.
    fn line(&mut self, key: &Key<'_>) -> anyhow::Result<Option<Vec<u8>>>;

    /// Whether a run of ours wrote it: it has a `run` line, or nothing at all yet.
    fn is_of_a_run(&self) -> bool;

    /// Lines that could not be read and answer nothing: number and why, the first few, and how many there are in all.
    fn faults(&self) -> (&[(u64, String)], u64) {
        (&[], 0)
    }

    /// The `run` start lines of a stage, oldest first.
    ///
    /// # Errors
    ///
    /// Those of reading it.
    fn starts(&mut self, stage: &str) -> anyhow::Result<Vec<Start>>;
}

/// The beginning of an earlier run: of its `run` line as much as a continuation needs, whatever else other versions write there.
#[derive(Clone, Debug, Deserialize)]
pub struct Start {
    event: Event,
    /// Its id.
    pub id: String,
    /// The program.
    pub stage: String,
    /// The settings that change a record.
    #[serde(default)]
    pub settings: Map<String, Value>,
}

impl Start {
    /// Reads a `run` line; `None`: the one of an end.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn read(line: &[u8]) -> Result<Option<Self>, String> {
        let start: Self = read(line)?;
        Ok((start.event == Event::Start).then_some(start))
    }
}

/// Answers of an earlier run, and which of them count.
pub struct Resume {
    earlier: Box<dyn Earlier>,
    /// What it is called.
    name: String,
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
        let mut resume = Self {
            earlier,
            name: path.display().to_string(),
            remeasure: stream.remeasure.clone(),
        };
        let nothing = Map::new();
        let runs = resume.check(stage, if stream.force { &nothing } else { settings })?;
        Ok((Some(resume), runs))
    }

    /// The line that answers a subject finally.
    ///
    /// # Errors
    ///
    /// Those of reading the earlier run.
    pub fn answer(&mut self, key: &Key<'_>) -> anyhow::Result<Option<Vec<u8>>> {
        #[derive(Deserialize)]
        struct Ended {
            outcome: Option<Outcome>,
        }
        let Some(line) = self.earlier.line(key)? else {
            return Ok(None);
        };
        // One without an outcome that can be read is no answer: the subject is measured again.
        let Ok(Ended { outcome }) = serde_json::from_slice(&line) else {
            return Ok(None);
        };
        let reason = outcome.map_or(Reason::Ok, |outcome| outcome.reason);
        Ok((reason.is_final() && !self.remeasure.contains(&reason)).then_some(line))
    }

    /// Reports the lines of the earlier run that could not be read: what, and why.
    pub fn faults(&self, mut report: impl FnMut(&dyn Display, &dyn Display)) {
        let (first, all) = self.earlier.faults();
        for (number, why) in first {
            report(&format_args!("{}: line {number}", self.name), why);
        }
        for _ in first.len() as u64..all {
            report(&self.name, &"not understood");
        }
    }

    /// The runs of `stage` in there; an error names the first setting that differs from `settings`.
    fn check(&mut self, stage: &str, settings: &Map<String, Value>) -> anyhow::Result<Vec<String>> {
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

/// An answer of an earlier run on its way into the stream.
pub struct Resumed<'a> {
    resume: &'a mut Resume,
    lines: &'a mut Vec<u8>,
    emitted: u64,
}

impl<'a> Resumed<'a> {
    pub(super) fn new(resume: &'a mut Resume, lines: &'a mut Vec<u8>) -> Self {
        Self {
            resume,
            lines,
            emitted: 0,
        }
    }

    /// Writes a line of the earlier run as it stands.
    pub fn emit(&mut self, line: &[u8]) {
        self.lines.extend_from_slice(line);
        self.lines.push(b'\n');
        self.emitted += 1;
    }

    /// Another line of the earlier run, if it answers its subject finally.
    ///
    /// # Errors
    ///
    /// Those of reading the earlier run.
    pub fn answer(&mut self, key: &Key<'_>) -> anyhow::Result<Option<Vec<u8>>> {
        self.resume.answer(key)
    }

    pub(super) fn emitted(&self) -> u64 {
        self.emitted
    }
}

impl std::fmt::Debug for Resumed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resumed")
            .field("emitted", &self.emitted)
            .finish_non_exhaustive()
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
    starts: Vec<Start>,
    /// The first lines that could not be read, and how many there are.
    faults: (Vec<(u64, String)>, u64),
    /// No line of it is whole.
    is_blank: bool,
}

/// Faults that are kept with their words.
const FAULTS: usize = 10;

impl Ndjson {
    /// Reads and indexes a file; a torn last line is passed over.
    ///
    /// # Errors
    ///
    /// Those of opening and reading it.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut index = Self {
            file: File::open(path)?,
            subjects: Subjects::new(),
            index: HashMap::new(),
            starts: Vec::new(),
            faults: (Vec::new(), 0),
            is_blank: true,
        };
        let mut lines = Lines::new(BufReader::with_capacity(256 << 10, File::open(path)?));
        while let Some(read) = lines.next()? {
            match read {
                Read1::Line(line) => {
                    let start = lines.position() - line.bytes.len() as u64 - u64::from(!line.torn);
                    let taken = index.take(&line.bytes, start);
                    index.is_blank &= line.torn;
                    match taken {
                        Err(why) if !line.torn && !line.is_blank() => index.fault(line.number, why),
                        _ => {}
                    }
                }
                Read1::TooLong(number) => index.fault(number, NotARecord::TooLong.to_string()),
            }
        }
        Ok(index)
    }

    fn fault(&mut self, number: u64, why: String) {
        let (first, all) = &mut self.faults;
        *all += 1;
        if first.len() < FAULTS {
            first.push((number, why));
        }
    }

    /// Indexes a line; of a type that answers no subject, nothing is looked at.
    fn take(&mut self, line: &[u8], start: u64) -> Result<(), String> {
        let kind = tag(line).map_err(|why| why.to_string())?;
        if kind == Run::TYPE {
            self.starts.extend(Start::read(line)?);
            return Ok(());
        }
        let subject = match &*kind {
            "domain" | "policy" | "sts" | "network" | "smtp" | "tls" | "cert" => {
                read::<Answered<'_>>(line)?
            }
            _ => return Ok(()),
        };
        let keys = subject.keys(&kind).ok_or("its key is not whole")?;
        for key in keys.into_iter().flatten() {
            self.index
                .insert(self.subjects.hash(&key), (start, line.len() as u32));
        }
        Ok(())
    }
}

fn read<'a, T: Deserialize<'a>>(line: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(line).map_err(|error| crate::ndjson::describe(&error))
}

/// A line that may answer a subject: its key, and whether its outcome can be read.
#[derive(Deserialize)]
struct Answered<'a> {
    #[serde(borrow)]
    domain: Option<Cow<'a, str>>,
    ip: Option<IpAddr>,
    port: Option<u16>,
    #[serde(borrow)]
    server_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    sha256: Option<Cow<'a, str>>,
    #[serde(rename = "outcome")]
    _outcome: Option<Outcome>,
}

impl<'a> Answered<'a> {
    /// The keys by which it is found.
    fn keys(self, kind: &str) -> Option<[Option<Key<'a>>; 2]> {
        let one = match kind {
            "domain" => Key::Domain(self.domain?),
            "policy" => Key::Policy(self.domain?),
            "sts" => Key::Sts(self.domain?),
            "network" => Key::Network(self.ip?),
            "smtp" => Key::Smtp(self.ip?, self.port?),
            "tls" => Key::Tls(self.ip?, self.port?, None),
            _ => Key::Cert(self.sha256?),
        };
        let two = match (&one, self.server_name) {
            (&Key::Tls(ip, port, _), Some(name)) => Some(Key::Tls(ip, port, Some(name))),
            _ => None,
        };
        Some([Some(one), two])
    }
}

impl Earlier for Ndjson {
    fn line(&mut self, key: &Key<'_>) -> anyhow::Result<Option<Vec<u8>>> {
        let Some(&(start, length)) = self.index.get(&self.subjects.hash(key)) else {
            return Ok(None);
        };
        let mut line = vec![0; length as usize];
        self.file.read_exact_at(&mut line, start)?;
        Ok(Some(line))
    }

    fn is_of_a_run(&self) -> bool {
        !self.starts.is_empty() || self.is_blank
    }

    fn faults(&self) -> (&[(u64, String)], u64) {
        (&self.faults.0, self.faults.1)
    }

    fn starts(&mut self, stage: &str) -> anyhow::Result<Vec<Start>> {
        Ok(self
            .starts
            .iter()
            .filter(|run| run.stage == stage)
            .cloned()
            .collect())
    }
}
