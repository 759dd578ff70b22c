"""The public SPF suite (RFC 7208) as JSON: a line for each section, its zone taken apart, its tests as they stand.

Adapter rules of the suite: an SPF item also stands as TXT unless the name has a TXT item; `TXT: NONE` is no record; a
bare TIMEOUT makes every type fail that is not listed before it.
"""
import gzip
import json
import sys

import yaml


def octets(text):
    return list(text.encode("utf-8"))


def node(items):
    found = {"TXT": [], "A": [], "AAAA": [], "MX": [], "PTR": [], "CNAME": [], "fails": []}
    has_txt = any(isinstance(item, dict) and "TXT" in item for item in items)
    for item in items:
        if item == "TIMEOUT":
            listed = {kind for other in items[: items.index(item)] if isinstance(other, dict) for kind in other
                      if other[kind] != "NONE"}
            found["fails"] += [kind for kind in ("TXT", "A", "AAAA", "MX", "PTR") if kind not in listed]
            continue
        for kind, value in item.items():
            if value == "TIMEOUT":
                found["fails"].append(kind)
            elif kind in ("TXT", "SPF"):
                if value == "NONE" or kind == "SPF" and has_txt:
                    continue
                strings = [value] if isinstance(value, str) else value
                if strings:
                    found["TXT"].append(octets("".join(strings)))
            else:
                found[kind].append(value)
    return found


with gzip.open(sys.argv[1]) as suite:
    for section in yaml.safe_load_all(suite):
        zone = {str(name): node(items) for name, items in section["zonedata"].items()}
        tests = {name: {key: test[key] for key in ("host", "helo", "mailfrom", "result", "explanation") if key in test}
                 for name, test in section["tests"].items()}
        print(json.dumps({"description": section["description"], "zone": zone, "tests": tests}))
