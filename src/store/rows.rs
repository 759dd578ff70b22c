//! One method for each record type: its rows, its edges, its conflicts.

use rusqlite::{OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::dictionary::{RowNumber, ask};
use super::writer::{Raw, Refused, Stored, SurveyWriter, against, asks_each_name, instant};
use crate::ndjson::printable;
use crate::record::{
    Capabilities, Cert, Dnssec, Domain, Event, Listed, Other, Outcome, Run, Smtp, Text, Tls,
    Verdict,
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

    /// The list, if its total is `of` as before.
    fn list(&mut self, source: &str, of: Option<u64>) -> Result<i64, Refused> {
        let of = count(of)?;
        let list = self
            .lists
            .number(&self.connection, source, params![source, of], 1)?;
        if list.new {
            return Ok(list.id);
        }
        let known: Option<i64> = self
            .connection
            .prepare_cached("SELECT of FROM list WHERE id = ?1")?
            .query_row([list.id], |row| row.get(0))?;
        if known != of {
            return Err(Refused::Line(format!(
                "the list {} has {} users in all here, {} before",
                printable(source),
                shown(of),
                shown(known)
            )));
        }
        Ok(list.id)
    }

    pub(super) fn listed(&mut self, listed: &Listed, line: &[u8]) -> Result<Stored, Refused> {
        let (rank, users) = (count(listed.rank)?, count(listed.users)?);
        let list = self.list(&listed.source, listed.of)?;
        let domain = self.name(&listed.domain)?;
        let run = listed
            .run
            .as_deref()
            .map(|run| self.run_number(run))
            .transpose()?;
        let added = self
            .connection
            .prepare_cached(
                "INSERT INTO entry (list, domain, rank, users, run, line) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
                 ON CONFLICT DO NOTHING",
            )?
            .execute(params![list, domain, rank, users, run, Raw(line)])?;
        if added == 1 {
            return Ok(Stored::New);
        }
        let known: Option<i64> = self
            .connection
            .prepare_cached("SELECT users FROM entry WHERE list = ?1 AND domain = ?2")?
            .query_row([list, domain], |row| row.get(0))?;
        if known != users {
            return Err(Refused::Line(format!(
                "{} in the list {} has {} users here, {} before: two counts are never added up",
                printable(&listed.domain),
                printable(&listed.source),
                shown(users),
                shown(known)
            )));
        }
        Ok(Stored::Repeated)
    }

    pub(super) fn other(&mut self, other: &Other, line: &[u8]) -> Result<Stored, Refused> {
        let (domains, users) = (count(Some(other.domains))?, count(Some(other.users))?);
        let list = self.list(&other.source, Some(other.of))?;
        let added = self
            .connection
            .prepare_cached(
                "INSERT INTO entry_other (list, domains, users, line) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            )?
            .execute(params![list, domains, users, Raw(line)])?;
        if added == 1 {
            return Ok(Stored::New);
        }
        let known: (Option<i64>, Option<i64>) = self
            .connection
            .prepare_cached("SELECT domains, users FROM entry_other WHERE list = ?1")?
            .query_row([list], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if known != (domains, users) {
            return Err(Refused::Line(format!(
                "the other domains of the list {} have {} users here, {} before",
                printable(&other.source),
                shown(users),
                shown(known.1)
            )));
        }
        Ok(Stored::Repeated)
    }

    pub(super) fn domain(&mut self, domain: &Domain, line: &[u8]) -> Result<Stored, Refused> {
        let time = instant(&domain.time)?;
        let id = self.name(&domain.domain)?;
        let run = self.run_number(&domain.run)?;
        let row = params![
            id,
            domain.outcome.phase.word(),
            domain.outcome.reason.word(),
            domain.implicit_mx,
            domain.null_mx,
            domain.dnssec.map(Dnssec::word),
            domain.time,
            run,
            Raw(line),
        ];
        let added = self
            .connection
            .prepare_cached(
                "INSERT INTO domain (id, phase, reason, implicit_mx, null_mx, dnssec, time, run, line) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING",
            )?
            .execute(row)?;
        let stored = if added == 1 {
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
            self.connection
                .prepare_cached(
                    "UPDATE domain SET phase = ?2, reason = ?3, implicit_mx = ?4, null_mx = ?5, dnssec = ?6, \
                     time = ?7, run = ?8, line = ?9 WHERE id = ?1",
                )?
                .execute(row)?;
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
        for exchange in &domain.mx {
            let number = self.exchange(exchange)?;
            self.connection
                .prepare_cached(
                    "INSERT INTO domain_exchange (domain, preference, exchange) VALUES (?1, ?2, ?3) \
                     ON CONFLICT DO NOTHING",
                )?
                .execute(params![id, exchange.preference, number])?;
        }
        Ok(stored)
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
        self.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO smtp (id, address, port, phase, reason, detail, esmtp, advertised, accepted, \
                 masked, injected, banner_code, banner, ehlo_code, helo_code, capabilities, size, software, \
                 connections, attempts, time, run, line) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, \
                 ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)",
            )?
            .execute(params![
                id,
                address,
                smtp.port,
                smtp.outcome.phase.word(),
                smtp.outcome.reason.word(),
                detail(&smtp.outcome),
                smtp.esmtp,
                smtp.starttls.advertised,
                smtp.starttls.accepted,
                smtp.starttls.masked.as_deref().map(printable),
                smtp.starttls.injected.is_some(),
                smtp.banner.as_ref().map(|reply| reply.code),
                smtp.banner.as_ref().and_then(|reply| reply.lines.first()).map(shown_text),
                smtp.ehlo.as_ref().map(|reply| reply.code),
                smtp.helo.as_ref().map(|reply| reply.code),
                set,
                capabilities.and_then(|capabilities| capabilities.size).and_then(|size| i64::try_from(size).ok()),
                smtp.software.as_deref().map(printable),
                smtp.connections,
                smtp.attempts,
                smtp.time,
                run,
                Raw(line),
            ])?;
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
        let run = self.run_number(&tls.run)?;
        let mut chain = Vec::with_capacity(tls.chain.len());
        for sha256 in &tls.chain {
            chain.push(self.certificate(sha256)?.id);
        }
        let leaf = match (chain.first(), &tls.leaf) {
            (Some(&leaf), _) => Some(leaf),
            (None, Some(leaf)) => Some(self.certificate(&leaf.sha256)?.id),
            (None, None) => None,
        };
        self.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO tls (id, address, port, sni, server_name, phase, reason, detail, accepted, \
                 negotiated, completed, version, cipher, openssl, bits, \"group\", dh_bits, dh_name, signature_scheme, \
                 leaf, alert, connections, attempts, time, run, line) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, \
                 ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26)",
            )?
            .execute(params![
                id,
                address,
                tls.port,
                sni,
                tls.server_name,
                tls.outcome.phase.word(),
                tls.outcome.reason.word(),
                detail(&tls.outcome),
                tls.accepted,
                tls.negotiated,
                tls.completed,
                word(tls.version.as_ref()),
                tls.cipher.as_ref().map(|cipher| &cipher.iana),
                tls.cipher.as_ref().and_then(|cipher| cipher.openssl.as_ref()),
                tls.cipher.as_ref().and_then(|cipher| cipher.bits),
                word(tls.group.as_ref()),
                tls.dh.as_ref().map(|dh| dh.bits),
                tls.dh.as_ref().and_then(|dh| dh.name.as_ref()),
                word(tls.signature_scheme.as_ref()),
                leaf,
                word(tls.alert.as_ref().map(|alert| &alert.description)),
                tls.connections,
                tls.attempts,
                tls.time,
                run,
                Raw(line),
            ])?;
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
        for (position, certificate) in chain.iter().enumerate() {
            self.connection
                .prepare_cached(
                    "INSERT INTO chain (tls, position, certificate) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![id, position as i64, certificate])?;
        }
        self.verdicts(id, &tls.verdicts)?;
        Ok(stored)
    }

    fn verdicts(&self, tls: i64, verdicts: &[Verdict]) -> rusqlite::Result<()> {
        for (position, verdict) in verdicts.iter().enumerate() {
            let position = position as i64;
            self.connection
                .prepare_cached(
                    "INSERT INTO verdict (tls, position, store, store_date, at, valid, reason) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .execute(params![
                    tls,
                    position,
                    verdict.store,
                    verdict.store_date,
                    verdict.at,
                    verdict.valid,
                    verdict.reason.word(),
                ])?;
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
        let number = self.certificate(&cert.sha256)?;
        let run = self.run_number(&cert.run)?;
        let facts = cert.facts.as_ref();
        let filled = self
            .connection
            .prepare_cached(
                "UPDATE certificate SET subject = ?2, issuer = ?3, not_before = ?4, not_after = ?5, key_type = ?6, \
                 key_bits = ?7, spki_sha256 = ?8, signature_algorithm = ?9, self_issued = ?10, self_signed = ?11, ca = ?12, \
                 must_staple = ?13, scts = ?14, fault = ?15, time = ?16, run = ?17, line = ?18 \
                 WHERE id = ?1 AND line IS NULL",
            )?
            .execute(params![
                number.id,
                facts.map(|facts| shown_text(&facts.subject)),
                facts.map(|facts| shown_text(&facts.issuer)),
                facts.and_then(|facts| facts.not_before.as_ref()),
                facts.and_then(|facts| facts.not_after.as_ref()),
                word(facts.map(|facts| &facts.key_type)),
                facts.and_then(|facts| facts.key_bits),
                facts.map(|facts| &facts.spki_sha256),
                word(facts.map(|facts| &facts.signature_algorithm)),
                facts.map(|facts| facts.self_issued),
                facts.and_then(|facts| facts.self_signed),
                facts.map(|facts| facts.ca),
                facts.map(|facts| facts.must_staple),
                facts.map(|facts| facts.scts),
                cert.fault.as_deref().map(printable),
                cert.time,
                run,
                Raw(line),
            ])?;
        if filled == 0 {
            return Ok(Stored::Repeated);
        }
        let names = facts.iter().flat_map(|facts| {
            let dns = facts.names.iter().map(|name| ("dns", name));
            dns.chain(facts.common_names.iter().map(|name| ("cn", name)))
        });
        for (kind, name) in names {
            self.connection
                .prepare_cached(
                    "INSERT INTO certificate_name (certificate, kind, name) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                )?
                .execute(params![number.id, kind, shown_text(name)])?;
        }
        Ok(Stored::New)
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

/// A count that SQLite can hold.
fn count(value: Option<u64>) -> Result<Option<i64>, Refused> {
    value
        .map(|value| i64::try_from(value).map_err(|_| Refused::Line(format!("no count: {value}"))))
        .transpose()
}

fn shown(count: Option<i64>) -> String {
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
