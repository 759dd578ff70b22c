//! Options of `mx-survey` that its tasks share.

use std::path::PathBuf;

use clap::Args;

use super::HandedOn;

/// How the pipe is run.
#[derive(Args, Clone, Debug, Default)]
pub struct PipeOptions {
    /// Print the line to type, and run nothing
    #[arg(long)]
    pub print: bool,
    /// Show no progress
    #[arg(long, short)]
    pub quiet: bool,
    /// What the programs are told.
    #[command(flatten)]
    pub handed: HandedOn,
}

/// What is surveyed, and where that is kept.
#[derive(Args, Clone, Debug, Default)]
pub struct SurveyOptions {
    /// Lists of domains; standard input without one, or for -
    #[arg(value_name = "LIST")]
    pub lists: Vec<PathBuf>,
    /// The folder
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// How the pipe is run.
    #[command(flatten)]
    pub how: PipeOptions,
}
