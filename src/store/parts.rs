//! Rows that belong to others: exchanges of a domain, words of a list, one by one; and hops.

use rusqlite::params;

use super::exchange_key::ExchangeKey;
use super::insert::{OnConflict, insert};
use super::rows::word;
use super::writer::{Raw, Refused, Stored, SurveyWriter};
use crate::ndjson::printable;
use crate::record::{Address, Dnssec, Exchange, Hop};

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

    pub(super) fn exchange(
        &mut self,
        exchange: &Exchange,
        key: &ExchangeKey,
    ) -> rusqlite::Result<i64> {
        let name = self.name(&exchange.exchange)?;
        let digest = key.digest;
        if let Some(id) = self.exchanges.cached(&(name, digest)) {
            return Ok(id);
        }
        let addresses = self.address_set(&exchange.addresses, key.addresses)?;
        let tlsa = exchange.tlsa.as_ref();
        let number = self.exchanges.number(
            &self.connection,
            &(name, digest),
            params![
                name,
                digest,
                addresses,
                exchange.registered_domain,
                exchange.ipv4.as_ref().map(|outcome| outcome.reason.word()),
                exchange.ipv6.as_ref().map(|outcome| outcome.reason.word()),
                exchange.dnssec.map(Dnssec::word),
                tlsa.map(|set| set.outcome.reason.word()),
                tlsa.map(|set| &set.base),
                tlsa.and_then(|set| set.dnssec).map(Dnssec::word),
            ],
            2,
        )?;
        if number.new {
            self.exchange_parts(number.id, exchange)?;
        }
        Ok(number.id)
    }

    fn exchange_parts(&self, id: i64, exchange: &Exchange) -> rusqlite::Result<()> {
        let connection = &self.connection;
        for (position, target) in exchange.cname.iter().enumerate() {
            insert!(connection, OnConflict::Keep, "exchange_cname", {
                exchange: id, position: position as i64, target: target,
            })?;
        }
        self.words(
            "INSERT INTO exchange_fault (exchange, fault) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            id,
            &exchange.faults,
        )?;
        let records = exchange.tlsa.iter().flat_map(|set| &set.records);
        for (position, record) in records.enumerate() {
            insert!(connection, OnConflict::Keep, "tlsa", {
                exchange: id,
                position: position as i64,
                usage: record.usage,
                selector: record.selector,
                matching_type: record.matching_type,
                data: record.data,
            })?;
        }
        Ok(())
    }

    /// The row of a set of addresses: exchanges by the thousand lead to the same servers.
    fn address_set(&mut self, addresses: &[Address], digest: i64) -> rusqlite::Result<i64> {
        let set = (self.address_sets).number(&self.connection, &digest, params![digest], 1)?;
        if set.new {
            for address in addresses {
                let id = self.address(address.ip, word(address.special.as_ref()))?;
                insert!(self.connection, OnConflict::Keep, "address_of_set", {
                    address_set: set.id, address: id,
                })?;
            }
        }
        Ok(set.id)
    }

    pub(super) fn hop(&mut self, hop: &Hop, line: &[u8]) -> Result<Stored, Refused> {
        let run = self.run_number(&hop.run)?;
        let (from, by) = (hop.from.as_ref(), hop.by.as_ref());
        let added = insert!(self.connection, OnConflict::Keep, "hop", {
            message: hop.message,
            hop: hop.hop,
            of: hop.of,
            from_host: from.and_then(|end| end.host.as_ref()),
            from_ip: from.and_then(|end| end.ip).map(|ip| ip.to_string()),
            from_registered_domain: from.and_then(|end| end.registered_domain.as_ref()),
            by_host: by.and_then(|end| end.host.as_ref()),
            by_ip: by.and_then(|end| end.ip).map(|ip| ip.to_string()),
            by_registered_domain: by.and_then(|end| end.registered_domain.as_ref()),
            protocol: word(hop.protocol.as_ref()),
            encrypted: hop.encrypted,
            evidence: hop.evidence.as_ref(),
            version: word(hop.version.as_ref()),
            cipher: hop.cipher.as_ref().map(|cipher| &cipher.iana),
            writer: hop.writer.as_deref().map(printable),
            time: hop.time,
            delay_ms: hop.delay_ms,
            inter_organisation: hop.inter_organisation,
            left_out: word(hop.left_out.as_ref()),
            trusted: hop.trusted,
            run: run,
            line: Raw(line),
        })?;
        Ok(if added == 1 {
            Stored::New
        } else {
            Stored::Repeated
        })
    }
}
