#!/usr/bin/env bash
# mx-lookup against NSD on loopback: 100,000 names, one MX each, over 1,000 exchanges. dnsperf asks the MX questions
# alone, beside it. Median of three runs. Fails above 1.4 s of CPU time (user and system), below 20,000 names a second, or
# if a name is lost. With an argument, `large`: 1,000,000 names over 200,000 exchanges; fails above 22 s of CPU or 200 MiB.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PATH:/usr/sbin"
names=100000 exchanges=1000
[ "${1:-}" != large ] || names=1000000 exchanges=200000

for program in nsd drill dnsperf; do
    command -v $program >/dev/null || { echo "$program is not here: tests/peers/setup" >&2; exit 2; }
done
directory=$(mktemp -d)
server=
trap 'kill $server 2>/dev/null || true; wait; rm -rf "$directory"' EXIT
port=$((20000 + $$ % 10000))

awk -v names=$names -v exchanges=$exchanges 'BEGIN {
    print "$ORIGIN test.\n$TTL 3600\n@ SOA ns host 1 3600 600 86400 3600\n@ NS ns\nns A 127.0.0.1"
    for (i = 0; i < exchanges; i++) {
        printf "mx%d A 11.%d.%d.%d\n", i, i / 62500, i / 250 % 250, i % 250 + 1
        printf "mx%d AAAA 2a00::%x:%x\n", i, i / 65536, i % 65536
    }
    for (i = 1; i <= names; i++) printf "d%d MX 10 mx%d\n", i, i % exchanges
}' >"$directory/test.zone"
cat >"$directory/nsd.conf" <<CONF
server:
    ip-address: 127.0.0.1@$port
    server-count: 1
    username: ""
    zonesdir: "$directory"
    database: ""
    pidfile: "$directory/nsd.pid"
    xfrdfile: "$directory/xfrd.state"
    zonelistfile: "$directory/zone.list"
    rrl-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: test
    zonefile: test.zone
CONF
nsd -d -c "$directory/nsd.conf" >"$directory/nsd.log" 2>&1 &
server=$!
for ((try = 0; try < 120; try++)); do
    drill -p $port @127.0.0.1 "d$names.test" MX 2>/dev/null | grep -q "^d$names.test.*mx" && break
    sleep 0.5
done
seq -f 'd%.0f.test' $names >"$directory/names"
sed 's/$/ MX/' "$directory/names" >"$directory/questions"

dnsperf -s 127.0.0.1 -p $port -d "$directory/questions" -n 1 -q 1000 | grep -E 'Queries (completed|per second)' | sed 's/^ */dnsperf, MX alone: /'
TIMEFORMAT='%U %S %R'
for _ in 1 2 3; do
    { time target/release/mx-lookup --progress --nameserver 127.0.0.1:$port <"$directory/names" >"$directory/out" 2>"$directory/progress"; } 2>>"$directory/times"
done
awk '{ print $1 + $2, $0 }' "$directory/times" | sort -n | sed -n '2s/[^ ]* //p' >"$directory/median"
# The peak of memory, measured in a run of its own: bash cannot tell.
target/release/mx-lookup --quiet --nameserver 127.0.0.1:$port <"$directory/names" >/dev/null &
measured=$!
memory=0
while now=$(awk '/VmHWM/ {print $2}' /proc/$measured/status 2>/dev/null) && [ -n "$now" ]; do
    memory=$now
    sleep 0.05
done
wait $measured

answered=$(grep -c '^{"type":"domain".*"outcome":{"phase":"done","reason":"ok"}' "$directory/out" || true)
sed -n 's/.*done  \([0-9]*\/s\).*/rate: \1/p' "$directory/progress"
read -r user kernel real <"$directory/median"
awk -v user="$user" -v kernel="$kernel" -v real="$real" -v names=$names -v answered="$answered" -v memory="$memory" 'BEGIN {
    cpu = (user + kernel) * 100000 / names
    printf "mx-lookup: %d of %d names, %.2f s of CPU for 100,000 (%.2f user, %.2f system), %.0f names/s, %.0f MiB\n",
        answered, names, cpu, user, kernel, names / real, memory / 1024
    if (answered != names) { print "names were lost"; bad = 1 }
    if (names == 100000 && cpu > 1.4) { print "more than 1.4 s of CPU"; bad = 1 }
    if (names == 1000000 && cpu > 2.2) { print "more than 22 s of CPU"; bad = 1 }
    if (names == 100000 && names / real < 20000) { print "fewer than 20,000 names a second"; bad = 1 }
    if (memory > 200 * 1024) { print "more than 200 MiB"; bad = 1 }
    exit bad
}'
