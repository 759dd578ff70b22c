"""Random SPF records and clients with what pyspf says of them, a JSON object a line: zone, client, result."""
import json
import random
import socket
import sys

import spf

seed, count = int(sys.argv[1]), int(sys.argv[2])
dice = random.Random(seed)

HOSTS = ["mx1.a.test", "mx2.a.test", "v4.a.test", "v6.a.test", "gone.a.test", "empty.a.test", "slow.a.test"]
RECORDS = ["a.test", "b.test", "c.test", "d.test", "norecord.test", "broken.test", "slow.test", "gone.test", "two.test"]
CLIENTS = ["192.0.2.1", "192.0.2.9", "198.51.100.7", "2001:db8::1", "2001:db8:1::9", "::ffff:192.0.2.1"]
MACROS = ["%{d}", "%{i}", "%{ir}", "%{s}", "%{l}", "%{l-}", "%{o}", "%{o2}", "%{h}", "%{v}", "%{D}", "%{dr}", "%{d1}",
          "%{p}", "%%", "%_", "%-", "%{c}", "%{x}", "%", "%{d0}", "%{ir", "%{S}"]


def rarely(chance):
    return dice.random() < chance


def target():
    if rarely(0.15):
        return dice.choice(MACROS) + dice.choice(["", ".a.test", ".test", "x"])
    if rarely(0.05):
        return dice.choice(["", "test", "a.test.", "a.test..", "a..test", "-x.a-", "a.123", "a:b/c.test", "x" * 64 + ".test"])
    return dice.choice(HOSTS + RECORDS)


def cidr():
    return dice.choice([""] * 8 + ["/24", "//64", "/24//64", "/0", "//0", "/33", "//129", "/024", "/", "/32//128"])


def term():
    sign = dice.choice(["", "", "", "+", "-", "~", "?"])
    kind = dice.randrange(14)
    if kind < 2:
        return sign + "a" + dice.choice(["", ":" + target()]) + cidr()
    if kind < 4:
        return sign + "mx" + dice.choice(["", ":" + target()]) + cidr()
    if kind < 7:
        return sign + "include:" + target()
    if kind == 7:
        return sign + "exists:" + target()
    if kind == 8:
        return sign + "ptr" + dice.choice(["", ":" + target()])
    if kind == 9:
        return sign + "ip4:" + dice.choice(["192.0.2.0/24", "192.0.2.1", "198.51.100.0/25", "192.0.2.1/33", "192.0.2", "192.0.2.01", "0.0.0.0/0"])
    if kind == 10:
        return sign + "ip6:" + dice.choice(["2001:db8::/32", "2001:db8::1", "::1/129", "::ffff:192.0.2.1", "2001:db8", "::/0", "2001:DB8::1/128"])
    if kind == 11:
        return dice.choice(["foo=bar", "ra=x", "rp=%{d}", "foo=%{q}", "moo", "ipv4:192.0.2.1", "1x=2", "a.test", "all:x", "-all."])
    if kind == 12:
        return "exp=" + target() if rarely(0.5) else "redirect=" + target()
    return sign + "all" if rarely(0.3) else "a"


def record():
    terms = [term() for _ in range(dice.choice([0, 1, 1, 2, 2, 3, 4, 5, 8]))]
    ending = dice.choice(["-all", "~all", "?all", "+all", "", "redirect=" + target()])
    version = dice.choice(["v=spf1"] * 12 + ["V=SPF1", "v=spf1 "])
    return dice.choice([" "] * 12 + ["  "]).join([version] + terms + ([ending] if ending else []))


def zone():
    names = {
        "mx1.a.test": [("A", "192.0.2.1"), ("AAAA", "2001:db8::1")],
        "mx2.a.test": [("A", "198.51.100.7")],
        "v4.a.test": [("A", "192.0.2.9")],
        "v6.a.test": [("AAAA", "2001:db8:1::9")],
        "empty.a.test": [("HINFO", "x")],
        "slow.a.test": ["TIMEOUT"],
        "slow.test": ["TIMEOUT"],
        "norecord.test": [("TXT", "something else"), ("A", "192.0.2.50")],
        "two.test": [("TXT", "v=spf1 -all"), ("TXT", "v=spf1 +all")],
        "broken.test": [("TXT", "v=spf1 moo")],
        "1.2.0.192.in-addr.arpa": [("PTR", dice.choice(["mx1.a.test", "v4.a.test", "gone.a.test"]))],
        "9.2.0.192.in-addr.arpa": [("PTR", "v4.a.test"), ("PTR", "mx1.a.test")],
        "7.100.51.198.in-addr.arpa": ["TIMEOUT"],
    }
    for name in ("a.test", "b.test", "c.test", "d.test"):
        names[name] = [("TXT", record())]
        if rarely(0.7):
            names[name].append(("A", dice.choice(["192.0.2.1", "192.0.2.77", "203.0.113.5"])))
        for preference in range(dice.choice([0, 1, 2, 3, 11])):
            names[name].append(("MX", (preference, dice.choice(HOSTS))))
    return names


def lookup(names):
    def ask(name, kind, strict=True, timeout=None):
        for label in name.split("."):
            if len(label) > 63:
                raise spf.TempError("DNS label too long")
        for item in names.get(name.lower().rstrip("."), []):
            if item == "TIMEOUT":
                raise spf.TempError("DNS timeout")
            if item[0] == kind:
                value = item[1]
                if kind == "AAAA":
                    value = socket.inet_pton(socket.AF_INET6, value)
                elif kind == "TXT":
                    value = (value.encode(),)
                yield (name, kind), value
    return ask


def as_node(items):
    found = {"TXT": [], "A": [], "AAAA": [], "MX": [], "PTR": [], "fails": []}
    for item in items:
        if item == "TIMEOUT":
            found["fails"] = ["TXT", "A", "AAAA", "MX", "PTR"]
        elif item[0] == "TXT":
            found["TXT"].append(list(item[1].encode()))
        elif item[0] in found:
            found[item[0]].append(item[1])
    return found


for _ in range(count):
    names = zone()
    client = {"host": dice.choice(CLIENTS), "mailfrom": dice.choice(["joe@a.test", "strong-bad@a.test", "@a.test"]),
              "helo": dice.choice(["mx1.a.test", "[192.0.2.1]", "nothing"])}
    spf.DNSLookup = lookup(names)
    try:
        query = spf.query(i=client["host"], s=client["mailfrom"], h=client["helo"], strict=True)
        result, _, why = query.check()
    except Exception as error:
        result, why = "crash", repr(error)
    print(json.dumps({"zone": {name: as_node(items) for name, items in names.items()}, "test": client,
                      "record": names["a.test"][0][1], "result": result, "why": str(why)}))
