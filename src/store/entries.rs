//! Lists and their entries: no count twice, no rank twice.

use rusqlite::params;

use super::insert::{OnConflict, insert};
use super::ranks::Ranks;
use super::rows::{count, shown};
use super::writer::{Raw, Refused, Stored, SurveyWriter};
use crate::ndjson::printable;
use crate::record::{Listed, Other};

impl SurveyWriter {
    /// The list, if its total is `of` as before.
    fn list(&mut self, source: &str, of: Option<u64>) -> Result<i64, Refused> {
        let of = count(of)?;
        let list = self
            .lists
            .number(&self.connection, source, params![source, of], 1)?;
        if list.new {
            return Ok(list.id);
        }
        let known = match self.totals.get(&list.id) {
            Some(&known) => known,
            None => {
                let known: Option<i64> = self
                    .connection
                    .prepare_cached("SELECT of FROM list WHERE id = ?1")?
                    .query_row([list.id], |row| row.get(0))?;
                self.totals.insert(list.id, known);
                known
            }
        };
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

    /// `kept` is the line, where the columns do not say all that is in it.
    pub(super) fn listed(
        &mut self,
        listed: &Listed,
        kept: Option<&[u8]>,
    ) -> Result<Stored, Refused> {
        let (rank, users) = (count(listed.rank)?, count(listed.users)?);
        let list = self.list(&listed.source, listed.of)?;
        let domain = self.name(&listed.domain)?;
        let run = listed
            .run
            .as_deref()
            .map(|run| self.run_number(run))
            .transpose()?;
        self.read_ranks(list)?;
        let added = insert!(self.connection, OnConflict::Keep, "entry", {
            list: list, domain: domain, rank: rank, users: users, run: run, line: kept.map(Raw),
        })?;
        if added == 1 {
            let ranks = self.ranks.entry(list).or_default();
            return match listed.rank {
                Some(rank) if !ranks.take(rank) => {
                    Err(self.shares_rank(list, domain, rank, listed)?)
                }
                _ => Ok(Stored::New),
            };
        }
        let known: (Option<i64>, Option<i64>) = self
            .connection
            .prepare_cached("SELECT rank, users FROM entry WHERE list = ?1 AND domain = ?2")?
            .query_row([list, domain], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let what = if known.1 != users {
            format!(
                "{} users here, {} before: two counts are never added up",
                shown(users),
                shown(known.1)
            )
        } else if known.0 != rank {
            format!("rank {} here, {} before", shown(rank), shown(known.0))
        } else {
            return Ok(Stored::Repeated);
        };
        Err(Refused::Line(format!(
            "{} in the list {} has {what}",
            printable(&listed.domain),
            printable(&listed.source),
        )))
    }

    /// Ranks that were given out before this writer began.
    fn read_ranks(&mut self, list: i64) -> rusqlite::Result<()> {
        if self.ranks.contains_key(&list) {
            return Ok(());
        }
        let mut ranks = Ranks::default();
        let mut statement = self
            .connection
            .prepare_cached("SELECT rank FROM entry WHERE list = ?1 AND rank IS NOT NULL")?;
        let mut rows = statement.query([list])?;
        while let Some(row) = rows.next()? {
            ranks.take(row.get(0)?);
        }
        drop(rows);
        drop(statement);
        self.ranks.insert(list, ranks);
        Ok(())
    }

    /// Takes an entry back whose rank another domain has.
    fn shares_rank(
        &self,
        list: i64,
        domain: i64,
        rank: u64,
        listed: &Listed,
    ) -> rusqlite::Result<Refused> {
        self.connection
            .prepare_cached("DELETE FROM entry WHERE list = ?1 AND domain = ?2")?
            .execute([list, domain])?;
        Ok(Refused::Line(format!(
            "{} in the list {} has the rank {rank}, which another domain has: it is no list of buckets, and two never share one",
            printable(&listed.domain),
            printable(&listed.source),
        )))
    }

    pub(super) fn other(&mut self, other: &Other, line: &[u8]) -> Result<Stored, Refused> {
        let (domains, users) = (count(Some(other.domains))?, count(Some(other.users))?);
        let list = self.list(&other.source, Some(other.of))?;
        let added = insert!(self.connection, OnConflict::Keep, "entry_other", {
            list: list, domains: domains, users: users, line: Raw(line),
        })?;
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
}
