//! The loop behind [`run`](super::run): reads, starts, finishes, until there is nothing left of any.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;

use super::familiar::Familiar;
use super::flying::{Flying, Landed};
use super::forecast::Forecast;
use super::found::FoundItem;
use super::helpers::Helpers;
use super::intake::{self, Brought, leave_out_what_nobody_reads};
use super::interruption::Interruption;
use super::operators::OperatorCounts;
use super::resume::{Resume, Resumed};
use super::seen::SeenSubjects;
use super::silence::SilentWait;
use super::waiting::{Attempt, Fallback, Ready, Waiting};
use super::{Found, Observe, RunTally, Select, StageOptions, Subject, Taken};
use crate::ndjson::{Line, NotARecord, Read1};
use crate::net::pacing::{ConnectionEnd, Place, Rate};
use crate::program::input::InputPlace as LinePlace;
use crate::program::output::{Gone, Output};
use crate::program::progress::{Progress, ProgressFigures};
use crate::program::runs::Runs;
use crate::program::{RunStatus, input};
use crate::record::Reason;

pub(super) struct Driver<S: Select, O: Observe> {
    options: StageOptions,
    select: S,
    observe: Arc<O>,
    seen: SeenSubjects,
    familiar: Familiar,
    resume: Option<Resume>,
    output: Output,
    runs: Runs,
    waiting: Waiting<O::Job>,
    flying: Flying<O>,
    operators: OperatorCounts,
    /// The input has ended.
    is_all: bool,
    tally: RunTally,
    /// `--dry-run`: what is counted instead of begun.
    forecast: Option<Forecast>,
    progress: Progress,
    silence: SilentWait,
    stop: Stop,
    /// The last line was in a plain form: this stage is the source of its stream.
    is_source: bool,
    /// The file that is read.
    file: Option<Arc<str>>,
    /// Files that have begun.
    files: u64,
    /// Bytes of the lines that were handed to the writer last.
    room: usize,
}

