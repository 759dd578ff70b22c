//! What the programs share at the command line: options, their forms, and the one place where results become exit
//! codes.

pub mod asking;
pub mod input;
pub mod options;
pub mod output;
pub mod progress;
pub mod runs;
pub mod stop;
pub mod values;

use std::io;
use std::process::ExitCode;

use clap::Parser;
use clap::builder::styling::{AnsiColor, Styles};

pub use options::{Manners, Stream, exclusions, open_files};
pub use stop::on_signal;
pub use values::{duration, milliseconds, positive};

use crate::ndjson::printable;

/// Runs a program: arguments, completions, the result as an exit code. 0 all done, 1 some input was not understood
/// or was cut, 2 could not start or finish.
pub fn main<A: Parser, S: Into<ExitCode>>(
    program: &'static str,
    run: impl FnOnce(A) -> anyhow::Result<S>,
) -> ExitCode {
    let command = command::<A>();
    let mut matches = match command.clone().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => refuse(&command, program, &error),
    };
    if let Some(&shell) = matches.get_one::<clap_complete::Shell>("completions") {
        return completions(command, program, shell);
    }
    let result = A::from_arg_matches_mut(&mut matches)
        .map_err(anyhow::Error::from)
        .and_then(run);
    match result {
        Ok(status) => status.into(),
        // A reader that has seen enough is no failure.
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{program}: {}", printable(&format!("{error:#}")));
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
        eprintln!(
            "{program}: it reads standard input: {program} < {}",
            printable(word)
        );
        std::process::exit(2);
    }
    error.exit()
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let kind = |error: &(dyn std::error::Error + 'static)| {
        error.downcast_ref::<io::Error>().map(io::Error::kind)
    };
    error
        .chain()
        .any(|error| kind(error) == Some(io::ErrorKind::BrokenPipe))
}

/// How a run ended, where it was able to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// All read, all written.
    Complete,
    /// Some input was not understood, was cut, or was not measured.
    Partial,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        match status {
            Status::Complete => Self::SUCCESS,
            Status::Partial => Self::from(1),
        }
    }
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
    A::command()
        .version(env!("CARGO_PKG_VERSION"))
        .styles(styles)
        .arg(completions)
        .max_term_width(100)
}

fn completions(mut command: clap::Command, program: &str, shell: clap_complete::Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, program, &mut script);
    match io::Write::write_all(&mut io::stdout(), &script) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::from(2),
        _ => ExitCode::SUCCESS,
    }
}

/// Tells a terminal on standard input what is awaited there.
pub fn awaits(program: &str, awaited: &str) {
    if io::IsTerminal::is_terminal(&io::stdin()) {
        eprintln!("{program}: reading {awaited} from the terminal; end with Ctrl-D");
    }
}
