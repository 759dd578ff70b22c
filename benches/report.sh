#!/bin/bash
# What report takes for a survey's page, one table, a card and all problems, and what the sqlite3 shell and DuckDB's scanner of SQLite take for the
# same questions, as a user could ask them of the same file.
# usage: benches/report.sh [DOMAINS]   (wants sqlite3 and GNU time; DuckDB where pip has it; builds to-sqlite and report)
set -euo pipefail
cd "$(dirname "$0")/.."
domains=${1:-200000}
cargo build --quiet --locked --release --bin to-sqlite --bin report
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. benches/measured.sh

awk -v n="$domains" -f benches/survey.awk | target/release/to-sqlite --quiet "$work/out.db"
echo "$domains domains, $(($(stat -c %s "$work/out.db") / 1000000)) MB"
database=$work/out.db

# Says how many times the CPU of the other it is: `ratio NAME OURS THEIRS`.
ratio() { awk -v name="$1" -v ours="$2" -v theirs="$3" 'BEGIN { printf "  %s: %.2f of its CPU\n", name, (theirs > 0 ? ours / theirs : 0) }'; }

# A question to report and to the sqlite3 shell: `beside NAME SQL ARGUMENTS...`.
beside() {
  local name=$1 sql=$2; shift 2
  measured "report $name" "" target/release/report "$database" "$@"
  local ours=$cpu
  [ -n "$sql" ] || return 0
  measured "  sqlite3" "" sqlite3 -readonly "$database" "$sql"
  ratio "beside sqlite3" "$ours" "$cpu"
  if [ -n "$scanner" ]; then
    measured "  DuckDB's scanner" "" python3 -c "
import sys, duckdb
duck = duckdb.connect()
duck.execute('LOAD sqlite')
duck.execute(\"ATTACH '$database' AS s (TYPE sqlite, READ_ONLY)\")
duck.execute('USE s')
duck.execute(sys.argv[1]).fetchall()" "$sql"
    ratio "beside DuckDB" "$ours" "$cpu"
  fi
}

scanner=""
if has_duckdb && python3 -c "import duckdb; duckdb.connect().execute('INSTALL sqlite')" 2> /dev/null; then
  scanner=yes
else
  echo "DuckDB's scanner of SQLite: left out, it cannot be installed here"
fi
views=$(sqlite3 -readonly "$database" "SELECT group_concat('SELECT * FROM ' || name, ' LIMIT 50;') || ' LIMIT 50;' FROM sqlite_schema
  WHERE type = 'view' AND name NOT IN ('domain_verdict', 'mail_route', 'server', 'exchange_address')")
scanner_was=$scanner; scanner=""
beside "-f html, the page; every view" "$views" --format html
scanner=$scanner_was
beside "-t standing" "SELECT status, count(*), sum(not_best) FROM judged_domain GROUP BY 1 ORDER BY 2 DESC" --table standing
scanner=""
beside "--explain name1.example" "SELECT * FROM mail_route WHERE domain = 'name1.example'; SELECT * FROM problem WHERE domain = 'name1.example'" \
  --explain name1.example
beside "-t problems" "SELECT * FROM problem ORDER BY severity, domain, code LIMIT 20" --table problems
