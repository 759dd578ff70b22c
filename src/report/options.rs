//! Options that say how a survey is asked: which rule, which problems, whom to tell.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use time::OffsetDateTime;

use super::accept::AcceptFile;
use super::asked::ReportSettings;
use super::explain;
use super::fail_on::FailOn;
use super::paint::ColorWhen;
use super::providers::Providers;
use super::published::Published;
use super::tell::TellWhom;
use crate::judge::Rule;
use crate::judge::problem::Severity;
use crate::program::positive;

/// How a survey is asked.
#[derive(Args, Clone, Debug)]
pub struct AskedOptions {
    /// How the servers of a domain are taken together: preferred, any or all
    #[arg(long, value_name = "RULE", default_value = "preferred")]
    rule: Rule,
    /// Rows of a top table
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = positive)]
    limit: usize,
    /// Problems of this domain alone, for --fail-on too (repeatable)
    #[arg(long, value_name = "DOMAIN", value_parser = explain::meant)]
    domain: Vec<String>,
    /// Problems that are notice, serious or critical, and what is worse
    #[arg(long, value_name = "SEVERITY", default_value = "notice", value_parser = severity)]
    severity: Severity,
    /// Problems as messages to be sent, one for each operator, or one for each domain
    #[arg(long, value_name = "WHOM", value_parser = whom, conflicts_with_all = ["study", "explain", "since", "series"])]
    pub tell: Option<TellWhom>,
    /// End with 3 where there is a problem that is at least as bad (notice, serious or critical); ",new": that is new
    #[arg(long, value_name = "SEVERITY[,new]")]
    pub fail_on: Option<FailOn>,
    /// Problems that are known: lines of domain, code and last day; they are left out
    #[arg(long, value_name = "FILE")]
    accept: Option<PathBuf>,
    /// More rules for who runs an exchange: provider, role, suffix or labels, pattern, apart by tabs (repeatable)
    #[arg(long, value_name = "FILE")]
    providers: Vec<PathBuf>,
    /// Colours of a card: auto (on a terminal, unless NO_COLOR is set), always or never
    #[arg(long, value_name = "WHEN", default_value = "auto", value_parser = color)]
    pub color: ColorWhen,
}

fn severity(word: &str) -> Result<Severity, String> {
    Severity::from_word(word).ok_or_else(|| "notice, serious or critical".to_owned())
}

fn whom(word: &str) -> Result<TellWhom, String> {
    TellWhom::from_word(word).ok_or_else(|| "operator or domain".to_owned())
}

fn color(word: &str) -> Result<ColorWhen, String> {
    ColorWhen::from_word(word).ok_or_else(|| "auto, always or never".to_owned())
}

impl AskedOptions {
    /// How questions are asked, and whether every line of the file of what is accepted was understood; the others, and those
    /// whose day is over, are complained of.
    ///
    /// # Errors
    ///
    /// Where a file cannot be read, or a rule for providers is none.
    pub fn asked(
        &self,
        published: &'static dyn Published,
        complain: &mut dyn FnMut(&str),
    ) -> anyhow::Result<(ReportSettings, bool)> {
        let mut file = AcceptFile::default();
        if let Some(path) = &self.accept {
            let named = || format!("--accept {}", path.display());
            let text = std::fs::read_to_string(path).with_context(named)?;
            file = AcceptFile::parse(&text, OffsetDateTime::now_utc().date());
            for told in file.faults.iter().chain(&file.expired) {
                complain(&format!("{}: {told}", named()));
            }
        }
        let asked = ReportSettings {
            rule: self.rule,
            limit: self.limit,
            domains: self.domain.clone(),
            severity: self.severity,
            providers: Providers::with_files(&self.providers).context("--providers")?,
            accepted: file.accepted,
            since: None,
            published,
        };
        Ok((asked, file.faults.is_empty()))
    }
}
