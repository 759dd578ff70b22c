//! The one front door of every program: arguments, input, output, signals, progress, run lines, and the one place where results
//! become exit codes.
//!
//! 0: all read and written. 1: some input was not understood, was cut, or was not measured, or a second signal came. 2: it could not start
//! or could not finish. A closed standard output is no failure: what writes there ([`output`]) says so in its error, and nothing
//! else is taken for it.

pub mod asking;
pub mod input;
pub mod options;
pub mod output;
pub mod progress;
pub mod runs;
mod say;
pub mod stop;
pub mod unfamiliar;
pub mod values;
pub mod whole;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

use clap::Parser;
use clap::builder::styling::{AnsiColor, Styles};

pub use options::{PacingOptions, Stream, Telling, exclusions, needs_open_files, open_files};
pub use say::say;
pub use values::{duration, milliseconds, positive};

use output::{Stdout, is_closed_stdout};
use stop::Stop;
use whole::Whole;

/// Gives a program that computes more than it waits an allocator of its own; once, in its main file. The library leaves the choice to whoever uses it.
#[macro_export]
macro_rules! allocator {
    () => {
        #[global_allocator]
        static ALLOCATOR: $crate::program::Allocator = $crate::program::Allocator;
    };
}

#[doc(hidden)]
pub use mimalloc::MiMalloc as Allocator;

/// The program that runs.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its name.
    pub name: &'static str,
    /// Whether it is to end.
    pub stop: Stop,
    /// A second signal does not end it.
    endures: Arc<AtomicBool>,
}

impl Program {
    /// Leaves its end to the process that started it: a second signal does not end it either.
    pub fn endure(&self) {
        self.endures.store(true, Ordering::Relaxed);
    }

    /// The first signal is for the stages before this one: it takes what they still write, and says so.
    pub fn drains(&self) {
        let name = self.name;
        self.stop.then(move || {
            say(
                name,
                "taking what is still to come; interrupt again to stop at once",
            );
        });
    }

    /// A line for people on standard error; nobody there to read it is no reason to stop.
    pub fn say(&self, text: &str) {
        say(self.name, text);
    }
}

/// What `main` waits for.
enum End {
    /// The work is over.
    Code(ExitCode),
    /// A second signal.
    Now,
}

/// Runs a program: arguments, completions, signals, the result as an exit code.
///
/// The work is done on a thread of its own, so that a second signal ends the program whatever it is doing.
pub fn main<A, S>(
    name: &'static str,
    run: impl FnOnce(A, &Program) -> anyhow::Result<S> + Send + 'static,
) -> ExitCode
where
    A: Parser + Send + 'static,
    S: Into<ExitCode>,
{
    let command = command::<A>();
    let mut matches = match command.clone().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => refuse(&command, name, &error),
    };
    if let Some(&shell) = matches.get_one::<clap_complete::Shell>("completions") {
        return code(name, completions(command, name, shell));
    }
    if let Ok(Some(mut files)) = matches.try_get_many::<std::path::PathBuf>("inputs")
        && let Some(why) = files.find_map(|file| input::refusal(name, file))
    {
        return code::<ExitCode>(name, Err(anyhow::Error::msg(why)));
    }
    let args = match A::from_arg_matches_mut(&mut matches) {
        Ok(args) => args,
        Err(error) => return code::<ExitCode>(name, Err(error.into())),
    };
    if let Err(error) = needs_open_files(0) {
        return code::<ExitCode>(name, Err(error));
    }
    let whole = match matches.try_get_one::<std::path::PathBuf>(OUTPUT) {
        Ok(Some(path)) => match Whole::begin(path) {
            Ok(whole) => Some(whole),
            Err(error) => return code::<ExitCode>(name, Err(error)),
        },
        _ => None,
    };
    let part = (whole.as_ref())
        .and_then(Whole::part)
        .map(std::path::Path::to_path_buf);
    let work = move |program: &Program| {
        let status = run(args, program)?;
        whole.map_or(Ok(()), Whole::finish)?;
        Ok(status)
    };
    let code = match supervise(name, work) {
        Ok(code) => code,
        Err(error) => code::<ExitCode>(name, Err(error.into())),
    };
    if let Some(part) = part {
        // It is in its place, or was taken away; but after a second signal it still lies there.
        let _gone = std::fs::remove_file(part);
    }
    code
}

