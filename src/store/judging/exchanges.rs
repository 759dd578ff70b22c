//! The exchanges of all domains, walked beside the domains.

use rusqlite::Rows;

use crate::store::whole::ExchangeRow;

/// The exchanges of all domains.
pub(super) struct Exchanges<'s> {
    rows: Rows<'s>,
    ahead: Option<ExchangeRow>,
    is_begun: bool,
}

impl<'s> Exchanges<'s> {
    /// Of rows in the order of domains, with the columns of [`ExchangeRow::read`].
    pub(super) fn new(rows: Rows<'s>) -> Self {
        Self {
            rows,
            ahead: None,
            is_begun: false,
        }
    }

    fn step(&mut self) -> rusqlite::Result<Option<ExchangeRow>> {
        self.is_begun = true;
        let next = self.rows.next()?.map(ExchangeRow::read).transpose()?;
        Ok(std::mem::replace(&mut self.ahead, next))
    }

    /// Those of a domain, by preference, then name; domains are asked for in order.
    pub(super) fn next_of(&mut self, domain: usize) -> rusqlite::Result<Vec<ExchangeRow>> {
        if !self.is_begun {
            self.step()?;
        }
        let mut found = Vec::new();
        while (self.ahead.as_ref()).is_some_and(|row| row.domain <= domain) {
            found.extend(self.step()?.filter(|row| row.domain == domain));
        }
        // SQLite would sort each domain's by themselves, and begin anew each time.
        found.sort_by(|a, b| {
            let key = |row: &ExchangeRow| row.exchange.preference;
            (key(a).cmp(&key(b))).then_with(|| a.exchange.exchange.cmp(&b.exchange.exchange))
        });
        Ok(found)
    }
}
