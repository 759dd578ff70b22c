//! `mx-survey watch`: the same lists surveyed again and again, a dated database each time, compared with the last one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use time::OffsetDateTime;
use time::macros::format_description;

use super::options::{PipeOptions, SurveyOptions};
use super::survey::{Folder, opened, page, report, run_pipe};
use super::{HandedOn, Stage, process, quoted, shell_line, stages};
use crate::program::Program;

/// What becomes of a survey when it is whole.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Handed on to report")]
pub struct WatchOptions {
    /// End with 3 where there is a problem that is at least as bad; ",new": that the survey before had not
    #[arg(long, value_name = "SEVERITY[,new]")]
    fail_on: Option<String>,
    /// Problems that are known: lines of domain, code and last day
    #[arg(long, value_name = "FILE")]
    accept: Option<PathBuf>,
    /// The form of what is told: text, markdown, json, nagios, …
    #[arg(long, short, value_name = "FORMAT")]
    format: Option<String>,
}

impl WatchOptions {
    /// Arguments for `report`. Before the first survey there is nothing to be new against.
    fn arguments(&self, since: Option<&Path>) -> Vec<String> {
        let path = |path: &Path| path.to_string_lossy().into_owned();
        let mut arguments = Vec::new();
        let mut option = |name: &str, value: Option<String>| {
            arguments.extend(
                value
                    .map(|value| [name.to_owned(), value])
                    .into_iter()
                    .flatten(),
            );
        };
        let fail_on = self.fail_on.clone();
        let is_of_new = |it: &String| it.ends_with(",new");
        option("--since", since.map(path));
        option(
            "--fail-on",
            fail_on.filter(|it| since.is_some() || !is_of_new(it)),
        );
        option("--accept", self.accept.as_deref().map(path));
        option("--format", self.format.clone());
        arguments
    }

    /// Lets `report` look at the options before anything is surveyed.
    fn check(&self) -> anyhow::Result<bool> {
        let program = process::path_of(&process::folder()?, "report");
        let status = Command::new(program)
            .arg("--list")
            .args(self.arguments(Some(Path::new("survey.db"))))
            .stdout(Stdio::null())
            .status()
            .context("report: cannot be started")?;
        Ok(status.success())
    }
}

/// The database of the last survey in a folder: the names are times, so the last by its letters.
fn last_survey(folder: &Path) -> anyhow::Result<Option<PathBuf>> {
    let mut last = None;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if name.is_some_and(is_dated) {
            last = last.max(Some(path));
        }
    }
    Ok(last)
}

/// `2026-12-01T023000Z.db`.
fn is_dated(name: &str) -> bool {
    const FORM: &[u8] = b"0000-00-00T000000Z.db";
    let fits = |(form, byte): (&u8, u8)| match form {
        b'0' => byte.is_ascii_digit(),
        form => *form == byte,
    };
    name.len() == FORM.len() && FORM.iter().zip(name.bytes()).all(fits)
}

/// The name of a survey that begins now, which no other in the folder has.
fn dated(folder: &Path) -> anyhow::Result<String> {
    let form = format_description!("[year]-[month]-[day]T[hour][minute][second]Z");
    loop {
        let name = OffsetDateTime::now_utc().format(form)?;
        if !folder.join(format!("{name}.db")).exists() {
            return Ok(name);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The pipe into a database that bears its time as label.
fn labelled(handed: &HandedOn, database: &Path, label: &str) -> Vec<Stage> {
    let mut stages = stages(handed, None, None, database);
    if let Some(last) = stages.last_mut() {
        *last = last.clone().option("--label", Some(label));
    }
    stages
}

/// Surveys lists into a database of their own in a folder, and tells what changed since the last one there.
///
/// # Errors
/// Where a list or the folder cannot be opened, or a program cannot be started.
pub fn watch(
    what: &SurveyOptions,
    then: &WatchOptions,
    program: &Program,
) -> anyhow::Result<ExitCode> {
    let SurveyOptions { lists, out, how } = what;
    let PipeOptions {
        print,
        quiet,
        handed,
    } = how;
    let (print, quiet) = (*print, *quiet);
    if !then.check()? {
        return Ok(ExitCode::from(2));
    }
    if print {
        return print_line(lists, out, handed, then);
    }
    let folder = Folder::open(out)?;
    let last = last_survey(out)?;
    let input = opened(lists)?;
    let name = dated(out)?;
    let database = out.join(format!("{name}.db"));
    let part = out.join(format!(".{name}.part"));
    let stages = labelled(handed, &part, &name);
    let status = run_pipe(&stages, input, None, quiet, program)?;
    if status == 2 || !part.is_file() {
        let _nothing_kept = fs::remove_file(&part);
        bail!("no survey was made; the last one stands");
    }
    fs::rename(&part, &database).with_context(|| database.display().to_string())?;
    let since: Vec<String> = last
        .iter()
        .flat_map(|last| ["--since".to_owned(), last.to_string_lossy().into_owned()])
        .collect();
    page(&database, &out.join("index.html"), &since)?;
    if let (None, false) = (&last, quiet) {
        program.say("the first survey here: nothing to compare it with");
    }
    let told = report(&database, &then.arguments(last.as_deref()))?;
    drop(folder);
    let is_theirs = then.format.as_deref() == Some("nagios");
    Ok(ExitCode::from(if told == 0 && !is_theirs {
        status
    } else {
        told
    }))
}

fn print_line(
    lists: &[PathBuf],
    out: &Path,
    handed: &HandedOn,
    then: &WatchOptions,
) -> anyhow::Result<ExitCode> {
    use std::io::Write as _;
    let name = dated(out)?;
    let database = out.join(format!("{name}.db"));
    let last = match out.is_dir() {
        true => last_survey(out)?,
        false => None,
    };
    let lists: Vec<String> = (lists.iter())
        .map(|list| quoted(&list.to_string_lossy()))
        .collect();
    let words = then.arguments(last.as_deref());
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    let line = format!(
        "cat {} |\n  {} &&\n  report {} {}\n",
        lists.join(" "),
        shell_line(&labelled(handed, &database, &name)),
        quoted(&database.to_string_lossy()),
        words.join(" ")
    );
    std::io::stdout().write_all(line.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_survey_is_the_last_by_its_time() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        assert_eq!(last_survey(folder.path())?, None);
        for name in [
            "2026-12-01T023000Z.db",
            "2026-11-30T235959Z.db",
            "2026-12-01T023000Z.db-wal",
            ".2027-01-01T000000Z.part",
            "survey.db",
            "9999-99-99T99999_Z.db",
        ] {
            fs::write(folder.path().join(name), "")?;
        }
        let last = last_survey(folder.path())?;
        assert_eq!(last, Some(folder.path().join("2026-12-01T023000Z.db")));
        assert!(is_dated(&format!("{}.db", dated(folder.path())?)));
        Ok(())
    }

    #[test]
    fn nothing_is_new_before_the_first_survey() {
        let options = |fail_on: &str| WatchOptions {
            fail_on: Some(fail_on.to_owned()),
            ..WatchOptions::default()
        };
        let old = Path::new("old.db");
        assert_eq!(options("critical,new").arguments(None), [""; 0]);
        assert_eq!(
            options("critical").arguments(None),
            ["--fail-on", "critical"]
        );
        assert_eq!(
            options("critical,new").arguments(Some(old)),
            ["--since", "old.db", "--fail-on", "critical,new"]
        );
    }
}
