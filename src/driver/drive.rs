//! The loop behind [`run`](super::run): reads, starts, finishes, until there is nothing left of any.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use tokio::task::JoinSet;

use super::familiar::{self, Familiar};
use super::found::Item;
use super::resume::{Resume, Resumed};
use super::seen::Seen;
use super::shares::Shares;
use super::{Found, Observe, Observed, Options, Select, Subject, Taken, Tally, Turn};
use crate::ndjson::{LINE_LIMIT, Line, NotARecord, Read1};
use crate::net::pacing::{End, Next, Place, Rate, Scheduler};
use crate::program::input::Place as LinePlace;
use crate::program::output::{Gone, Output};
use crate::program::progress::{Figures, Progress};
use crate::program::runs::Runs;
use crate::program::{Status, input};
use crate::record::{Phase, Reason};

pub(super) struct Driver<S: Select, O: Observe> {
    options: Options,
    select: S,
    observe: Arc<O>,
    seen: Seen,
    familiar: Familiar,
    resume: Option<Resume>,
    output: Output,
    runs: Runs,
    scheduler: Scheduler<Attempt<O::Job>>,
    /// Work without a place.
    unpaced: std::collections::VecDeque<O::Job>,
    rate: Rate,
    flying: JoinSet<Landed<O::Job>>,
    operators: HashMap<Arc<str>, u64>,
    shares: Shares,
    /// The input has ended.
    is_all: bool,
    tally: Tally,
    progress: Progress,
    stop: Stop,
    /// The last line was in a plain form: this stage is the source of its stream.
    is_source: bool,
    /// The file that is read.
    file: Option<Arc<str>>,
    /// Files that have begun.
    files: u64,
}

/// What a batch of lines brought: written first, then begun.
struct Brought<J> {
    lines: Vec<u8>,
    jobs: Vec<(J, Option<Place>)>,
}

impl<J> Default for Brought<J> {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            jobs: Vec::new(),
        }
    }
}

struct Attempt<J> {
    job: J,
    number: u32,
    /// What to write if there is no further try.
    fallback: Option<Fallback>,
}

/// An observation that is over.
struct Landed<J> {
    observed: Observed<J>,
    place: Option<Place>,
    number: u32,
}

struct Fallback {
    lines: Vec<u8>,
    phase: Phase,
    reason: Reason,
}

/// Operators whose connections are counted by name.
const OPERATORS: usize = 100_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// Go on.
    No,
    /// A first signal: no new work.
    Gently,
}

/// Why the loop ended before its end.
enum Interruption {
    /// The reader of our output is gone.
    Gone,
    Error(anyhow::Error),
}