/// Does the work on a thread and waits for its end or a second signal.
fn supervise<S: Into<ExitCode>>(
    name: &'static str,
    work: impl FnOnce(&Program) -> anyhow::Result<S> + Send + 'static,
) -> std::io::Result<ExitCode> {
    /// As much as a main thread has.
    const STACK: usize = 8 << 20;
    let (ended, end) = channel();
    let now = ended.clone();
    let program = Program {
        name,
        // Once `main` has returned, nobody listens any more.
        stop: Stop::hear(move || drop(now.send(End::Now)))?,
        endures: Arc::default(),
    };
    let (endures, stop) = (Arc::clone(&program.endures), program.stop.clone());
    std::thread::Builder::new()
        .name(name.into())
        .stack_size(STACK)
        .spawn(move || {
            let result = std::panic::AssertUnwindSafe(|| work(&program));
            let code = match std::panic::catch_unwind(result) {
                Ok(result) => code(name, result),
                // The panic has said what it is.
                Err(_) => ExitCode::from(2),
            };
            let _ = ended.send(End::Code(code));
        })?;
    loop {
        match end.recv() {
            Ok(End::Code(code)) => return Ok(code),
            Ok(End::Now) if endures.load(Ordering::Relaxed) => {}
            Ok(End::Now) => {
                stop.end();
                return Ok(ExitCode::from(1));
            }
            Err(_) => return Ok(ExitCode::from(2)),
        }
    }
}

/// The one place where a result becomes an exit code.
fn code<S: Into<ExitCode>>(name: &str, result: anyhow::Result<S>) -> ExitCode {
    match result {
        Ok(status) => status.into(),
        // A reader that has seen enough is no failure.
        Err(error) if is_closed_stdout(&error) => ExitCode::SUCCESS,
        Err(error) => {
            say(name, &format!("{error:#}"));
            ExitCode::from(2)
        }
    }
}

/// Says what is wrong with the arguments; a file named to a program that has none is the commonest fault.
fn refuse(command: &clap::Command, program: &str, error: &clap::Error) -> ! {
    use clap::error::{ContextKind, ContextValue, ErrorKind};
    if let (ErrorKind::UnknownArgument, Some(ContextValue::String(word))) =
        (error.kind(), error.get(ContextKind::InvalidArg))
        && !word.starts_with('-')
        && command.get_positionals().next().is_none()
    {
        say(
            program,
            &format!("it reads standard input: {program} < {word}"),
        );
        std::process::exit(2);
    }
    error.exit()
}

/// How a run ended, where it was able to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunStatus {
    /// All read, all written.
    Complete,
    /// Some input was not understood, was cut, or was not measured.
    Partial,
    /// What was looked for, to be told of, is there.
    Found,
    /// Some input could not be read at all; which, and why, was said.
    Failed,
}

impl RunStatus {
    /// Complete, where everything was understood and nothing was cut.
    pub fn if_whole(is_whole: bool) -> Self {
        if is_whole {
            Self::Complete
        } else {
            Self::Partial
        }
    }
}

impl From<RunStatus> for ExitCode {
    fn from(status: RunStatus) -> Self {
        match status {
            RunStatus::Complete => Self::SUCCESS,
            RunStatus::Partial => Self::from(1),
            RunStatus::Found => Self::from(3),
            RunStatus::Failed => Self::from(2),
        }
    }
}

/// The source commit, where the build was told of it.
pub const COMMIT: Option<&str> = option_env!("MX_SURVEY_COMMIT");

/// The version and the commit, for `-V`.
fn version() -> String {
    let commit = COMMIT.unwrap_or("unknown");
    format!("{} (commit {commit})", env!("CARGO_PKG_VERSION"))
}

/// The command line of a program.
pub fn command<A: Parser>() -> clap::Command {
    let styles = Styles::styled()
        .header(AnsiColor::Green.on_default().bold())
        .literal(AnsiColor::Cyan.on_default());
    let completions = clap::Arg::new("completions")
        .long("completions")
        .value_name("SHELL")
        .value_parser(clap::value_parser!(clap_complete::Shell))
        .exclusive(true)
        .help("Print completions for a shell and end");
    let command = A::command();
    let output = (!NO_FILTERS.contains(&command.get_name())).then(|| {
        clap::Arg::new(OUTPUT)
            .long("output")
            .short('o')
            .value_name("FILE")
            .value_parser(clap::value_parser!(std::path::PathBuf))
            .help("Write into FILE in place of standard output: whole, or not at all")
    });
    command
        .version(version())
        .styles(styles)
        .args(output)
        .arg(completions)
        .max_term_width(100)
}

/// The id of `-o`.
const OUTPUT: &str = "output";
/// Programs that write a database, a folder, or serve: what they print is no data.
const NO_FILTERS: [&str; 3] = ["to-sqlite", "mx-survey", "mail-lab"];

fn completions(
    mut command: clap::Command,
    name: &str,
    shell: clap_complete::Shell,
) -> anyhow::Result<RunStatus> {
    use std::io::Write as _;
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    let mut out = Stdout::open()?;
    out.write_all(&script)?;
    out.flush()?;
    Ok(RunStatus::Complete)
}

/// Tells a terminal on standard input what is awaited there.
pub fn awaits(program: &str, awaited: &str) {
    if std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        say(
            program,
            &format!("reading {awaited} from the terminal; end with Ctrl-D"),
        );
    }
}
