//! What is wrong with a text that a domain publishes.

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PolicyFault, Text};

/// What is wrong with a policy, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Fault {
    /// What is wrong.
    pub code: PolicyFault,
    /// The octet of the text at which it is, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u32>,
    /// The term or tag that has it, as it stands in the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<Text>,
    /// The name at which it is, where that is not the domain itself: of an included record, of a target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// By the letter of the RFC alone: most of those who read such records take this one nevertheless.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
}

impl Fault {
    /// A fault of which no place is known.
    pub fn new(code: PolicyFault) -> Self {
        Self {
            code,
            offset: None,
            term: None,
            name: None,
            strict: false,
        }
    }

    /// The same with its place: the octet of the text, and the term that stands there.
    pub fn in_term(mut self, offset: usize, term: &[u8]) -> Self {
        self.offset = u32::try_from(offset).ok();
        self.term = Some(term.into());
        self
    }

    /// The same with the name at which it is.
    pub fn under(mut self, name: impl ToString) -> Self {
        self.name = Some(name.to_string());
        self
    }

    /// The same as one under the letter of the RFC alone.
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }
}
