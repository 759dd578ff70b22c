//! What many domains share: exchanges, addresses, certificates, keys.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::report::asked::ReportSettings;
use crate::report::chart::{Bar, Chart};
use crate::report::survey::{DomainState, Survey};
use crate::report::table::{Cell, Table};
use crate::store::query::{self, SharedBy, SharedThing};

pub(super) fn exchanges(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let table = Table::new(
        "exchanges",
        "Exchanges that most domains share",
        "By the name in the MX record, at any preference; percent of all domains that were looked up.",
    );
    most(
        survey,
        asked,
        table,
        SharedThing::Exchanges,
        [("exchange", "Exchange"), ("detail", "")],
    )
}

pub(super) fn addresses(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let table = Table::new(
        "addresses",
        "Addresses that most domains share",
        "At any preference; percent of all domains that were looked up.",
    );
    most(
        survey,
        asked,
        table,
        SharedThing::Addresses,
        [("ip", "Address"), ("banner", "Greeting")],
    )
}

pub(super) fn certificates(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let table = Table::new(
        "certificates",
        "Certificates that most domains share",
        "Leaf certificates, with the SHA-256 of the certificate; percent of all domains that were looked up.",
    );
    most(
        survey,
        asked,
        table,
        SharedThing::Certificates,
        [("certificate", "Subject"), ("issuer", "Issuer")],
    )
}

fn most(
    survey: &Survey,
    asked: &ReportSettings,
    table: Table,
    shared: SharedThing,
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
        .filter(|verdict| verdict.status != DomainState::NotLookedUp)
        .count() as f64;
    let mut bars = Vec::new();
    for SharedBy {
        what,
        detail,
        domains,
    } in query::most_shared(&survey.connection, shared, asked.limit)?
    {
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
pub(super) fn keys(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
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
    query::leaf_keys(&survey.connection, |spki, address, certificate| {
        let key = keys.entry(spki.to_owned()).or_insert_with(|| Key {
            addresses: BTreeSet::new(),
            certificates: BTreeSet::new(),
        });
        key.addresses.insert(address);
        key.certificates.insert(certificate);
    })?;
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
    if addresses.is_empty() {
        return Ok(operators);
    }
    query::address_operators(&survey.connection, |address, operator| {
        if addresses.contains(&address) {
            let of = operators.entry(address).or_default();
            if !of.contains(operator) {
                of.insert(operator.to_owned());
            }
        }
    })?;
    Ok(operators)
}
