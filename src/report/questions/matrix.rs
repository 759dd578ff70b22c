//! What Received fields say: the matrix of figure 6, its pairs with their counts, and mail that came in clear where the
//! scan was offered TLS.

use crate::judge::Truth;
use crate::report::asked::ReportSettings;
use crate::report::chart::Chart;
use crate::report::matrix::Matrix;
use crate::report::survey::Survey;
use crate::report::table::{Cell, TALLY, Table, Tally};
use crate::store::query;

/// Senders and receivers that a grid has room for.
const ROOM: usize = 12;

pub(super) fn matrix(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let mut table = Table::new(
        "matrix",
        "How mail went from sender to receiver",
        "By the Received fields that the receivers wrote, hops between organisations only: what the strongest evidence \
         says (the version, else the protocol), whether the hops went encrypted, and how many they were. mixed: some \
         did, some did not; unknown: the receiver does not write it.",
    )
    .columns([("from", "From \\ to")]);
    let matrix = Matrix::read(&survey.connection, asked.limit.min(ROOM))?;
    for receiver in &matrix.receivers {
        table.column(receiver.clone(), receiver.clone());
    }
    for sender in &matrix.senders {
        let mut row = vec![Cell::from(sender.as_str())];
        row.extend(matrix.receivers.iter().map(|receiver| {
            Cell::text(matrix.hops(sender, receiver).map(|hops| {
                format!(
                    "{} {} {}",
                    hops.strongest,
                    hops.verdict().word(),
                    hops.count()
                )
            }))
        }));
        table.row(row);
    }
    if !matrix.senders.is_empty() {
        table.chart = Some(Chart::Matrix(matrix));
    }
    Ok(table)
}

pub(super) fn pairs(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let mut table = Table::new(
        "matrix-pairs",
        "Sender and receiver, with counts",
        "Hops from one organisation to another over the Internet, as the receiver wrote them down; unknown where it \
         does not write whether TLS was used.",
    )
    .columns([("from", "From"), ("by", "By"), ("strongest", "Strongest"), ("hops", "Hops")])
    .columns(TALLY)
    .columns([("in_2014", "2014")]);
    let matrix = Matrix::read(&survey.connection, asked.limit)?;
    for (from, by, hops) in matrix.pairs().into_iter().take(asked.limit.max(50)) {
        let mut tally = Tally::default();
        tally.add(Truth::Yes, hops.yes);
        tally.add(Truth::No, hops.no);
        tally.add(Truth::Unknown, hops.unknown);
        let mut row = vec![
            Cell::from(from),
            by.into(),
            hops.strongest.as_str().into(),
            hops.count().into(),
        ];
        row.extend(tally.cells());
        row.push(asked.published.received(from, by).into());
        table.row(row);
    }
    Ok(table)
}

pub(super) fn clear_though_offered(
    survey: &Survey,
    asked: &ReportSettings,
) -> rusqlite::Result<Table> {
    let mut table = Table::new(
        "clear-though-offered",
        "Mail in clear to receivers that take TLS",
        "Hops between organisations that the receiver wrote down as not encrypted, though exchanges of the same \
         registered domain accepted STARTTLS in this survey: the sender did not ask, was kept from asking, or the \
         receiver changed since.",
    )
    .columns([
        ("from", "From"),
        ("by", "By"),
        ("hops", "Hops in clear"),
        ("last", "Last"),
        ("servers", "Servers that answered"),
        ("accepted", "Accept STARTTLS"),
        ("version", "Best version seen"),
    ]);
    for pair in query::clear_though_offered(&survey.connection, asked.limit)? {
        table.row([
            Cell::text(pair.sender),
            Cell::text(pair.receiver),
            pair.hops.into(),
            Cell::text(pair.last),
            pair.servers.into(),
            pair.accepted.into(),
            Cell::text(pair.version),
        ]);
    }
    Ok(table)
}
