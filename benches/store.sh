#!/bin/bash
# What to-sqlite takes for a survey, beside `sqlite3 .import` of the finished tables into the same tables, keys and indexes,
# and DuckDB reading the same lines without judging them: CPU, wall clock, memory and size of the file, in one run.
# usage: benches/store.sh [DOMAINS]   (wants sqlite3 and GNU time; DuckDB where python3 has it; builds to-sqlite and report)
set -euo pipefail
cd "$(dirname "$0")/.."
domains=${1:-200000}
cargo build --quiet --locked --release --bin to-sqlite --bin report
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A survey: a quarter of the domains at large hosts, the others at one of DOMAINS/10 servers of their own.
awk -v n="$domains" '
function hex(value, width,  text) { text = sprintf("%x", value); while (length(text) < width) text = "0" text; return text }
function stamp(at) { return sprintf("2026-01-01T%02d:%02d:%02d.%03dZ", at / 3600000 % 24, at / 60000 % 60, at / 1000 % 60, at % 1000) }
BEGIN {
  srand(7); servers = int(n / 10) + 1; run = "\"run\":\"00000000000000aa\""
  for (i = 0; i < n; i++) {
    name = "name" hex(i, 1) ".example"; time = stamp(i)
    printf "{\"type\":\"listed\",\"source\":\"top\",\"domain\":\"%s\",\"rank\":%d,%s}\n", name, i + 1, run
    if (rand() < 0.25) { k = int(rand() * 20); exchange = "mx" k ".host.example"; operator = "host.example" }
    else { k = 20 + int(rand() * servers); exchange = "mail." name; operator = name }
    ip = sprintf("11.%d.%d.%d", 64 + int(k / 65536), int(k / 256) % 256, k % 256)
    printf "{\"type\":\"domain\",\"domain\":\"%s\",\"outcome\":{\"phase\":\"done\",\"reason\":\"ok\"},\"implicit_mx\":false,\"null_mx\":false,\"mx\":[{\"exchange\":\"%s\",\"preference\":10,\"registered_domain\":\"%s\",\"addresses\":[{\"ip\":\"%s\"}],\"ipv4\":{\"phase\":\"done\",\"reason\":\"ok\"},\"ipv6\":{\"phase\":\"dns\",\"reason\":\"no_data\"},\"dnssec\":\"insecure\"}],\"dnssec\":\"insecure\",\"questions\":3,\"time\":\"%s\",\"elapsed_ms\":12,%s}\n", name, exchange, operator, ip, time, run
    if (k in seen) continue
    seen[k] = 1
    printf "{\"type\":\"smtp\",\"ip\":\"%s\",\"port\":25,\"for\":{\"domain\":\"%s\",\"exchange\":\"%s\"},\"outcome\":{\"phase\":\"done\",\"reason\":\"ok\"},\"esmtp\":true,\"starttls\":{\"advertised\":true,\"accepted\":true,\"reply\":{\"code\":220,\"lines\":[\"go ahead\"]}},\"banner\":{\"code\":220,\"lines\":[\"%s ESMTP Postfix\"]},\"ehlo\":{\"code\":250,\"lines\":[\"%s\",\"PIPELINING\",\"SIZE 10240000\",\"STARTTLS\"]},\"capabilities\":{\"host\":\"%s\",\"keywords\":[{\"keyword\":\"PIPELINING\"},{\"keyword\":\"SIZE\",\"parameters\":\"10240000\"},{\"keyword\":\"STARTTLS\"}],\"size\":10240000},\"software\":\"Postfix\",\"connections\":1,\"attempts\":1,\"timings\":{\"connect_ms\":3,\"banner_ms\":20,\"total_ms\":60},\"connected\":\"%s\",\"time\":\"%s\",%s}\n", ip, name, exchange, exchange, exchange, exchange, time, time, run
    sha = hex(k + 1, 64); der = sprintf("%1200s", ""); gsub(/ /, "A", der)
    printf "{\"type\":\"cert\",\"sha256\":\"%s\",\"der\":\"%s\",\"subject\":\"CN=%s\",\"issuer\":\"CN=R3\",\"serial\":\"01\",\"not_before\":\"2026-01-01T00:00:00Z\",\"not_after\":\"2026-04-01T00:00:00Z\",\"common_names\":[\"%s\"],\"names\":[\"%s\"],\"key_type\":\"rsa\",\"key_bits\":2048,\"spki_sha256\":\"%s\",\"signature_algorithm\":\"sha256WithRSAEncryption\",\"self_issued\":false,\"self_signed\":false,\"ca\":false,\"must_staple\":false,\"scts\":2,\"x509_version\":3,\"time\":\"%s\",%s}\n", sha, der, exchange, exchange, exchange, sha, time, run
    printf "{\"type\":\"tls\",\"ip\":\"%s\",\"port\":25,\"server_name\":\"%s\",\"outcome\":{\"phase\":\"done\",\"reason\":\"ok\"},\"accepted\":true,\"negotiated\":true,\"completed\":true,\"version\":\"TLSv1.3\",\"cipher\":{\"iana\":\"TLS_AES_256_GCM_SHA384\",\"openssl\":\"TLS_AES_256_GCM_SHA384\",\"id\":\"0x1302\",\"bits\":256},\"group\":\"x25519\",\"ocsp_stapled\":false,\"secure_renegotiation\":null,\"extended_master_secret\":null,\"compression\":false,\"client_certificate_requested\":false,\"chain\":[\"%s\"],\"verdicts\":[{\"store\":\"mozilla\",\"store_date\":\"2026\",\"at\":\"%s\",\"valid\":true,\"reason\":\"valid\"}],\"connections\":1,\"attempts\":1,\"timings\":{\"handshake_ms\":30},\"connected\":\"%s\",\"time\":\"%s\",%s}\n", ip, exchange, sha, time, time, time, run
  }
}' > "$work/lines"

# Runs a command; says CPU seconds, wall clock and memory under a name, and the size of the file it made.
measured() {
  local name=$1 file=$2; shift 2
  /usr/bin/time -o "$work/time" -f '%U %S %e %M' "$@" > "$work/said" 2>&1 || { echo "$name: $(head -c 400 "$work/said")"; exit 1; }
  read -r user system wall memory < <(tail -1 "$work/time")
  cpu=$(awk "BEGIN { print $user + $system }")
  local size=""
  [ -z "$file" ] || size=", $(awk "BEGIN { printf \"%.0f\", $(stat -c %s "$file") / 1e6 }") MB"
  printf '%-34s %6.2f CPU s (%.2f + %.2f), %6.2f s wall, %4d MiB%s\n' "$name" "$cpu" "$user" "$system" "$wall" $((memory / 1024)) "$size"
}

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
if python3 -c 'import duckdb' 2> /dev/null; then
  measured "DuckDB, without judgement" "$work/duck.db" python3 -c "
import duckdb
duckdb.connect('$work/duck.db').execute(\"CREATE TABLE line AS SELECT * FROM read_json('$work/lines', format = 'newline_delimited', union_by_name = true)\")"
else
  echo "DuckDB: python3 has no module duckdb"
fi
measured "report, the page" "" target/release/report "$work/out.db" --format html
measured "report, one table" "" target/release/report "$work/out.db" --table tls-by-rank
awk -v ours="$ours" -v theirs="$theirs" 'BEGIN { printf "to-sqlite takes %.2f of the CPU of .import (at most 2)\n", ours / theirs; exit ours > 2 * theirs }'
