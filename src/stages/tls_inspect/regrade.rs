//! Chains of `cert` and `tls` records judged anew, without the network (`--regrade`).

use crate::driver::{Found, Key, Observe, Observed, Select, Taken, Turn};
use crate::ndjson::{Line, NotARecord};
use crate::record::{Phase, Reason};
use crate::tls::regrade::{Regraded, Regrader};

/// `--regrade`: every line is answered where it is read.
pub struct Regrading {
    regrader: Regrader,
}

impl Regrading {
    /// Judges as `regrader` does.
    pub fn new(regrader: Regrader) -> Self {
        Self { regrader }
    }
}

impl Select for Regrading {
    type Job = ();

    /// Every chain is judged anew.
    const OWN: &'static [&'static str] = &[];

    fn select(
        &mut self,
        line: &Line,
        kind: Result<&str, &NotARecord>,
        found: &mut Found<'_, ()>,
    ) -> Taken {
        let refused = match kind {
            Ok("cert") => self.regrader.certificate(&line.bytes).err(),
            Ok("tls") => match self.regrader.tls(&line.bytes) {
                Ok(Regraded::Anew(tls)) => {
                    found.record(&*tls);
                    found.count("regraded");
                    return Taken::Consumed;
                }
                Ok(Regraded::NoChain) => None,
                // Its verdicts stand as they were, with their own time and store.
                Ok(Regraded::Missing) => {
                    found.count("certificates_missing");
                    None
                }
                Err(why) => Some(why),
            },
            Ok(_) => None,
            Err(why) => Some(why.to_string()),
        };
        refused.map_or(Taken::Passed, Taken::Refused)
    }

    fn done(&self, _: &Line) -> Result<Option<Key<'static>>, String> {
        Ok(None)
    }
}

/// There is nothing to observe.
pub struct NoObservation;

impl Observe for NoObservation {
    type Job = ();

    async fn observe(&self, (): (), _: Turn) -> Observed<()> {
        nothing(Reason::Ok)
    }

    fn refused(&self, (): (), reason: Reason, _: &str) -> Observed<()> {
        nothing(reason)
    }
}

fn nothing(reason: Reason) -> Observed<()> {
    Observed {
        lines: Vec::new(),
        phase: Phase::Done,
        reason,
        connections: 0,
        again: None,
    }
}
