//! Entries of lists.

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An entry of a list: of a top list (rank), or of a counted list (users). Key: (source, domain).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Listed {
    /// Which list.
    pub source: String,
    /// The name.
    pub domain: String,
    /// Rank, from 1: as the list gives it, else the line number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<u64>,
    /// Users of this domain in the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<u64>,
    /// Users counted in this list in all: the denominator of `share`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
    /// `users` / `of`, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// The run that wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

/// The domains of a counted list that `leak-count --min-users` folded into one row. Key: source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Other {
    /// Which list.
    pub source: String,
    /// How many domains it stands for.
    pub domains: u64,
    /// Their users.
    pub users: u64,
    /// Users counted in this list in all.
    pub of: u64,
    /// `users` / `of`, from 0 to 1.
    pub share: f64,
    /// The run that wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}
