#!/bin/bash
# What to-sqlite takes for a survey, beside `sqlite3 .import` of the finished tables into the same tables, keys and indexes,
# and DuckDB reading the same lines without judging them: CPU, wall clock, memory and size of the file, in one run.
# usage: benches/store.sh [DOMAINS]   (wants sqlite3 and GNU time; DuckDB where pip has it; builds to-sqlite)
set -euo pipefail
cd "$(dirname "$0")/.."
domains=${1:-200000}
cargo build --quiet --locked --release --bin to-sqlite
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

awk -v n="$domains" -f benches/survey.awk > "$work/lines"

. benches/measured.sh

echo "$(wc -l < "$work/lines") lines, $(($(stat -c %s "$work/lines") / 1000000)) MB"
measured "to-sqlite" "$work/out.db" sh -c "exec target/release/to-sqlite '$work/out.db' < '$work/lines'"
ours=$cpu
tables=$(sqlite3 "$work/out.db" "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY rowid")
{
  echo 'PRAGMA page_size = 8192; PRAGMA journal_mode = wal; PRAGMA synchronous = normal; PRAGMA cache_size = -64000;'
  # Without STRICT: .import has no null, and brings the empty text instead. Without views, which are no part of the load.
  sed 's/ STRICT, / /; s/ STRICT;/;/' src/store/schema.sql
  sed '/^DROP VIEW/,$d; s/ STRICT, / /; s/ STRICT;/;/' src/store/mail.sql
  for table in $tables; do
    sqlite3 -csv "$work/out.db" "SELECT * FROM \"$table\"" > "$work/$table.csv"
    # What the schema wants to be there is there: only empty tables are left out.
    [ -s "$work/$table.csv" ] && echo ".import --csv $work/$table.csv $table"
  done
  cat src/store/indexes.sql
} > "$work/script"
measured "sqlite3 .import, indexes" "$work/theirs.db" sqlite3 "$work/theirs.db" ".read $work/script"
theirs=$cpu
rows() { sqlite3 "$1" "SELECT (SELECT count(*) FROM domain) || ' domains, ' || (SELECT count(*) FROM tls) || ' servers with TLS'"; }
[ "$(rows "$work/out.db")" = "$(rows "$work/theirs.db")" ] || { echo "the import differs: $(head -c 400 "$work/said")"; exit 1; }
if has_duckdb; then
  measured "DuckDB, without judgement" "$work/duck.db" python3 -c "
import duckdb
duckdb.connect('$work/duck.db').execute(\"CREATE TABLE line AS SELECT * FROM read_json('$work/lines', format = 'newline_delimited', union_by_name = true)\")"
else
  echo "DuckDB: left out, python3 has no module duckdb and pip brings none"
fi
awk -v ours="$ours" -v theirs="$theirs" 'BEGIN { printf "to-sqlite takes %.2f of the CPU of .import (at most 2)\n", ours / theirs; exit ours > 2 * theirs }'
