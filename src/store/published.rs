//! The rows of what domains publish about their mail: `policy` and `sts`.

use rusqlite::params;

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
        self.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO policy (domain, phase, reason, spf, spf_all, spf_lookups, spf_ipv4, dmarc, \
                 dmarc_at, dmarc_9989, dmarc_7489, dmarc_differ, dkim, mta_sts, tls_rpt, caa, bimi, time, run, line) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
            )?
            .execute(params![
                domain,
                policy.outcome.phase.word(),
                policy.outcome.reason.word(),
                spf.map(|part| part.state.word()),
                spf.and_then(|part| part.all).map(|it| it.word()),
                spf.and_then(|part| part.lookups_most),
                spf.and_then(|part| part.ipv4_addresses)
                    .and_then(|count| i64::try_from(count).ok()),
                dmarc.map(|part| part.state.word()),
                dmarc.and_then(|part| part.record_at.as_ref()),
                dmarc.and_then(|part| part.effective_9989).map(|it| it.word()),
                dmarc.and_then(|part| part.effective_7489).map(|it| it.word()),
                dmarc.and_then(|part| part.differ),
                policy.dkim.as_ref().map(|part| part.state.word()),
                policy.mta_sts.as_ref().map(|part| part.state.word()),
                policy.tls_rpt.as_ref().map(|part| part.state.word()),
                policy.caa.as_ref().map(|part| part.state.word()),
                policy.bimi.as_ref().map(|part| part.state.word()),
                policy.time,
                run,
                Raw(line),
            ])?;
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
        self.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO sts (domain, phase, reason, record, standing, strict, error, mode, max_age, \
                 lenient, lenient_mode, status, time, run, line) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
            )?
            .execute(params![
                domain,
                sts.outcome.phase.word(),
                sts.outcome.reason.word(),
                sts.record.word(),
                sts.standing.word(),
                sts.strict.state.word(),
                sts.strict.error.map(|it| it.word()),
                sts.strict.mode.map(|it| it.word()),
                sts.strict.max_age.and_then(|age| i64::try_from(age).ok()),
                sts.lenient.state.word(),
                sts.lenient.mode.map(|it| it.word()),
                sts.status,
                sts.time,
                run,
                Raw(line),
            ])?;
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
