//! Two surveys side by side: what has the same name in both, and what each says of it in few bytes. Names and addresses are
//! joined by merging two ordered walks through the index that each database has of them, so that nothing is sorted and
//! neither has to be attached to the other.

use std::cmp::Ordering;

use rusqlite::{Connection, Row, Rows};

/// Every name of two surveys in the order of its letters: its row of `name` in the earlier and in the later one.
pub fn paired_names(
    earlier: &Connection,
    later: &Connection,
    each: impl FnMut(Option<u32>, Option<u32>, &str),
) -> rusqlite::Result<()> {
    paired(
        earlier,
        later,
        "SELECT id, name FROM name ORDER BY name",
        each,
    )
}

/// Every address of two surveys in the order of its letters: its row of `address` in the earlier and in the later one.
pub fn paired_addresses(
    earlier: &Connection,
    later: &Connection,
    each: impl FnMut(Option<u32>, Option<u32>, &str),
) -> rusqlite::Result<()> {
    paired(
        earlier,
        later,
        "SELECT id, ip FROM address ORDER BY ip",
        each,
    )
}

/// A row of a walk: number and text.
#[derive(Default)]
struct Walked {
    id: u32,
    text: String,
}

impl Walked {
    /// Takes the next row; false: there is none.
    fn next(&mut self, rows: &mut Rows<'_>) -> rusqlite::Result<bool> {
        let Some(row) = rows.next()? else {
            return Ok(false);
        };
        self.id = row.get(0)?;
        self.text.clear();
        self.text
            .push_str(row.get_ref(1)?.as_str().unwrap_or_default());
        Ok(true)
    }
}

fn paired(
    earlier: &Connection,
    later: &Connection,
    ordered: &str,
    mut each: impl FnMut(Option<u32>, Option<u32>, &str),
) -> rusqlite::Result<()> {
    let (mut before, mut after) = (earlier.prepare(ordered)?, later.prepare(ordered)?);
    let (mut before, mut after) = (before.query([])?, after.query([])?);
    let (mut old, mut new) = (Walked::default(), Walked::default());
    let mut has_old = old.next(&mut before)?;
    let mut has_new = new.next(&mut after)?;
    while has_old || has_new {
        let order = match (has_old, has_new) {
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            _ => old.text.cmp(&new.text),
        };
        match order {
            Ordering::Less => each(Some(old.id), None, &old.text),
            Ordering::Greater => each(None, Some(new.id), &new.text),
            Ordering::Equal => each(Some(old.id), Some(new.id), &new.text),
        }
        if order != Ordering::Greater {
            has_old = old.next(&mut before)?;
        }
        if order != Ordering::Less {
            has_new = new.next(&mut after)?;
        }
    }
    Ok(())
}

/// Every judged server: row of `address`, whether it answered, packed facts.
pub fn judged_servers(
    connection: &Connection,
    mut each: impl FnMut(u32, bool, i64),
) -> rusqlite::Result<()> {
    walk(
        connection,
        "SELECT address, answered, facts FROM judged_server",
        |row| {
            each(row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(())
        },
    )
}

/// Every address of every exchange, as rows of `exchange` and `address`, in this order.
pub fn exchange_addresses(
    connection: &Connection,
    mut each: impl FnMut(u32, u32),
) -> rusqlite::Result<()> {
    walk(
        connection,
        "SELECT exchange, address FROM exchange_address ORDER BY exchange, address",
        |row| {
            each(row.get(0)?, row.get(1)?);
            Ok(())
        },
    )
}

/// Every problem of a domain itself: row of `name`, the words of its code and severity; in the order of domains.
pub fn problems_of_domains(
    connection: &Connection,
    each: impl FnMut(u32, &str, &str),
) -> rusqlite::Result<()> {
    problem_words(
        connection,
        "SELECT domain, code, severity FROM domain_problem ORDER BY domain, position",
        each,
    )
}

/// Every problem of a server: row of `address`, the words of its code and severity; in the order of addresses.
pub fn problems_of_servers(
    connection: &Connection,
    each: impl FnMut(u32, &str, &str),
) -> rusqlite::Result<()> {
    problem_words(
        connection,
        "SELECT address, code, severity FROM server_problem ORDER BY address, code",
        each,
    )
}

fn problem_words(
    connection: &Connection,
    sql: &str,
    mut each: impl FnMut(u32, &str, &str),
) -> rusqlite::Result<()> {
    walk(connection, sql, |row| {
        let word = |column| {
            row.get_ref(column)
                .map(|it| it.as_str().unwrap_or_default())
        };
        each(row.get(0)?, word(1)?, word(2)?);
        Ok(())
    })
}

fn walk(
    connection: &Connection,
    sql: &str,
    mut each: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        each(row)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_meet_by_their_letters() {
        let database = |names: &[&str]| {
            let connection = crate::store::temporary().unwrap();
            for name in names {
                let insert = "INSERT INTO name (name) VALUES (?1)";
                connection.execute(insert, [name]).unwrap();
            }
            connection
        };
        let met = |old: &[&str], new: &[&str]| {
            let mut met = Vec::new();
            paired_names(&database(old), &database(new), |old, new, name| {
                met.push((old, new, name.to_owned()));
            })
            .unwrap();
            met
        };
        assert_eq!(
            met(&["c", "a"], &["b", "c", "d"]),
            [
                (Some(2), None, "a".to_owned()),
                (None, Some(1), "b".to_owned()),
                (Some(1), Some(2), "c".to_owned()),
                (None, Some(3), "d".to_owned()),
            ]
        );
        assert_eq!(met(&[], &[]), []);
        assert_eq!(met(&["a"], &[]).len(), 1);
    }
}
