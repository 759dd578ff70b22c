//! A world and the command that uses it: its environment, its signals, its status.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Pid, kill_process};

use super::internet::{Internet, LabOptions};
use super::{presets, worker};
use crate::program::Program;
use crate::program::output::{Stdout, is_closed_stdout};
use crate::program::say;
use crate::program::stop::{Signal, Stop};

/// Does the work of a worker process, which ends with the process that started it.
///
/// # Errors
///
/// Those of [`worker::run`].
pub fn work(program: &Program) -> anyhow::Result<()> {
    program.endure();
    worker::run(&mut Stdout::open()?)
}

/// Lists the named behaviours on standard output.
///
/// # Errors
///
/// Those of writing.
pub fn list_behaviours() -> anyhow::Result<()> {
    let mut out = Stdout::open()?;
    presets::list(&mut out)?;
    out.flush()?;
    Ok(())
}

/// Serves a world, - being standard input, for as long as a command runs or until a signal; what the servers saw goes to
/// `counters`. The exit code.
pub fn serve(
    world: &Path,
    options: LabOptions,
    command: &[String],
    counters: Option<&Path>,
    stop: &Stop,
) -> anyhow::Result<u8> {
    let named = || world.display().to_string();
    let input: Box<dyn BufRead> = match world.to_str() {
        Some("-") => Box::new(io::stdin().lock()),
        _ => Box::new(BufReader::new(File::open(world).with_context(named)?)),
    };
    let mut internet = Internet::start(input, options).with_context(named)?;
    let code = live(&mut internet, command, stop)?;
    internet.stop(counters)?;
    Ok(code)
}

/// Runs the command to its end, or waits for a signal if there is none. The exit code.
fn live(internet: &mut Internet, command: &[String], stop: &Stop) -> anyhow::Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match command.split_first() {
            None => wait(internet, stop).await,
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments).envs(internet.environment());
                attend(command, stop).await
            }
        }
    })
}

/// How often a lab that waits looks after its workers.
const LOOK: Duration = Duration::from_millis(200);

async fn wait(internet: &mut Internet, stop: &Stop) -> anyhow::Result<u8> {
    match announce(internet).map_err(anyhow::Error::from) {
        // Whoever has read enough still wants the world.
        Err(error) if is_closed_stdout(&error) => {}
        result => result?,
    }
    say(
        "mail-lab",
        &format!("{} names, {} listeners", internet.names, internet.listeners),
    );
    loop {
        tokio::select! {
            _ = stop.asked() => return Ok(0),
            () = tokio::time::sleep(LOOK) => internet.check()?,
        }
    }
}

fn announce(internet: &Internet) -> io::Result<()> {
    let mut output = Stdout::open()?;
    for (variable, value) in internet.environment() {
        writeln!(output, "{variable}={value}")?;
    }
    output.flush()
}

/// Runs the command to its end. A SIGTERM is handed on to it; Ctrl-C reaches it by itself, and it says when the end is.
async fn attend(mut command: Command, stop: &Stop) -> anyhow::Result<u8> {
    let mut child = command
        .spawn()
        .with_context(|| command.get_program().to_string_lossy().into_owned())?;
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let ended = tokio::task::spawn_blocking(move || child.wait());
    tokio::pin!(ended);
    tokio::select! {
        status = &mut ended => return Ok(exit_code(status??)),
        signal = stop.asked() => if let (Signal::Terminate, Some(id)) = (signal, id) {
            // It may have ended this moment.
            let _ended = kill_process(id, rustix::process::Signal::TERM);
        }
    }
    Ok(exit_code(ended.await??))
}

/// The command's own status, or 128 and its signal, as a shell says it.
fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(2)
}