impl From<Gone> for Interruption {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<anyhow::Error> for Interruption {
    fn from(error: anyhow::Error) -> Self {
        Self::Error(error)
    }
}

impl From<io::Error> for Interruption {
    fn from(error: io::Error) -> Self {
        Self::Error(error.into())
    }
}

impl<S, O> Driver<S, O>
where
    S: Select<Job = O::Job>,
    O: Observe,
{
    pub(super) fn start(
        select: S,
        observe: O,
        resume: Option<Resume>,
        options: Options,
    ) -> anyhow::Result<Self> {
        let output = Output::stdout()?;
        let mut runs = Runs::start(
            options.program.name,
            &options.settings,
            &options.resumed,
            options.vantage.as_deref(),
        );
        if let Some(resume) = &resume {
            resume.faults(|what, why| runs.complain_of(what, why));
        }
        let rate = Rate::new(options.limits.rate);
        let scheduler = Scheduler::new(options.limits.clone(), rate.clone());
        let progress = Progress::new(options.program.name, options.progress);
        Ok(Self {
            select,
            observe: Arc::new(observe),
            seen: Seen::new(),
            familiar: Familiar::default(),
            resume,
            output,
            runs,
            scheduler,
            unpaced: std::collections::VecDeque::new(),
            rate,
            flying: JoinSet::new(),
            operators: HashMap::new(),
            shares: Shares::new(options.backlog),
            is_all: false,
            tally: Tally::default(),
            progress,
            stop: Stop::No,
            is_source: false,
            file: None,
            files: 0,
            options,
        })
    }

    pub(super) async fn drive(mut self) -> anyhow::Result<Status> {
        let result = match self.output.send(self.runs.start_line()).await {
            Ok(()) => self.turn_over().await,
            Err(Gone) => Err(Interruption::Gone),
        };
        self.show_progress(true);
        match result {
            Ok(()) => {
                if self.stop == Stop::No {
                    self.observe.conclude().await;
                }
                let status = self.status();
                self.tell_spoiled();
                let failure = self.observe.failure();
                let last = self.last_line();
                // A reader that has seen enough is no failure of ours; what was not understood or not begun is.
                let _ = self.output.send(last).await;
                self.output.finish().await?;
                match failure {
                    Some(why) => Err(anyhow::anyhow!(why)),
                    None => Ok(status),
                }
            }
            Err(Interruption::Gone) => {
                let status = match self.stop {
                    Stop::No => Status::Complete,
                    Stop::Gently => Status::Partial,
                };
                self.output.finish().await?;
                Ok(status)
            }
            Err(Interruption::Error(error)) => {
                // What was measured before is written, and how far it came.
                self.runs.interrupted = true;
                let last = self.last_line();
                if self.output.send(last).await.is_ok() {
                    self.output.finish().await?;
                }
                Err(error)
            }
        }
    }

    /// The loop: read, start, finish, until there is nothing left of any.
    async fn turn_over(&mut self) -> Result<(), Interruption> {
        input::ahead(&self.options.sources, S::OWN, |line| {
            // One that cannot be read is reported where it stands.
            if let Ok(Some(key)) = self.select.done(line) {
                self.seen.is_first(&key);
            }
        })
        .context("the input")?;
        let mut input = Some(input::batches(
            self.options.program.name,
            self.options.awaited,
            self.options.sources.clone(),
        ));
        let stop = self.options.program.stop.clone();
        loop {
            let due = self.start_what_may()?;
            if input.is_none() && self.flying.is_empty() && self.waiting() == 0 {
                return Ok(());
            }
            let may_read = self.has_room();
            tokio::select! {
                _ = stop.asked(), if self.stop == Stop::No => self.signalled(&mut input).await?,
                Some(done) = self.flying.join_next() => self.take_all(done).await?,
                batch = read(&mut input), if may_read && input.is_some() => match batch {
                    Some(batch) => self.take_batch(batch?).await?,
                    None => {
                        input = None;
                        self.is_all = true;
                        self.end_of_input().await?;
                    }
                },
                () = sleep_until(due) => {}
                () = self.output.closed() => return Err(Interruption::Gone),
                () = self.progress.tick() => self.show_progress(false),
            }
        }
    }

    fn waiting(&self) -> usize {
        self.scheduler.len() + self.unpaced.len() + self.shares.held()
    }

    /// Whether more may be read: what waits behind the share of one operator takes no room from others.
    fn has_room(&self) -> bool {
        let waiting = self.scheduler.len() + self.unpaced.len();
        waiting < self.options.backlog && self.shares.has_room()
    }

    /// Starts observations while there is room; says when the next one is due.
    fn start_what_may(&mut self) -> Result<Option<Instant>, Interruption> {
        while self.flying.len() < self.options.concurrency {
            if let Some(job) = self.unpaced.pop_front() {
                self.launch(
                    Attempt {
                        job,
                        number: 1,
                        fallback: None,
                    },
                    None,
                );
                continue;
            }
            if self.scheduler.is_empty() {
                return Ok(None);
            }
            match self.scheduler.next(Instant::now()) {
                Next::Start(attempt, place) => {
                    self.waits_no_more(&place)?;
                    self.launch(attempt, Some(place));
                }
                Next::Wait(due) => return Ok(Some(due)),
                Next::Idle => return Ok(None),
            }
        }
        Ok(None)
    }

    fn launch(&mut self, attempt: Attempt<O::Job>, place: Option<Place>) {
        let turn = Turn {
            attempt: attempt.number,
            run: self.runs.id.clone(),
            spacing: self.options.limits.spacing,
            rate: self.rate.clone(),
            is_paced: place
                .as_ref()
                .is_some_and(|place| !place.ip.to_canonical().is_loopback()),
        };
        let observe = self.observe.clone();
        self.flying.spawn(async move {
            let number = attempt.number;
            let observed = observe.observe(attempt.job, turn).await;
            Landed {
                observed,
                place,
                number,
            }
        });
    }

    /// Takes what has finished, and everything else that has by now.
    async fn take_all(
        &mut self,
        first: Result<Landed<O::Job>, tokio::task::JoinError>,
    ) -> Result<(), Interruption> {
        let mut lines = Vec::new();
        let mut next = Some(first);
        while let Some(done) = next {
            let landed =
                done.map_err(|error| anyhow::anyhow!("an observation broke off: {error}"))?;
            self.take(landed, &mut lines);
            next = self.flying.try_join_next();
        }
        self.output.send(lines).await?;
        match self.observe.verdict() {
            Some(why) => Err(Interruption::Error(anyhow::anyhow!(why))),
            None => Ok(()),
        }
    }

    /// The bound on a line is the same where it is written as where it is read: what the next program would refuse is named here.
    fn leave_out_what_nobody_reads(&mut self, lines: &mut Vec<u8>) {
        // Records are bounded one by one, so that nearly no answer is longer than one line may be.
        if lines.len() <= LINE_LIMIT {
            return;
        }
        let whole = std::mem::take(lines);
        for line in whole.split_inclusive(|byte| *byte == b'\n') {
            if line.len() > LINE_LIMIT {
                self.runs.complain_of(&"a record", &NotARecord::TooLong);
            } else {
                lines.extend_from_slice(line);
            }
        }
    }

    fn take(&mut self, landed: Landed<O::Job>, lines: &mut Vec<u8>) {
        let Landed {
            mut observed,
            place,
            number,
        } = landed;
        self.leave_out_what_nobody_reads(&mut observed.lines);
        self.tally
            .add("connections", u64::from(observed.connections));
        if let Some(place) = &place {
            let end = match observed.reason {
                Reason::Deferred => End::Deferred,
                Reason::Ok | Reason::Rejected => End::Answered,
                _ => End::Silent,
            };
            self.scheduler.finished(place, Instant::now(), end);
            if let Some(operator) = &place.operator
                && (self.operators.len() < OPERATORS || self.operators.contains_key(operator))
            {
                *self.operators.entry(operator.clone()).or_default() +=
                    u64::from(observed.connections);
            }
        }
        match (observed.again, place) {
            (Some(job), Some(place)) if number <= self.options.retries && self.stop == Stop::No => {
                self.tally.add("tries_again", 1);
                let pause = self.options.retry_after * 2u32.saturating_pow(number - 1);
                let fallback = Some(Fallback {
                    lines: observed.lines,
                    phase: observed.phase,
                    reason: observed.reason,
                });
                let place = Place {
                    not_before: Some(Instant::now() + pause),
                    ..place
                };
                self.push(
                    Attempt {
                        job,
                        number: number + 1,
                        fallback,
                    },
                    place,
                );
            }
            _ => {
                self.tally.outcome(observed.phase, observed.reason);
                lines.extend_from_slice(&observed.lines);
            }
        }
    }

    async fn take_batch(&mut self, batch: input::Batch) -> Result<(), Interruption> {
        if batch.is_first {
            self.begin_file(batch.file);
        }
        let mut brought = Brought::default();
        for read in batch.lines {
            self.tally.add("lines", 1);
            match read {
                Read1::Line(line) => self.take_line(line, &mut brought)?,
                Read1::TooLong(number) => {
                    self.runs.leave_out();
                    self.complain(number, &NotARecord::TooLong);
                }
            }
        }
        self.take_brought(brought).await
    }

    fn begin_file(&mut self, file: Option<Arc<str>>) {
        self.files += 1;
        if self.files > 1
            && let Some(why) = self.select.begin_file()
        {
            let ended = self.file.as_deref().unwrap_or("standard input");
            self.runs.complain_of(&ended, &why);
        }
        self.file = file;
    }

    /// Reports a line of the file that is read.
    fn complain(&mut self, line: u64, why: &dyn std::fmt::Display) {
        let file = self.file.as_deref();
        self.runs.complain(LinePlace { file, line }, why);
    }

    fn take_line(
        &mut self,
        mut line: Line,
        brought: &mut Brought<O::Job>,
    ) -> Result<(), Interruption> {
        let kind = line.tag();
        match kind.as_deref() {
            Ok("run") => self.runs.seen(&line),
            _ => self.runs.read(&line.bytes),
        }
        if self.stop != Stop::No {
            match kind {
                Ok(_) => pass(&mut line, brought),
                Err(_) => self.tally.add("not_started", 1),
            }
            return Ok(());
        }
        let mut found = Found::new(
            self.runs.id.clone(),
            &mut self.seen,
            &mut self.tally,
            self.options.shard,
        );
        let taken = match kind.as_deref() {
            Ok(kind) if S::OWN.contains(&kind) => Ok(self.select.done(&line)),
            kind => Err(self.select.select(&line, kind, &mut found)),
        };
        let names_one = found.names_one;
        let items = found.items;
        let taken = match taken {
            Ok(Ok(key)) => {
                if let Some(key) = key {
                    self.seen.is_first(&key);
                }
                Taken::Passed
            }
            Ok(Err(why)) => Taken::Refused(why),
            Err(taken) => taken,
        };
        drop(kind);
        // What is refused is complained of by itself.
        if !matches!(taken, Taken::Refused(_)) {
            self.familiarize(&line, names_one);
        }
        match taken {
            Taken::Passed => {
                // The line itself comes before what it brought.
                pass(&mut line, brought);
                self.is_source = false;
            }
            Taken::Consumed => self.is_source = true,
            Taken::Refused(why) => self.complain(line.number, &why),
        }
        self.settle(items, brought)
    }

    /// Looks at the first lines of the input for something that the stage reads.
    fn familiarize(&mut self, line: &Line, names_one: bool) {
        if S::READS.is_empty() || !self.familiar.is_open() || line.is_blank() {
            return;
        }
        let kind = line.tag();
        let is_read = |kind: &str| S::READS.contains(&kind) || S::OWN.contains(&kind);
        match kind.as_deref() {
            _ if names_one => self.familiar.know(),
            Ok("run") => {
                let mut writers = S::READS.iter().flat_map(|kind| familiar::writers(kind));
                if writers.any(|stage| self.runs.has_begun(stage)) {
                    self.familiar.know();
                }
            }
            Ok(kind) if is_read(kind) => self.familiar.know(),
            kind => {
                let told = self.familiar.pass(kind.ok(), &line.bytes);
                self.tell_unfamiliar(told);
            }
        }
    }

    fn tell_unfamiliar(&mut self, told: Option<String>) {
        if let Some(told) = told {
            self.progress.say(&format!(
                "{told}, not {}",
                self.options.awaited.trim_end_matches(',')
            ));
        }
    }

    async fn end_of_input(&mut self) -> Result<(), Interruption> {
        if !S::READS.is_empty() {
            let told = self.familiar.tell();
            self.tell_unfamiliar(told);
        }
        if self.stop != Stop::No {
            return Ok(());
        }
        let mut found = Found::new(
            self.runs.id.clone(),
            &mut self.seen,
            &mut self.tally,
            self.options.shard,
        );
        self.select.end(&mut found);
        if let Some(why) = self.select.complaint() {
            self.runs.complain_of(&"the input", &why);
        }
        let items = found.items;
        let mut brought = Brought::default();
        self.settle(items, &mut brought)?;
        self.take_brought(brought).await
    }

    fn settle(
        &mut self,
        items: Vec<Item<O::Job>>,
        brought: &mut Brought<O::Job>,
    ) -> Result<(), Interruption> {
        for item in items {
            match item {
                Item::Lines(lines) => brought.lines.extend_from_slice(&lines),
                Item::Subject(subject) => self.take_subject(subject, brought)?,
            }
        }
        Ok(())
    }

    /// The way of every subject of every stage: seen, resume, gate, schedule, each counted.
    fn take_subject(
        &mut self,
        subject: Subject<O::Job>,
        brought: &mut Brought<O::Job>,
    ) -> Result<(), Interruption> {
        let Subject {
            key,
            place,
            names,
            job,
        } = subject;
        if !self.seen.is_first(&key) {
            self.tally.repeated(&key);
            return Ok(());
        }
        if let Some(resume) = &mut self.resume
            && let Some(line) = resume.answer(&key)?
        {
            let mut resumed = Resumed::new(resume, &mut brought.lines);
            if self.select.resume(&line, &mut resumed)? {
                let emitted = resumed.emitted();
                self.tally.add("resumed", emitted);
                self.tally.saved(&key);
                return Ok(());
            }
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let ip = place.as_ref().map(|place| place.ip);
        if let Some(reason) = self.observe.refusal(ip, &names) {
            let refused = self.observe.refused(job, reason, &self.runs.id);
            self.tally.outcome(refused.phase, refused.reason);
            brought.lines.extend_from_slice(&refused.lines);
        } else if self.select.starts(&job) {
            brought.jobs.push((job, place));
        }
        Ok(())
    }

    /// Writes first, then lets the work begin.
    async fn take_brought(&mut self, brought: Brought<O::Job>) -> Result<(), Interruption> {
        self.output.send(brought.lines).await?;
        for (job, place) in brought.jobs {
            match place {
                Some(place) => self.queue(job, place),
                None => self.unpaced.push_back(job),
            }
        }
        Ok(())
    }

    /// The first signal ends the beginning of work; a second one ends the program.
    async fn signalled(&mut self, input: &mut Option<Input>) -> Result<(), Interruption> {
        self.stop = Stop::Gently;
        self.runs.interrupted = true;
        if self.is_source {
            self.runs.leave_out();
            *input = None;
        }
        let mut lines = Vec::new();
        let waiting = self.unpaced.len() + self.shares.held();
        let mut not_started = waiting as u64 + self.select.held(&self.seen);
        self.unpaced.clear();
        self.shares.clear();
        for attempt in self.scheduler.drain() {
            match attempt.fallback {
                Some(fallback) => {
                    self.tally.outcome(fallback.phase, fallback.reason);
                    lines.extend_from_slice(&fallback.lines);
                }
                None => not_started += 1,
            }
        }
        self.tally.add("not_started", not_started);
        self.output.send(lines).await?;
        if !self.options.quiet {
            self.progress.say(&format!(
                "interrupted: {} in flight may end, {not_started} that wait are not begun; interrupt again to stop at once",
                self.flying.len()
            ));
        }
        Ok(())
    }

    fn show_progress(&mut self, is_end: bool) {
        let figures = Figures {
            lines: self.tally.count("lines"),
            flying: self.flying.len(),
            waiting: self.waiting(),
            outcomes: &self.tally.outcomes,
            waiting_for: self.shares.longest(),
            is_all: self.is_all,
            note: self.observe.note(),
        };
        if is_end {
            self.progress.end(&figures);
        } else {
            self.progress.show(&figures);
        }
    }

    /// Lets a job wait for its first try: in the scheduler, or behind the share of its operator.
    fn queue(&mut self, job: O::Job, place: Place) {
        if self.shares.is_full(&place)
            && let Some(packed) = self.select.pack(&job)
        {
            self.shares.hold(&place, packed);
        } else {
            self.push_first(job, place);
        }
    }

    fn push_first(&mut self, job: O::Job, place: Place) {
        let attempt = Attempt {
            job,
            number: 1,
            fallback: None,
        };
        self.push(attempt, place);
    }

    /// Lets a target wait at its place.
    fn push(&mut self, attempt: Attempt<O::Job>, place: Place) {
        self.shares.add(&place);
        self.scheduler.push(attempt, place);
    }

    /// One less waits for an operator: what is behind its share moves up.
    fn waits_no_more(&mut self, place: &Place) -> anyhow::Result<()> {
        self.shares.remove(place);
        while let Some((place, packed)) = self.shares.take_up(place) {
            let job = self.select.unpack(&place, &packed)?;
            self.push_first(job, place);
        }
        Ok(())
    }

    /// Records that a want of this machine spoiled, such as one of open files: that is no fact about the world.
    fn spoiled(&self) -> u64 {
        let outcomes = self.tally.outcomes.iter();
        let local = outcomes.filter(|((_, reason), _)| *reason == Reason::Local);
        local.map(|(_, count)| count).sum::<u64>() + self.observe.spoiled()
    }

    fn tell_spoiled(&mut self) {
        let spoiled = self.spoiled();
        if spoiled > 0 {
            self.progress.say(&format!(
                "{spoiled} not measured for want of something on this machine: their records say `local`, and what it was"
            ));
        }
    }

    fn status(&self) -> Status {
        let is_partial = !self.runs.is_clean()
            || self.familiar.is_told()
            || self.tally.count("not_started") > 0
            || self.spoiled() > 0
            || (self.runs.interrupted && self.is_source);
        match is_partial {
            true => Status::Partial,
            false => Status::Complete,
        }
    }

    fn last_line(&mut self) -> Vec<u8> {
        let mut counts: BTreeMap<String, u64> = self
            .tally
            .counts
            .iter()
            .map(|(&what, &count)| (what.to_owned(), count))
            .collect();
        counts.extend(self.select.counts());
        counts.extend(self.observe.counts());
        let mut operators: Vec<_> = self
            .operators
            .iter()
            .filter(|(_, count)| **count > 0)
            .collect();
        operators.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        let operators = operators
            .into_iter()
            .take(10)
            .map(|(name, &count)| (name.to_string(), count))
            .collect();
        self.runs.end_line(&self.tally.outcomes, counts, operators)
    }
}

fn pass<J>(line: &mut Line, brought: &mut Brought<J>) {
    brought.lines.append(&mut line.bytes);
    brought.lines.push(b'\n');
}

/// Batches of the input.
type Input = tokio::sync::mpsc::Receiver<io::Result<input::Batch>>;

async fn read(input: &mut Option<Input>) -> Option<io::Result<input::Batch>> {
    match input {
        Some(input) => input.recv().await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
