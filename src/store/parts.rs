//! Rows that belong to others: exchanges of a domain, words of a list, one by one; and hops.

use rusqlite::params;
use sha2::{Digest, Sha256};

use super::rows::word;
use super::writer::{Raw, Refused, Stored, SurveyWriter};
use crate::ndjson::printable;
use crate::record::{Dnssec, Exchange, Hop};

pub(super) const INSERT_EXCHANGE: &str = "INSERT INTO exchange (name, digest, registered_domain, ipv4, ipv6, \
     dnssec, tlsa, tlsa_base, tlsa_dnssec) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING";
pub(super) const SELECT_EXCHANGE: &str = "SELECT id FROM exchange WHERE name = ?1 AND digest = ?2";

impl SurveyWriter {
    /// The row that was written last, and whether it was there before (`known`).
    pub(super) fn row(&self, known: Option<i64>) -> (i64, bool) {
        match known {
            Some(id) => (id, true),
            None => (self.connection.last_insert_rowid(), false),
        }
    }

    /// Writes each word as a row of its own beside `id`.
    pub(super) fn words(
        &self,
        insert: &str,
        id: i64,
        words: &[impl AsRef<str>],
    ) -> rusqlite::Result<()> {
        for word in words {
            self.connection
                .prepare_cached(insert)?
                .execute(params![id, word.as_ref()])?;
        }
        Ok(())
    }

    /// Deletes what belonged to a row that is replaced.
    pub(super) fn forget_parts(&self, id: i64, deletes: &[&str]) -> rusqlite::Result<()> {
        for delete in deletes {
            self.connection.prepare_cached(delete)?.execute([id])?;
        }
        Ok(())
    }

    pub(super) fn exchange(&mut self, exchange: &Exchange) -> rusqlite::Result<i64> {
        let name = self.name(&exchange.exchange)?;
        let digest = digest(exchange);
        let number = self.exchanges.number(
            &self.connection,
            &(name, digest),
            params![
                name,
                digest,
                exchange.registered_domain,
                exchange.ipv4.as_ref().map(|outcome| outcome.reason.word()),
                exchange.ipv6.as_ref().map(|outcome| outcome.reason.word()),
                exchange.dnssec.map(Dnssec::word),
                exchange.tlsa.as_ref().map(|set| set.outcome.reason.word()),
                exchange.tlsa.as_ref().map(|set| &set.base),
                exchange
                    .tlsa
                    .as_ref()
                    .and_then(|set| set.dnssec)
                    .map(Dnssec::word),
            ],
            2,
        )?;
        if !number.new {
            return Ok(number.id);
        }
        for (position, target) in exchange.cname.iter().enumerate() {
            self.connection
                .prepare_cached(
                    "INSERT INTO exchange_cname (exchange, position, target) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![number.id, position as i64, target])?;
        }
        self.words(
            "INSERT INTO exchange_fault (exchange, fault) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            number.id,
            &exchange.faults,
        )?;
        for address in &exchange.addresses {
            let address = self.address(address.ip, word(address.special.as_ref()))?;
            self.connection
                .prepare_cached(
                    "INSERT INTO exchange_address (exchange, address) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                )?
                .execute([number.id, address])?;
        }
        for (position, record) in exchange
            .tlsa
            .iter()
            .flat_map(|set| &set.records)
            .enumerate()
        {
            self.connection
                .prepare_cached(
                    "INSERT INTO tlsa (exchange, position, usage, selector, matching_type, data) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute(params![
                    number.id,
                    position as i64,
                    record.usage,
                    record.selector,
                    record.matching_type,
                    record.data
                ])?;
        }
        Ok(number.id)
    }

    pub(super) fn hop(&mut self, hop: &Hop, line: &[u8]) -> Result<Stored, Refused> {
        let run = self.run_number(&hop.run)?;
        let (from, by) = (hop.from.as_ref(), hop.by.as_ref());
        let added = self
            .connection
            .prepare_cached(
                "INSERT INTO hop (message, hop, of, from_host, from_ip, from_registered_domain, by_host, by_ip, \
                 by_registered_domain, protocol, encrypted, evidence, version, cipher, writer, time, delay_ms, \
                 inter_organisation, left_out, trusted, run, line) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, \
                 ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22) ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                hop.message,
                hop.hop,
                hop.of,
                from.and_then(|end| end.host.as_ref()),
                from.and_then(|end| end.ip).map(|ip| ip.to_string()),
                from.and_then(|end| end.registered_domain.as_ref()),
                by.and_then(|end| end.host.as_ref()),
                by.and_then(|end| end.ip).map(|ip| ip.to_string()),
                by.and_then(|end| end.registered_domain.as_ref()),
                word(hop.protocol.as_ref()),
                hop.encrypted,
                hop.evidence.as_ref(),
                word(hop.version.as_ref()),
                hop.cipher.as_ref().map(|cipher| &cipher.iana),
                hop.writer.as_deref().map(printable),
                hop.time,
                hop.delay_ms,
                hop.inter_organisation,
                word(hop.left_out.as_ref()),
                hop.trusted,
                run,
                Raw(line),
            ])?;
        Ok(if added == 1 {
            Stored::New
        } else {
            Stored::Repeated
        })
    }
}

/// Tells resolutions of one exchange apart: all that is said of it, without the preference (the domain's) and the
/// details of failures.
fn digest(exchange: &Exchange) -> i64 {
    let mut hash = Sha256::new();
    let mut word = |word: &str| {
        hash.update(word.as_bytes());
        hash.update([0]);
    };
    for outcome in [&exchange.ipv4, &exchange.ipv6] {
        word(outcome.as_ref().map_or("", |outcome| outcome.reason.word()));
    }
    for address in &exchange.addresses {
        word(&address.ip.to_string());
    }
    word("cname");
    exchange.cname.iter().for_each(|name| word(name));
    word("faults");
    exchange.faults.iter().for_each(|fault| word(fault.word()));
    word(exchange.registered_domain.as_deref().unwrap_or(""));
    word(exchange.dnssec.map_or("", Dnssec::word));
    if let Some(set) = &exchange.tlsa {
        word(set.outcome.reason.word());
        word(set.dnssec.map_or("", Dnssec::word));
        for record in &set.records {
            word(&format!(
                "{} {} {} {}",
                record.usage, record.selector, record.matching_type, record.data
            ));
        }
    }
    let bytes = hash.finalize();
    i64::from_be_bytes(std::array::from_fn(|at| bytes[at]))
}
