//! Names that a record spells out and that do not exist.

use std::collections::HashSet;

use super::grammar::Term;
use crate::dns::name::Name;
use crate::policy::lookup::{FoundRecords, Lookup, LookupAnswer};
use crate::record::{Dangling, Text};

/// Names of which it is asked whether somebody could register them.
const ASKED: usize = 10;

/// The names, each with the term that spells it.
#[derive(Debug, Default)]
pub(super) struct DanglingNames(Vec<(Name, Term)>);

impl DanglingNames {
    /// Keeps a name that a term spells out, where the answer says that it does not exist. `exists` may well point at nothing.
    pub(super) fn note<T>(&mut self, answer: &LookupAnswer<T>, target: &Name, term: &Term) {
        if matches!(answer.found, FoundRecords::Nxdomain) {
            self.0.push((target.clone(), term.clone()));
        }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Asks whether somebody could register them.
    pub(super) async fn ask_who_is_free<L: Lookup>(self, lookup: &L) -> Vec<Dangling> {
        let (mut asked, mut told) = (HashSet::new(), Vec::new());
        for (name, term) in self.0 {
            if !asked.insert(name.clone()) || asked.len() > ASKED {
                continue;
            }
            let text = name.to_string();
            let registrable =
                psl::domain_str(&text).and_then(|part| Name::from_octets(part.as_bytes()));
            let is_free = match &registrable {
                Some(part) if *part == name => Some(true),
                Some(part) => match lookup.txt(part).await.found {
                    FoundRecords::Nxdomain => Some(true),
                    FoundRecords::Failed(_) => None,
                    _ => Some(false),
                },
                None => None,
            };
            told.push(Dangling {
                name: text,
                term: Text::from(&term.text[..]),
                registrable: registrable.map(|part| part.to_string()),
                registrable_free: is_free,
            });
        }
        told
    }
}
