//! Who sends to whom encrypted, as Received fields tell: sender by receiver.

use std::collections::BTreeMap;

use super::Asked;
use crate::report::study;
use crate::report::survey::Survey;
use crate::report::table::{Cell, TALLY, Table, Tally};

pub(super) fn matrix(survey: &Survey, asked: &Asked) -> rusqlite::Result<Table> {
    let mut table = Table::new(
        "matrix",
        "Sender by receiver",
        "Hops from one organisation to another over the Internet, as the receiver wrote them down; unknown where it \
         does not write whether TLS was used.",
    )
    .columns([("from", "From"), ("by", "By"), ("hops", "Hops")])
    .columns(TALLY)
    .columns([("in_2014", "2014")]);
    let mut statement = survey.connection.prepare(
        "SELECT json_extract(line, '$.from.registered_domain'), json_extract(line, '$.by.registered_domain'), \
         json_extract(line, '$.encrypted'), count(*) FROM hop \
         WHERE json_extract(line, '$.inter_organisation') = 1 GROUP BY 1, 2, 3",
    )?;
    let mut rows = statement.query([])?;
    let mut pairs: BTreeMap<(String, String), Tally> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let end = |column| -> rusqlite::Result<String> {
            Ok(row
                .get::<_, Option<String>>(column)?
                .unwrap_or_else(|| "unknown".to_owned()))
        };
        let encrypted: Option<bool> = row.get(2)?;
        pairs
            .entry((end(0)?, end(1)?))
            .or_default()
            .add(encrypted.into(), row.get(3)?);
    }
    let mut pairs: Vec<_> = pairs.into_iter().collect();
    let hops = |tally: &Tally| tally.of() + tally.unknown;
    pairs.sort_by(|a, b| (hops(&b.1), &a.0).cmp(&(hops(&a.1), &b.0)));
    for ((from, by), tally) in pairs.into_iter().take(asked.limit.max(50)) {
        let printed = study::received(&from, &by);
        let mut row = vec![Cell::from(from), by.into(), hops(&tally).into()];
        row.extend(tally.cells());
        row.push(printed.into());
        table.row(row);
    }
    Ok(table)
}
