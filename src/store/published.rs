//! The rows of what domains publish about their mail: `policy` and `sts`.

use super::insert::{OnConflict, insert};
use super::writer::{Raw, Refused, Stored, SurveyWriter, against, instant};
use crate::record::{Policy, Sts};

impl SurveyWriter {
    pub(super) fn policy(&mut self, policy: &Policy, line: &[u8]) -> Result<Stored, Refused> {
        let domain = self.name(&policy.domain)?;
        let stored = match self.standing("policy", domain, &policy.time)? {
            kept @ (Stored::Older | Stored::Repeated) => return Ok(kept),
            stored => stored,
        };
        let run = self.run_number(&policy.run)?;
        let (spf, dmarc) = (policy.spf.as_ref(), policy.dmarc.as_ref());
        insert!(self.connection, OnConflict::Replace, "policy", {
            domain: domain,
            phase: policy.outcome.phase.word(),
            reason: policy.outcome.reason.word(),
            spf: spf.map(|part| part.state.word()),
            spf_all: spf.and_then(|part| part.all).map(|it| it.word()),
            spf_lookups: spf.and_then(|part| part.lookups_most),
            spf_ipv4: spf.and_then(|part| part.ipv4_addresses).and_then(|count| i64::try_from(count).ok()),
            dmarc: dmarc.map(|part| part.state.word()),
            dmarc_at: dmarc.and_then(|part| part.record_at.as_ref()),
            dmarc_9989: dmarc.and_then(|part| part.effective_9989).map(|it| it.word()),
            dmarc_7489: dmarc.and_then(|part| part.effective_7489).map(|it| it.word()),
            dmarc_differ: dmarc.and_then(|part| part.differ),
            dkim: policy.dkim.as_ref().map(|part| part.state.word()),
            mta_sts: policy.mta_sts.as_ref().map(|part| part.state.word()),
            tls_rpt: policy.tls_rpt.as_ref().map(|part| part.state.word()),
            caa: policy.caa.as_ref().map(|part| part.state.word()),
            bimi: policy.bimi.as_ref().map(|part| part.state.word()),
            time: policy.time,
            run: run,
            line: Raw(line),
        })?;
        self.policy_parts(domain, policy)?;
        Ok(stored)
    }

    pub(super) fn sts(&mut self, sts: &Sts, line: &[u8]) -> Result<Stored, Refused> {
        let domain = self.name(&sts.domain)?;
        let stored = match self.standing("sts", domain, &sts.time)? {
            kept @ (Stored::Older | Stored::Repeated) => return Ok(kept),
            stored => stored,
        };
        let run = self.run_number(&sts.run)?;
        insert!(self.connection, OnConflict::Replace, "sts", {
            domain: domain,
            phase: sts.outcome.phase.word(),
            reason: sts.outcome.reason.word(),
            record: sts.record.word(),
            standing: sts.standing.word(),
            strict: sts.strict.state.word(),
            error: sts.strict.error.map(|it| it.word()),
            mode: sts.strict.mode.map(|it| it.word()),
            max_age: sts.strict.max_age.and_then(|age| i64::try_from(age).ok()),
            lenient: sts.lenient.state.word(),
            lenient_mode: sts.lenient.mode.map(|it| it.word()),
            status: sts.status,
            time: sts.time,
            run: run,
            line: Raw(line),
        })?;
        Ok(stored)
    }

    /// What the row of a domain that is there says of a record of this time.
    fn standing(&self, table: &str, domain: i64, time: &str) -> Result<Stored, Refused> {
        let time = instant(time)?;
        let sql = format!("SELECT time FROM {table} WHERE domain = ?1");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let known: Option<String> =
            rusqlite::OptionalExtension::optional(statement.query_row([domain], |row| row.get(0)))?;
        known.map_or(Ok(Stored::New), |known| against(&known, time))
    }
}