/// Room for lines that is made beforehand, bytes.
const ROOM_LIMIT: usize = 256 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// Go on.
    No,
    /// A first signal: no new work.
    Gently,
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
        options: StageOptions,
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
        let observe = Arc::new(observe);
        let rate = Rate::new(options.limits.rate);
        let flying = Flying::new(
            observe.clone(),
            Helpers::start(options.threads).context("threads")?,
            runs.id.clone(),
            options.limits.spacing,
            rate.clone(),
        );
        let progress = Progress::new(options.program.name, options.progress);
        Ok(Self {
            select,
            observe,
            seen: SeenSubjects::new(),
            familiar: Familiar::default(),
            resume,
            output,
            runs,
            waiting: Waiting::new(&options, rate),
            flying,
            operators: OperatorCounts::default(),
            is_all: false,
            tally: RunTally::default(),
            forecast: Forecast::of_options(&options),
            silence: SilentWait::new(!options.quiet && !progress.shows()),
            progress,
            stop: Stop::No,
            is_source: false,
            file: None,
            files: 0,
            room: 0,
            options,
        })
    }

    pub(super) async fn drive(mut self) -> anyhow::Result<RunStatus> {
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
                    Stop::No => RunStatus::Complete,
                    Stop::Gently => RunStatus::Partial,
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
            self.flying.set_off();
            if self.flying.len() == 0 {
                self.silence.breaks();
            }
            if input.is_none() && self.flying.len() == 0 && self.waiting.len() == 0 {
                return Ok(());
            }
            let may_read = self.waiting.has_room();
            tokio::select! {
                _ = stop.asked(), if self.stop == Stop::No => self.signalled(&mut input).await?,
                Some(done) = self.flying.join_next() => self.take_all(done).await?,
                batch = intake::read(&mut input), if may_read && input.is_some() => match batch {
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
                () = self.silence.is_long(), if self.flying.len() > 0 => {
                    let told = self.silence.tell(self.flying.len(), O::AWAITS);
                    self.progress.say(&told);
                }
            }
        }
    }

    /// Starts observations while there is room; says when the next one is due.
    fn start_what_may(&mut self) -> Result<Option<Instant>, Interruption> {
        while self.flying.len() < self.options.concurrency {
            let select = &self.select;
            let unpack = |place: &Place, packed: &[u8]| select.unpack(place, packed);
            match self.waiting.next(unpack)? {
                Ready::Start(attempt, place) => self.flying.launch(attempt, place),
                Ready::At(due) => return Ok(Some(due)),
                Ready::Nothing => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Takes what has finished, and everything else that has by now.
    async fn take_all(
        &mut self,
        first: anyhow::Result<Landed<O::Job>>,
    ) -> Result<(), Interruption> {
        self.silence.breaks();
        // As much as last time, in one piece.
        let mut lines = Vec::with_capacity(self.room);
        let mut next = Some(first);
        while let Some(done) = next {
            self.take(done?, &mut lines);
            next = self.flying.try_join_next();
        }
        self.room = lines.len().min(ROOM_LIMIT);
        self.output.send(lines).await?;
        match self.observe.verdict() {
            Some(why) => Err(Interruption::Error(anyhow::anyhow!(why))),
            None => Ok(()),
        }
    }

    fn take(&mut self, landed: Landed<O::Job>, lines: &mut Vec<u8>) {
        let Landed {
            mut observed,
            place,
            number,
        } = landed;
        leave_out_what_nobody_reads(&mut observed.lines, &mut self.runs);
        self.tally
            .add("connections", u64::from(observed.connections));
        if let Some(place) = &place {
            let end = match observed.reason {
                Reason::Deferred => ConnectionEnd::Deferred,
                Reason::Ok | Reason::Rejected => ConnectionEnd::Answered,
                _ => ConnectionEnd::Silent,
            };
            self.waiting.finished(place, end);
            if let Some(operator) = &place.operator {
                self.operators.add(operator, observed.connections);
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
                let attempt = Attempt {
                    job,
                    number: number + 1,
                    fallback,
                };
                self.waiting.push(attempt, place);
            }
            _ => {
                self.tally.outcome(observed.phase, observed.reason);
                lines.extend_from_slice(&observed.lines);
            }
        }
    }

    async fn take_batch(&mut self, batch: input::LineBatch) -> Result<(), Interruption> {
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
                Ok(_) => brought.pass(&mut line),
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
                brought.pass(&mut line);
                self.is_source = false;
            }
            Taken::Consumed => self.is_source = true,
            Taken::Refused(why) => self.complain(line.number, &why),
        }
        self.settle(items, brought)
    }

    /// Looks at the first lines of the input for something that the stage reads.
    fn familiarize(&mut self, line: &Line, names_one: bool) {
        let told = self.familiar.look::<S>(line, names_one, &self.runs);
        self.tell_unfamiliar(told);
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
        if let Some(forecast) = &self.forecast {
            forecast.tell(self.options.program.name, &mut self.tally);
        }
        self.take_brought(brought).await
    }

    fn settle(
        &mut self,
        items: Vec<FoundItem<O::Job>>,
        brought: &mut Brought<O::Job>,
    ) -> Result<(), Interruption> {
        for item in items {
            match item {
                FoundItem::Lines(lines) => brought.lines.extend_from_slice(&lines),
                FoundItem::Subject(subject) => self.take_subject(subject, brought)?,
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
        } else if let Some(forecast) = &mut self.forecast {
            place.iter().for_each(|place| forecast.add(place));
        } else {
            brought.jobs.push((job, place));
        }
        Ok(())
    }

    /// Writes first, then lets the work begin.
    async fn take_brought(&mut self, brought: Brought<O::Job>) -> Result<(), Interruption> {
        self.output.send(brought.lines).await?;
        for (job, place) in brought.jobs {
            self.waiting.take(job, place, |job| self.select.pack(job));
        }
        Ok(())
    }

    /// The first signal ends the beginning of work; a second one ends the program.
    async fn signalled(&mut self, input: &mut Option<intake::Batches>) -> Result<(), Interruption> {
        self.stop = Stop::Gently;
        self.runs.interrupted = true;
        if self.is_source {
            self.runs.leave_out();
            *input = None;
        }
        let mut lines = Vec::new();
        let (fallbacks, not_started) = self.waiting.give_up();
        let not_started = not_started + self.select.held(&self.seen);
        for fallback in fallbacks {
            self.tally.outcome(fallback.phase, fallback.reason);
            lines.extend_from_slice(&fallback.lines);
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
        let figures = ProgressFigures {
            lines: self.tally.count("lines"),
            flying: self.flying.len(),
            waiting: self.waiting.len(),
            outcomes: &self.tally.outcomes,
            waiting_for: self.waiting.longest(),
            is_all: self.is_all,
            note: self.observe.note(),
        };
        if is_end {
            self.progress.end(&figures);
        } else {
            self.progress.show(&figures);
        }
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

    fn status(&self) -> RunStatus {
        let is_partial = !self.runs.is_clean()
            || self.familiar.is_told()
            || self.tally.count("not_started") > 0
            || self.spoiled() > 0
            || (self.runs.interrupted && self.is_source);
        match is_partial {
            true => RunStatus::Partial,
            false => RunStatus::Complete,
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
        let operators = self.operators.most();
        self.runs.end_line(&self.tally.outcomes, counts, operators)
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
