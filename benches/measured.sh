# Read by the benchmarks of databases: wants $work, a directory of theirs.

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

# Whether python3 has duckdb, which pip is asked for where it has not.
export PYTHONPATH=target/duckdb${PYTHONPATH:+:$PYTHONPATH}
has_duckdb() {
  python3 -c 'import duckdb' 2> /dev/null || pip install --quiet --target target/duckdb duckdb > /dev/null 2>&1 || return 1
  python3 -c 'import duckdb' 2> /dev/null
}
