//! A join of two ordered queries by walking them side by side: no index is asked, nothing is kept.

use rusqlite::{CachedStatement, Row};

/// The many side of a join, walked beside the one side; both are in the order of its key.
pub(super) struct Merge<'c> {
    statement: CachedStatement<'c>,
}

pub(super) struct Merged<'s> {
    rows: rusqlite::Rows<'s>,
    /// Key, value, and a third column where there is one.
    ahead: Option<(usize, u32, u32)>,
    begun: bool,
}

impl<'c> Merge<'c> {
    pub(super) fn new(statement: CachedStatement<'c>) -> Self {
        Self { statement }
    }

    pub(super) fn rows(&mut self) -> rusqlite::Result<Merged<'_>> {
        Ok(Merged {
            rows: self.statement.query([])?,
            ahead: None,
            begun: false,
        })
    }
}

impl Merged<'_> {
    fn step(&mut self) -> rusqlite::Result<()> {
        self.ahead = match self.rows.next()? {
            None => None,
            Some(row) => {
                let third = if row.as_ref().column_count() > 2 {
                    row.get(2)?
                } else {
                    0
                };
                Some((index(row, 0)?, row.get(1)?, third))
            }
        };
        self.begun = true;
        Ok(())
    }

    pub(super) fn next_pair_of(&mut self, key: usize) -> rusqlite::Result<Option<(u32, u32)>> {
        if !self.begun {
            self.step()?;
        }
        while let Some((found, ..)) = self.ahead
            && found < key
        {
            self.step()?;
        }
        match self.ahead {
            Some((found, value, third)) if found == key => {
                self.step()?;
                Ok(Some((value, third)))
            }
            _ => Ok(None),
        }
    }
}

/// A row number, for indexing.
pub(super) fn index(row: &Row<'_>, column: usize) -> rusqlite::Result<usize> {
    let id: u32 = row.get(column)?;
    Ok(id as usize)
}
