//! Questions as views, made anew whenever a database is opened for writing; and the ways back through the tables.

use rusqlite::Connection;

use super::error::StoreError;
use super::packed::spelled;
use super::schema::MAIL;
use crate::judge::{FACTS, RULES, Rule};

/// The views; `{…}` stands for columns that are spelled from packed facts.
const VIEWS: &str = include_str!("views.sql");

/// Ways back, made when the input has ended: made while rows arrive they would cost more.
const INDEXES: &str = include_str!("indexes.sql");

/// Statuses of domains that take no mail, as SQL has them.
const OUTSIDE: &str = "'null_mx', 'nxdomain', 'no_address', 'invalid_name'";

/// Makes the views anew.
pub(super) fn make(connection: &Connection) -> Result<(), StoreError> {
    let views = VIEWS
        .replace("{outside}", OUTSIDE)
        .replace("{domain_facts}", &domain_facts());
    connection.execute_batch(&format!("BEGIN; {views} {MAIL} COMMIT;"))?;
    Ok(())
}

/// Makes the indexes that lead back: from an address to domains, from a domain to lists, from a certificate to servers.
pub fn index(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch(&format!("BEGIN; {INDEXES} COMMIT;"))?;
    Ok(())
}

/// A column for each fact and rule.
fn domain_facts() -> String {
    let columns = RULES
        .iter()
        .flat_map(|&rule| FACTS.iter().map(move |&fact| (rule, fact)))
        .map(|(rule, fact)| {
            let suffix = match rule {
                Rule::Preferred => String::new(),
                _ => format!("_{}", rule.word()),
            };
            format!("{} AS {}{suffix}", spelled(fact, rule), fact.word())
        });
    columns.collect::<Vec<_>>().join(",\n       ")
}
