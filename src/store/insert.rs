//! Rows by the names of their columns: each name stands beside its value.

/// What an insertion does where the key is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnConflict {
    /// The row that is there stays; nothing is written.
    Keep,
    /// The new row takes its place.
    Replace,
}

/// Inserts a row: `insert!(connection, conflict, "table", { column: value, … })`, which is how many rows were written.
///
/// The statement is put together when this is compiled; its parameters are bound in the order of the columns.
macro_rules! insert {
    ($connection:expr, $conflict:expr, $table:literal, { $first:ident: $value:expr $(, $column:ident: $more:expr)* $(,)? }) => {{
        let statement = match $conflict {
            $crate::store::insert::OnConflict::Keep => concat!(
                "INSERT INTO ", $table, " (\"", stringify!($first), "\"" $(, ", \"", stringify!($column), "\"")*,
                ") VALUES (:", stringify!($first) $(, ", :", stringify!($column))*, ") ON CONFLICT DO NOTHING"
            ),
            $crate::store::insert::OnConflict::Replace => concat!(
                "INSERT OR REPLACE INTO ", $table, " (\"", stringify!($first), "\"" $(, ", \"", stringify!($column), "\"")*,
                ") VALUES (:", stringify!($first) $(, ", :", stringify!($column))*, ")"
            ),
        };
        $connection.prepare_cached(statement)?.execute(rusqlite::params![$value $(, $more)*])
    }};
}

pub(super) use insert;
