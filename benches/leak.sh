#!/usr/bin/env bash
# leak-count beside mawk on the same list in the same run: 1 GB in the shape of Adobe's, 14 million lines, 100,000 domains;
# then its wall time by threads, and its memory for 100,000 and for 5 million domains. The figures are the best of three.
set -euo pipefail
cd "$(dirname "$0")/.."
lines=${LINES_OF_LIST:-14000000}
many=$((lines < 5000000 ? lines : 5000000))

cargo build --quiet --release --locked --bin leak-count --example adobe-list
leak_count=$PWD/target/release/leak-count
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM

count_with_mawk() {
  mawk -F'|' '
    { address = $3; sub(/^-/, "", address); sub(/-$/, "", address)
      parts = split(address, part, "@"); if (parts > 1) users[tolower(part[parts])]++ }
    END { for (domain in users) print users[domain], domain }' "$1"
}

# CPU seconds and wall seconds of a command, each the least of three runs.
least() {
  local TIMEFORMAT='%U %S %R'
  for _ in 1 2 3; do
    { time "$@" > /dev/null; } 2>&1
  done | awk '{ cpu = $1 + $2; if (NR == 1 || cpu < least) least = cpu; if (NR == 1 || $3 < wall) wall = $3 }
    END { printf "%.2f %.2f\n", least, wall }'
}

# The most memory that a command had, KiB.
peak() {
  if [ -x /usr/bin/time ]; then
    { /usr/bin/time -f %M "$@" > /dev/null; } 2>&1 | tail -n 1
  else
    echo 0
  fi
}

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }

list=$folder/adobe
target/release/examples/adobe-list "$lines" 100000 > "$list"
cat "$list" > /dev/null
echo "list: $(wc -c < "$list") bytes, $lines lines, 100000 domains; $(nproc) cores"

# Both have to come to the same counts.
count_with_mawk "$list" | sort > "$folder/mawk"
"$leak_count" --quiet "$list" |
  sed -n 's/.*"domain":"\([^"]*\)".*"users":\([0-9]*\),.*/\2 \1/p' | sort > "$folder/ours"
cmp "$folder/mawk" "$folder/ours"

read -r mawk_cpu mawk_wall < <(least count_with_mawk "$list")
read -r one_cpu one_wall < <(least "$leak_count" --quiet --threads 1 "$list")
read -r two_cpu two_wall < <(least "$leak_count" --quiet --threads 2 "$list")
read -r pipe_cpu pipe_wall < <(least bash -c "cat '$list' | '$leak_count' --quiet")
echo "mawk:                  CPU $mawk_cpu s, wall $mawk_wall s"
echo "leak-count, 1 thread:  CPU $one_cpu s, wall $one_wall s: $(ratio "$one_cpu" "$mawk_cpu") of mawk's CPU (at most 0.20)"
echo "leak-count, 2 threads: CPU $two_cpu s, wall $two_wall s: $(ratio "$two_wall" "$one_wall") of the wall of one"
echo "cat | leak-count:      CPU $pipe_cpu s (with cat), wall $pipe_wall s"

small=$(peak "$leak_count" --quiet --threads 1 "$list")
echo "memory, 100000 domains: $small KiB with 1 thread, $(peak "$leak_count" --quiet --threads 2 "$list") KiB with 2"
target/release/examples/adobe-list "$lines" "$many" > "$list"
large=$(peak "$leak_count" --quiet --threads 1 "$list")
awk -v small="$small" -v large="$large" -v many="$many" 'BEGIN {
  more = (large - small) * 1024 / (many - 100000)
  printf "memory, %d domains: %d KiB with 1 thread, %.0f bytes for each domain more\n", many, large, more }'
echo "memory, $many domains: $(peak "$leak_count" --quiet --threads 2 "$list") KiB with 2 threads"
