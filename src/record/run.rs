//! The first and the last line of every stage.

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Event, NamedCounts, Text};

/// The version of the records: another one where a field changes its meaning or its form.
pub const SCHEMA: u32 = 2;

/// Provenance: the first and the last line of every stage. Key: (id, event).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Run {
    /// `start` or `end`.
    pub event: Event,
    /// Random, 16 hex digits.
    pub id: String,
    /// The program.
    pub stage: String,
    /// Its version.
    pub version: String,
    /// The version of the records that it writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<u32>,
    /// The source commit that the program was built from; null where the build was not told.
    #[serde(default)]
    pub commit: Option<String>,
    /// Where it ran, in the words of whoever ran it (`--vantage`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vantage: Option<String>,
    /// When.
    pub time: String,
    /// Its arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<Text>,
    /// The settings that change a record: resolver, EHLO name, trust store and its date.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// Runs of this stage that `--resume` goes on from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resumed: Vec<String>,
    /// Records written, by `phase/reason`.
    #[serde(default, skip_serializing_if = "NamedCounts::is_empty")]
    pub outcomes: NamedCounts,
    /// At the end, of the input that was read: SHA-256, in hex, of its lines but `run` lines, each with one line feed behind it and in their
    /// order, without a byte order mark. Of a plain list that ends with a line feed it is what `sha256sum` says. Missing where not all was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_sha256: Option<String>,
    /// Other figures of the end: lines read, repeats, connections opened and saved, complaints, …
    #[serde(default, skip_serializing_if = "NamedCounts::is_empty")]
    pub counts: NamedCounts,
    /// Connections by operator, the ten with most.
    #[serde(default, skip_serializing_if = "NamedCounts::is_empty")]
    pub operators: NamedCounts,
    /// Runs on the input that began and did not end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cut: Vec<String>,
    /// Ended by a signal before its work was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interrupted: Option<bool>,
    /// From start to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elapsed_ms: Option<u64>,
}
