//! What many domains share: exchanges, addresses, certificates, keys.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::report::asked::Asked;
use crate::report::chart::{Bar, Chart};
use crate::report::survey::{Status, Survey};
use crate::report::table::{Cell, Table};

pub(super) fn exchanges(survey: &Survey, asked: &Asked) -> rusqlite::Result<Table> {
    let table = Table::new(
        "exchanges",
        "Exchanges that most domains share",
        "By the name in the MX record, at any preference; percent of all domains that were looked up.",
    );
    most(
        survey,
        asked,
        table,
        "SELECT n.name, NULL, j.domains FROM judged_exchange j JOIN name n ON n.id = j.name \
         ORDER BY j.domains DESC, n.name LIMIT ?1",
        [("exchange", "Exchange"), ("detail", "")],
    )
}

pub(super) fn addresses(survey: &Survey, asked: &Asked) -> rusqlite::Result<Table> {
    let table = Table::new(
        "addresses",
        "Addresses that most domains share",
        "At any preference; percent of all domains that were looked up.",
    );
    most(
        survey,
        asked,
        table,
        "SELECT a.ip, s.banner, j.domains FROM judged_server j JOIN address a ON a.id = j.address \
         LEFT JOIN smtp s ON s.id = j.smtp ORDER BY j.domains DESC, a.ip LIMIT ?1",
        [("ip", "Address"), ("banner", "Greeting")],
    )
}

pub(super) fn certificates(survey: &Survey, asked: &Asked) -> rusqlite::Result<Table> {
    let table = Table::new(
        "certificates",
        "Certificates that most domains share",
        "Leaf certificates, with the SHA-256 of the certificate; percent of all domains that were looked up.",
    );
    most(
        survey,
        asked,
        table,
        "SELECT coalesce(c.subject, '') || ' ' || substr(c.sha256, 1, 16), c.issuer, j.domains \
         FROM judged_certificate j JOIN certificate c ON c.id = j.certificate \
         ORDER BY j.domains DESC, c.sha256 LIMIT ?1",
        [("certificate", "Subject"), ("issuer", "Issuer")],
    )
}

fn most(
    survey: &Survey,
    asked: &Asked,
    table: Table,
    sql: &str,
    columns: [(&str, &str); 2],
) -> rusqlite::Result<Table> {
    let second = !columns[1].1.is_empty();
    let mut table = table
        .columns([columns[0]])
        .columns(second.then_some(columns[1]))
        .columns([("domains", "Domains"), ("percent", "Percent")]);
    let all = survey
        .verdicts()?
        .iter()
        .filter(|verdict| verdict.status != Status::NotLookedUp)
        .count() as f64;
    let mut statement = survey.connection.prepare(sql)?;
    let mut rows = statement.query([asked.limit as i64])?;
    let mut bars = Vec::new();
    while let Some(row) = rows.next()? {
        let (what, detail, domains): (String, Option<String>, u64) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        if bars.len() < 10 {
            bars.push(Bar {
                group: "domains".to_owned(),
                label: what.clone(),
                value: 100.0 * domains as f64 / all.max(1.0),
                count: domains,
                before: None,
                truth: None,
            });
        }
        let cells = [Some(Cell::from(what)), second.then(|| detail.into())];
        let counts = [domains.into(), Cell::share(domains as f64, all)];
        table.row(cells.into_iter().flatten().chain(counts));
    }
    table.chart = Some(Chart::Bars {
        unit: "% of domains",
        bars,
    });
    Ok(table)
}

/// Keys that several operators use: who can read one's mail can read the other's.
pub(super) fn keys(survey: &Survey, asked: &Asked) -> rusqlite::Result<Table> {
    let mut table = Table::new(
        "keys",
        "Keys that several operators share",
        "The same public key in the leaf certificates of servers under several registered domains: panels that ship a \
         key, or one operator under many names.",
    )
    .columns([
        ("spki_sha256", "SHA-256 of the key"),
        ("operators", "Operators"),
        ("servers", "Servers"),
        ("certificates", "Certificates"),
        ("some", "Some of the operators"),
    ]);
    struct Key {
        addresses: BTreeSet<u32>,
        certificates: BTreeSet<u32>,
    }
    let mut keys: HashMap<String, Key> = HashMap::new();
    let mut statement = survey.connection.prepare(
        "SELECT c.spki_sha256, j.address, c.id FROM judged_server j JOIN tls t ON t.id = j.tls \
         JOIN certificate c ON c.id = t.leaf WHERE c.spki_sha256 IS NOT NULL",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let key = keys.entry(row.get(0)?).or_insert_with(|| Key {
            addresses: BTreeSet::new(),
            certificates: BTreeSet::new(),
        });
        key.addresses.insert(row.get(1)?);
        key.certificates.insert(row.get(2)?);
    }
    keys.retain(|_, key| key.addresses.len() > 1);
    let wanted = keys
        .values()
        .flat_map(|key| key.addresses.iter().copied())
        .collect();
    let operators = operators_of(survey, &wanted)?;
    let mut shared: Vec<(BTreeSet<&str>, String, Key)> = keys
        .into_iter()
        .map(|(spki, key)| {
            let names = key
                .addresses
                .iter()
                .filter_map(|address| operators.get(address));
            (names.flatten().map(String::as_str).collect(), spki, key)
        })
        .filter(|(names, ..): &(BTreeSet<&str>, _, _)| names.len() > 1)
        .collect();
    shared.sort_by(|a, b| {
        (b.0.len(), b.2.addresses.len(), &a.1).cmp(&(a.0.len(), a.2.addresses.len(), &b.1))
    });
    for (names, spki, key) in shared.into_iter().take(asked.limit) {
        let some: Vec<&str> = names.iter().take(5).copied().collect();
        table.row([
            Cell::from(spki),
            (names.len() as u64).into(),
            (key.addresses.len() as u64).into(),
            (key.certificates.len() as u64).into(),
            some.join(", ").into(),
        ]);
    }
    Ok(table)
}

/// The registered domains of the exchanges that lead to addresses.
pub(super) fn operators_of(
    survey: &Survey,
    addresses: &HashSet<u32>,
) -> rusqlite::Result<HashMap<u32, BTreeSet<String>>> {
    let mut operators: HashMap<u32, BTreeSet<String>> = HashMap::new();
    let mut statement = survey.connection.prepare(
        "SELECT x.address, coalesce(e.registered_domain, n.name) FROM exchange_address x \
         JOIN exchange e ON e.id = x.exchange JOIN name n ON n.id = e.name",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let address: u32 = row.get(0)?;
        if addresses.contains(&address) {
            operators.entry(address).or_default().insert(row.get(1)?);
        }
    }
    Ok(operators)
}
