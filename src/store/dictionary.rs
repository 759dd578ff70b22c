//! Numbers for what is named again and again: names, addresses, certificates, runs, keyword sets. The database is the
//! truth; a bounded cache in front of it spares the question.

use std::hash::Hash;

use hashbrown::HashMap;
use rusqlite::{Connection, ToSql};

/// Entries of a cache before it starts anew: with 64 bytes each, 16 MiB.
const CACHED: usize = 1 << 18;

/// The numbers of one dictionary table.
pub struct Dictionary<K> {
    cached: HashMap<K, i64>,
    insert: &'static str,
    select: &'static str,
}

impl<K: Hash + Eq> Dictionary<K> {
    /// A dictionary filled by `insert` (which does nothing where the key exists) and asked by `select`.
    pub fn new(insert: &'static str, select: &'static str) -> Self {
        Self {
            cached: HashMap::new(),
            insert,
            select,
        }
    }

    /// The number of a key that is cached.
    pub fn cached<Q>(&self, key: &Q) -> Option<i64>
    where
        Q: Hash + hashbrown::Equivalent<K> + ?Sized,
    {
        self.cached.get(key).copied()
    }

    /// Keeps the number of a key at hand.
    pub fn keep(&mut self, key: K, id: i64) {
        if self.cached.len() >= CACHED {
            self.cached.clear();
        }
        self.cached.insert(key, id);
    }

    /// The number of a key, a new one where it has none. `parameters` begin with those of `select`.
    pub fn number<Q>(
        &mut self,
        connection: &Connection,
        key: &Q,
        parameters: &[&dyn ToSql],
        asked: usize,
    ) -> rusqlite::Result<RowNumber>
    where
        Q: Hash + hashbrown::Equivalent<K> + ToKey<K> + ?Sized,
    {
        if let Some(&id) = self.cached.get(key) {
            return Ok(RowNumber { id, new: false });
        }
        let number = ask(connection, self.insert, self.select, parameters, asked)?;
        self.keep(key.to_key(), number.id);
        Ok(number)
    }

    /// Forgets what it cached: after a rollback its numbers may be gone.
    pub fn forget(&mut self) {
        self.cached.clear();
    }
}

/// A number, and whether it was given out just now.
#[derive(Clone, Copy, Debug)]
pub struct RowNumber {
    /// The row.
    pub id: i64,
    /// It was not there before.
    pub new: bool,
}

/// The same without a cache, for keys that come once or twice.
pub fn ask(
    connection: &Connection,
    insert: &str,
    select: &str,
    parameters: &[&dyn ToSql],
    asked: usize,
) -> rusqlite::Result<RowNumber> {
    if connection.prepare_cached(insert)?.execute(parameters)? == 1 {
        return Ok(RowNumber {
            id: connection.last_insert_rowid(),
            new: true,
        });
    }
    let id = connection
        .prepare_cached(select)?
        .query_row(&parameters[..asked], |row| row.get(0))?;
    Ok(RowNumber { id, new: false })
}

/// An owned key from a borrowed one.
pub trait ToKey<K> {
    /// The key to keep.
    fn to_key(&self) -> K;
}

impl ToKey<Box<str>> for str {
    fn to_key(&self) -> Box<str> {
        self.into()
    }
}

impl<K: Copy> ToKey<K> for K {
    fn to_key(&self) -> K {
        *self
    }
}
