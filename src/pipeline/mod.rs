//! The pipe, run for somebody who wants an answer: which programs with which options, as a line to type and as
//! processes. It knows the programs' names and options, and nothing of what flows between them.

pub mod display;
pub mod options;
pub mod process;
pub mod survey;
pub mod watch;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::net::shard::Shard;

/// Options that are handed on to the programs of the pipe.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Handed on to the programs")]
pub struct HandedOn {
    /// Name to introduce ourselves by; it should resolve to this machine's address
    #[arg(long, value_name = "NAME")]
    pub helo: Option<String>,
    /// The name servers to ask; none: those of the system.
    #[arg(
        long,
        value_name = "SERVER",
        help = "Resolver: ADDRESS[:PORT], @FILE, tls://HOST or https://HOST/PATH (repeatable) [default: the system's]"
    )]
    pub nameserver: Vec<String>,
    /// The resolvers validate (DNSSEC) and the way to them is safe: believe their AD bit
    #[arg(long)]
    pub trust_ad: bool,
    /// Open a special-purpose network, for example 127.0.0.0/8 (repeatable)
    #[arg(long, value_name = "CIDR")]
    pub allow: Vec<String>,
    /// Domains, exchanges, addresses and networks that are never probed, one a line (repeatable)
    #[arg(long, value_name = "FILE")]
    pub exclude: Vec<PathBuf>,
    /// A store of roots beside or in place of the embedded one: NAME=FILE (repeatable)
    #[arg(long, value_name = "NAME=FILE")]
    pub roots: Vec<String>,
    /// Connections a second in all
    #[arg(long, value_name = "N")]
    pub rate: Option<String>,
    /// Port of the mail servers
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// Port of the policy hosts
    #[arg(long, value_name = "PORT")]
    pub https_port: Option<u16>,
    /// Further tries after a 4xx reply
    #[arg(long, value_name = "N")]
    pub retries: Option<u32>,
    /// Where this runs, for the run lines
    #[arg(long, value_name = "LABEL")]
    pub vantage: Option<String>,
    /// Work on one of N parts of the servers and policies; every name is looked up, so that no server of a part is missed
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
}

/// The program that keeps the stream. It is told of no signal: it would die of it, and with it all that is in flight before it. It
/// ends with its input.
const TEE: &str = "tee";

/// One program of the pipe, and its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The program's name.
    pub program: &'static str,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

impl Stage {
    /// A program without options.
    pub fn new(program: &'static str) -> Self {
        Self {
            program,
            arguments: Vec::new(),
        }
    }

    /// The same with one more argument.
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// The same with an option and its value, where there is one.
    pub fn option(self, name: &str, value: Option<impl Into<OsString>>) -> Self {
        match value {
            Some(value) => self.argument(name).argument(value),
            None => self,
        }
    }

    /// The same with an option for each value.
    pub fn options<V: Into<OsString>>(
        mut self,
        name: &str,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        for value in values {
            self = self.option(name, Some(value));
        }
        self
    }
}

/// The programs between names and a database, in their order.
///
/// `resume` is an earlier stream that each stage takes answers from; `stream` a file that keeps what flows into the
/// database, which is `database`.
pub fn stages(
    handed: &HandedOn,
    resume: Option<&Path>,
    stream: Option<&Path>,
    database: &Path,
) -> Vec<Stage> {
    let common = |program| {
        Stage::new(program)
            .argument("--quiet")
            .option("--vantage", handed.vantage.as_ref())
            .option("--resume", resume)
    };
    let asking = |program| {
        let stage = common(program).options("--nameserver", &handed.nameserver);
        if handed.trust_ad {
            stage.argument("--trust-ad")
        } else {
            stage
        }
    };
    let shard = handed.shard.map(|shard| shard.to_string());
    let mut stages = vec![
        asking("mx-lookup").argument("--tlsa"),
        asking("policy-lookup").option("--shard", shard.as_ref()),
        asking("policy-fetch")
            .option("--shard", shard.as_ref())
            .options("--exclude", &handed.exclude)
            .options("--allow", &handed.allow)
            .options("--roots", &handed.roots)
            .option("--port", handed.https_port.map(|port| port.to_string())),
        common("smtp-probe")
            .argument("--tls")
            .option("--shard", shard.as_ref())
            .options("--exclude", &handed.exclude)
            .option("--helo", handed.helo.as_ref())
            .option("--port", handed.port.map(|port| port.to_string()))
            .option("--rate", handed.rate.as_ref())
            .option("--retries", handed.retries.map(|count| count.to_string()))
            .options("--allow", &handed.allow)
            .options("--roots", &handed.roots),
    ];
    if let Some(stream) = stream {
        stages.push(Stage::new(TEE).argument("-i").argument(stream));
    }
    stages.push(
        Stage::new("to-sqlite")
            .argument("--quiet")
            .argument(database),
    );
    stages
}

/// The pipe as a line for a shell.
pub fn shell_line(stages: &[Stage]) -> String {
    let words = |stage: &Stage| {
        let mut line = stage.program.to_owned();
        for argument in &stage.arguments {
            line.push(' ');
            line.push_str(&quoted(&argument.to_string_lossy()));
        }
        line
    };
    let lines: Vec<String> = stages.iter().map(words).collect();
    lines.join(" |\n  ")
}

/// A word as a shell reads it back.
pub fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@,%+[]".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_can_be_typed() {
        let handed = HandedOn {
            helo: Some("probe.example.org".into()),
            allow: vec!["127.0.0.0/8".into()],
            vantage: Some("it's here".into()),
            ..HandedOn::default()
        };
        let stages = stages(&handed, None, None, Path::new("out.db"));
        let line = shell_line(&stages);
        assert!(
            line.starts_with("mx-lookup --quiet --vantage 'it'\\''s here' --tlsa |\n"),
            "{line}"
        );
        assert!(line.contains("--helo probe.example.org"), "{line}");
        assert!(line.ends_with("to-sqlite --quiet out.db"), "{line}");
    }

    #[test]
    fn words_survive_a_shell() {
        for word in ["", "a b", "it's", "$HOME", "`id`", "a\"b", "*", "plain-1.2"] {
            let output = std::process::Command::new("sh")
                .args(["-c", &format!("printf %s {}", quoted(word))])
                .output()
                .expect("there is a shell");
            assert_eq!(String::from_utf8_lossy(&output.stdout), word);
        }
    }
}
