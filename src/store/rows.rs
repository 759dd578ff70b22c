//! One method for each record type: its rows, its edges, its conflicts.

use rusqlite::{OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::dictionary::{RowNumber, ask};
use super::exchange_key::ExchangeKey;
use super::insert::{OnConflict, insert};
use super::writer::{Raw, Refused, Stored, SurveyWriter, against, asks_each_name, instant};
use crate::ndjson::printable;
use crate::record::{
    Capabilities, Cert, Dnssec, Domain, Event, Outcome, Run, Smtp, Text, Tls, Verdict,
};

impl SurveyWriter {
    pub(super) fn name(&mut self, name: &str) -> rusqlite::Result<i64> {
        let number = self
            .names
            .number(&self.connection, name, params![name], 1)?;
        Ok(number.id)
    }

    pub(super) fn run_number(&mut self, run: &str) -> rusqlite::Result<i64> {
        let number = self.runs.number(&self.connection, run, params![run], 1)?;
        Ok(number.id)
    }

    pub(super) fn address(
        &mut self,
        ip: std::net::IpAddr,
        special: Option<&str>,
    ) -> rusqlite::Result<i64> {
        let text = ip.to_string();
        let number = self
            .addresses
            .number(&self.connection, &ip, params![text, special], 1)?;
        Ok(number.id)
    }

    fn certificate(&mut self, sha256: &str) -> rusqlite::Result<RowNumber> {
        self.certificates
            .number(&self.connection, sha256, params![sha256], 1)
    }

    /// `keys` are those of its exchanges; `kept` is the line, where the tables do not say all that is in it.
    pub(super) fn domain(
        &mut self,
        domain: &Domain,
        keys: &[ExchangeKey],
        kept: Option<&[u8]>,
    ) -> Result<Stored, Refused> {
        let time = instant(&domain.time)?;
        let id = self.name(&domain.domain)?;
        let run = self.run_number(&domain.run)?;
        let stored = if self.domain_row(OnConflict::Keep, id, run, domain, kept)? == 1 {
            Stored::New
        } else {
            let known: String = self
                .connection
                .prepare_cached("SELECT time FROM domain WHERE id = ?1")?
                .query_row([id], |row| row.get(0))?;
            match against(&known, time)? {
                Stored::Replaced => {}
                kept => return Ok(kept),
            }
            self.domain_row(OnConflict::Replace, id, run, domain, kept)?;
            self.forget_parts(
                id,
                &[
                    "DELETE FROM domain_exchange WHERE domain = ?1",
                    "DELETE FROM domain_fault WHERE domain = ?1",
                ],
            )?;
            Stored::Replaced
        };
        self.words(
            "INSERT INTO domain_fault (domain, fault) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            id,
            &domain.faults,
        )?;
        for (exchange, key) in domain.mx.iter().zip(keys) {
            let number = self.exchange(exchange, key)?;
            insert!(self.connection, OnConflict::Keep, "domain_exchange", {
                domain: id, preference: exchange.preference, exchange: number,
            })?;
        }
        Ok(stored)
    }

    fn domain_row(
        &self,
        conflict: OnConflict,
        id: i64,
        run: i64,
        domain: &Domain,
        kept: Option<&[u8]>,
    ) -> rusqlite::Result<usize> {
        insert!(self.connection, conflict, "domain", {
            id: id,
            phase: domain.outcome.phase.word(),
            reason: domain.outcome.reason.word(),
            implicit_mx: domain.implicit_mx,
            null_mx: domain.null_mx,
            dnssec: domain.dnssec.map(Dnssec::word),
            questions: domain.questions,
            elapsed_ms: i64::try_from(domain.elapsed_ms).unwrap_or(i64::MAX),
            time: domain.time,
            run: run,
            line: kept.map(Raw),
        })
    }

    /// The row of a set of keywords.
    fn capability_set(&mut self, capabilities: &Capabilities) -> rusqlite::Result<i64> {
        let mut keywords: Vec<String> = capabilities
            .keywords
            .iter()
            .map(|capability| printable(&capability.keyword))
            .collect();
        keywords.sort_unstable();
        keywords.dedup();
        let set = keywords.join(" ");
        let number = self
            .capabilities
            .number(&self.connection, set.as_str(), params![set], 1)?;
        if number.new {
            self.words(
                "INSERT INTO capability (capability_set, keyword) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                number.id,
                &keywords,
            )?;
        }
        Ok(number.id)
    }

    pub(super) fn smtp(&mut self, smtp: &Smtp, line: &[u8]) -> Result<Stored, Refused> {
        let time = instant(&smtp.time)?;
        let address = self.address(smtp.ip, None)?;
        let known: Option<(i64, String)> = self
            .connection
            .prepare_cached("SELECT id, time FROM smtp WHERE address = ?1 AND port = ?2")?
            .query_row(params![address, smtp.port], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let (id, stored) = match known {
            None => (None, Stored::New),
            Some((id, known)) => match against(&known, time)? {
                Stored::Replaced => (Some(id), Stored::Replaced),
                kept => return Ok(kept),
            },
        };
        let run = self.run_number(&smtp.run)?;
        let capabilities = smtp.capabilities.as_ref();
        let set = capabilities
            .map(|capabilities| self.capability_set(capabilities))
            .transpose()?;
        self.smtp_row(id, address, run, set, smtp, line)?;
        let (id, is_known) = self.row(id);
        if is_known {
            self.forget_parts(
                id,
                &[
                    "DELETE FROM smtp_auth WHERE smtp = ?1",
                    "DELETE FROM smtp_flag WHERE smtp = ?1",
                ],
            )?;
        }
        self.words(
            "INSERT INTO smtp_auth (smtp, mechanism) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            id,
            capabilities.map_or(&[][..], |capabilities| &capabilities.auth),
        )?;
        self.words(
            "INSERT INTO smtp_flag (smtp, flag) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            id,
            &smtp.flags,
        )?;
        Ok(stored)
    }

    fn smtp_row(
        &self,
        id: Option<i64>,
        address: i64,
        run: i64,
        set: Option<i64>,
        smtp: &Smtp,
        line: &[u8],
    ) -> rusqlite::Result<usize> {
        let banner = smtp.banner.as_ref();
        let size = smtp
            .capabilities
            .as_ref()
            .and_then(|capabilities| capabilities.size);
        insert!(self.connection, OnConflict::Replace, "smtp", {
            id: id,
            address: address,
            port: smtp.port,
            phase: smtp.outcome.phase.word(),
            reason: smtp.outcome.reason.word(),
            detail: detail(&smtp.outcome),
            esmtp: smtp.esmtp,
            advertised: smtp.starttls.advertised,
            accepted: smtp.starttls.accepted,
            masked: smtp.starttls.masked.as_deref().map(printable),
            injected: smtp.starttls.injected.is_some(),
            banner_code: banner.map(|reply| reply.code),
            banner: banner.and_then(|reply| reply.lines.first()).map(shown_text),
            ehlo_code: smtp.ehlo.as_ref().map(|reply| reply.code),
            helo_code: smtp.helo.as_ref().map(|reply| reply.code),
            capabilities: set,
            size: size.and_then(|size| i64::try_from(size).ok()),
            software: smtp.software.as_deref().map(printable),
            connections: smtp.connections,
            attempts: smtp.attempts,
            time: smtp.time,
            run: run,
            line: Raw(line),
        })
    }

    pub(super) fn tls(&mut self, tls: &Tls, line: &[u8]) -> Result<Stored, Refused> {
        let time = instant(&tls.time)?;
        let address = self.address(tls.ip, None)?;
        let sni = match &tls.server_name {
            Some(name) if self.by_name.contains(&tls.run) => Some(self.name(name)?),
            _ => None,
        };
        let known: Option<(i64, String)> = self
            .connection
            .prepare_cached(
                "SELECT id, time FROM tls WHERE address = ?1 AND port = ?2 AND coalesce(sni, 0) = coalesce(?3, 0)",
            )?
            .query_row(params![address, tls.port, sni], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let (id, stored) = match known {
            None => (None, Stored::New),
            Some((id, known)) => match against(&known, time)? {
                Stored::Replaced => (Some(id), Stored::Replaced),
                kept => return Ok(kept),
            },
        };
        let chain: Vec<i64> = (tls.chain.iter())
            .map(|sha256| Ok(self.certificate(sha256)?.id))
            .collect::<rusqlite::Result<_>>()?;
        let leaf = match (chain.first(), &tls.leaf) {
            (Some(&leaf), _) => Some(leaf),
            (None, Some(leaf)) => Some(self.certificate(&leaf.sha256)?.id),
            (None, None) => None,
        };
        let places = TlsPlaces {
            id,
            address,
            sni,
            leaf,
            run: self.run_number(&tls.run)?,
        };
        self.tls_row(&places, tls, line)?;
        let (id, is_known) = self.row(id);
        if is_known {
            self.forget_parts(
                id,
                &[
                    "DELETE FROM chain WHERE tls = ?1",
                    "DELETE FROM verdict WHERE tls = ?1",
                    "DELETE FROM verdict_also WHERE tls = ?1",
                    "DELETE FROM tls_flag WHERE tls = ?1",
                ],
            )?;
        }
        self.words(
            "INSERT INTO tls_flag (tls, flag) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            id,
            &tls.flags,
        )?;
        self.chain(id, &chain)?;
        self.verdicts(id, &tls.verdicts)?;
        Ok(stored)
    }

    /// The certificates that a server sent, in its order.
    fn chain(&self, tls: i64, certificates: &[i64]) -> rusqlite::Result<()> {
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO chain (tls, position, certificate) VALUES (?1, ?2, ?3)")?;
        for (position, certificate) in certificates.iter().enumerate() {
            insert.execute(params![tls, position as i64, certificate])?;
        }
        Ok(())
    }

    fn tls_row(&self, places: &TlsPlaces, tls: &Tls, line: &[u8]) -> rusqlite::Result<usize> {
        let (cipher, dh) = (tls.cipher.as_ref(), tls.dh.as_ref());
        insert!(self.connection, OnConflict::Replace, "tls", {
            id: places.id,
            address: places.address,
            port: tls.port,
            sni: places.sni,
            server_name: tls.server_name,
            phase: tls.outcome.phase.word(),
            reason: tls.outcome.reason.word(),
            detail: detail(&tls.outcome),
            accepted: tls.accepted,
            negotiated: tls.negotiated,
            completed: tls.completed,
            version: word(tls.version.as_ref()),
            cipher: cipher.map(|cipher| &cipher.iana),
            openssl: cipher.and_then(|cipher| cipher.openssl.as_ref()),
            bits: cipher.and_then(|cipher| cipher.bits),
            group: word(tls.group.as_ref()),
            dh_bits: dh.map(|dh| dh.bits),
            dh_name: dh.and_then(|dh| dh.name.as_ref()),
            signature_scheme: word(tls.signature_scheme.as_ref()),
            leaf: places.leaf,
            alert: word(tls.alert.as_ref().map(|alert| &alert.description)),
            connections: tls.connections,
            attempts: tls.attempts,
            time: tls.time,
            run: places.run,
            line: Raw(line),
        })
    }

    fn verdicts(&self, tls: i64, verdicts: &[Verdict]) -> rusqlite::Result<()> {
        for (position, verdict) in verdicts.iter().enumerate() {
            let position = position as i64;
            insert!(self.connection, OnConflict::Keep, "verdict", {
                tls: tls,
                position: position,
                store: verdict.store,
                store_date: verdict.store_date,
                at: verdict.at,
                valid: verdict.valid,
                reason: verdict.reason.word(),
            })?;
            for reason in &verdict.also {
                self.connection
                    .prepare_cached(
                        "INSERT INTO verdict_also (tls, position, reason) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                    )?
                    .execute(params![tls, position, reason.word()])?;
            }
        }
        Ok(())
    }

    /// A certificate is what its hash says: the first record of it stands.
    pub(super) fn cert(&mut self, cert: &Cert, line: &[u8]) -> Result<Stored, Refused> {
        instant(&cert.time)?;
        let run = self.run_number(&cert.run)?;
        let known = match self.certificates.cached(cert.sha256.as_str()) {
            None if self.certificate_row(OnConflict::Keep, None, run, cert, line)? == 1 => None,
            None => Some(self.certificate(&cert.sha256)?.id),
            known => known,
        };
        let id = match known {
            None => {
                let id = self.connection.last_insert_rowid();
                self.certificates.keep(cert.sha256.as_str().into(), id);
                id
            }
            Some(id) => {
                // A chain may have named it before its record came.
                let is_seen: bool = self
                    .connection
                    .prepare_cached("SELECT line IS NOT NULL FROM certificate WHERE id = ?1")?
                    .query_row([id], |row| row.get(0))?;
                if is_seen {
                    return Ok(Stored::Repeated);
                }
                self.certificate_row(OnConflict::Replace, Some(id), run, cert, line)?;
                id
            }
        };
        let names = cert.facts.iter().flat_map(|facts| {
            let dns = facts.names.iter().map(|name| ("dns", name));
            dns.chain(facts.common_names.iter().map(|name| ("cn", name)))
        });
        for (kind, name) in names {
            insert!(self.connection, OnConflict::Keep, "certificate_name", {
                certificate: id, kind: kind, name: shown_text(name),
            })?;
        }
        Ok(Stored::New)
    }

    fn certificate_row(
        &self,
        conflict: OnConflict,
        id: Option<i64>,
        run: i64,
        cert: &Cert,
        line: &[u8],
    ) -> rusqlite::Result<usize> {
        let facts = cert.facts.as_ref();
        insert!(self.connection, conflict, "certificate", {
            id: id,
            sha256: cert.sha256,
            subject: facts.map(|facts| shown_text(&facts.subject)),
            issuer: facts.map(|facts| shown_text(&facts.issuer)),
            not_before: facts.and_then(|facts| facts.not_before.as_ref()),
            not_after: facts.and_then(|facts| facts.not_after.as_ref()),
            key_type: word(facts.map(|facts| &facts.key_type)),
            key_bits: facts.and_then(|facts| facts.key_bits),
            spki_sha256: facts.map(|facts| &facts.spki_sha256),
            signature_algorithm: word(facts.map(|facts| &facts.signature_algorithm)),
            self_issued: facts.map(|facts| facts.self_issued),
            self_signed: facts.and_then(|facts| facts.self_signed),
            ca: facts.map(|facts| facts.ca),
            must_staple: facts.map(|facts| facts.must_staple),
            scts: facts.map(|facts| facts.scts),
            fault: cert.fault.as_deref().map(printable),
            time: cert.time,
            run: run,
            line: Raw(line),
        })
    }

    pub(super) fn run(&mut self, run: &Run, line: &[u8]) -> Result<Stored, Refused> {
        if asks_each_name(run) {
            self.by_name.insert(run.id.clone());
        }
        let id = self.run_number(&run.id)?;
        let sql = match run.event {
            Event::Start => {
                "UPDATE run SET stage = ?2, version = ?3, started = ?4, line = ?6 WHERE id = ?1 AND started IS NULL"
            }
            Event::End => {
                "UPDATE run SET stage = coalesce(stage, ?2), version = coalesce(version, ?3), ended = ?4, \
                 interrupted = ?5, end_line = ?6 WHERE id = ?1 AND ended IS NULL"
            }
        };
        let mut statement = self.connection.prepare_cached(sql)?;
        let interrupted =
            matches!(run.event, Event::End).then_some(run.interrupted.unwrap_or(false));
        // SQLite wants every parameter up to the highest to be bound.
        let changed = statement.execute(params![
            id,
            printable(&run.stage),
            printable(&run.version),
            run.time,
            interrupted,
            Raw(line)
        ])?;
        Ok(if changed == 1 {
            Stored::New
        } else {
            Stored::Repeated
        })
    }

    pub(super) fn unknown(&mut self, tag: &str, line: &[u8]) -> Result<Stored, Refused> {
        let digest = Sha256::digest(line);
        let number = ask(
            &self.connection,
            "INSERT INTO unknown (digest, type, line) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            "SELECT id FROM unknown WHERE digest = ?1",
            params![digest.as_slice(), printable(tag), Raw(line)],
            1,
        )?;
        Ok(if number.new {
            Stored::New
        } else {
            Stored::Repeated
        })
    }
}

/// Rows that a handshake belongs to.
struct TlsPlaces {
    /// Its own, where it replaces an earlier one.
    id: Option<i64>,
    address: i64,
    sni: Option<i64>,
    leaf: Option<i64>,
    run: i64,
}

/// A count that SQLite can hold.
pub(super) fn count(value: Option<u64>) -> Result<Option<i64>, Refused> {
    value
        .map(|value| i64::try_from(value).map_err(|_| Refused::Line(format!("no count: {value}"))))
        .transpose()
}

pub(super) fn shown(count: Option<i64>) -> String {
    count.map_or_else(|| "no".into(), |count| count.to_string())
}

/// Text of the network as it may stand in a column that people print; its bytes are in `line`.
pub(super) fn shown_text(text: &Text) -> String {
    printable(&text.lossy())
}

/// The word of a vocabulary, for a column.
pub(super) fn word<W: AsRef<str>>(value: Option<&W>) -> Option<&str> {
    value.map(AsRef::as_ref)
}

fn detail(outcome: &Outcome) -> Option<String> {
    outcome.detail.as_ref().map(shown_text)
}
