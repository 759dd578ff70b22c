//! Included records of addresses alone: they come to the same in whatever domain includes them, and are worked out once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;

use super::grammar::{LENGTH_ADVISED, Mechanism, SpfRecord};
use super::reading::Walked;
use crate::policy::lookup::Txt;

/// Records that are kept; then they are all let go, and worked out anew. Each has [`LENGTH_ADVISED`] octets at most, and so
/// some forty networks.
const KEPT: usize = 4096;

/// What such records come to for a client of either family, by their text.
#[derive(Debug, Default)]
pub struct SettledRecords(Mutex<HashMap<Txt, Arc<Walked>>>);

impl SettledRecords {
    pub(super) fn get(&self, text: &[u8]) -> Option<Arc<Walked>> {
        self.lock().get(text).cloned()
    }

    /// Keeps what `record` came to for clients of both families, if that hangs on nothing but its text.
    pub(super) fn keep(&self, text: &Txt, record: &SpfRecord, walked: &Walked) {
        if !is_settled(record, text) {
            return;
        }
        let mut kept = self.lock();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(Arc::clone(text), Arc::new(walked.clone()));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Txt, Arc<Walked>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks nothing, leads nowhere, and has nothing that is worth to be told of each domain.
fn is_settled(record: &SpfRecord, text: &[u8]) -> bool {
    let is_address = |mechanism: &Mechanism| {
        matches!(
            mechanism,
            Mechanism::All | Mechanism::Ip4(..) | Mechanism::Ip6(..)
        )
    };
    let ends = |position| position + 1 == record.directives.len();
    (record.is_valid() && record.faults.is_empty() && record.redirect.is_none())
        && text.len() <= LENGTH_ADVISED
        && record.all().is_none_or(ends)
        && (record.directives.iter()).all(|directive| is_address(&directive.mechanism))
}
