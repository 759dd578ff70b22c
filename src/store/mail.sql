-- What domains publish about their mail, and what becomes of it. Made wherever it is not there yet.

-- A domain's published policies; a part is null where it was not asked for. `spf`, `dmarc`, … are states: absent, ok,
-- invalid, multiple, unknown.
CREATE TABLE IF NOT EXISTS policy (
    domain       INTEGER PRIMARY KEY REFERENCES name,
    phase        TEXT NOT NULL,
    reason       TEXT NOT NULL,
    spf          TEXT,
    spf_all      TEXT,
    spf_lookups  INTEGER,
    spf_ipv4     INTEGER,
    dmarc        TEXT,
    dmarc_at     TEXT,
    dmarc_9989   TEXT,
    dmarc_7489   TEXT,
    dmarc_differ INTEGER,
    dkim         TEXT,
    mta_sts      TEXT,
    tls_rpt      TEXT,
    caa          TEXT,
    bimi         TEXT,
    time         TEXT NOT NULL,
    run          INTEGER NOT NULL REFERENCES run,
    line         ANY NOT NULL
) STRICT;

-- A domain's MTA-STS policy as it was fetched: by the letter (`strict`, `error`, `mode`, `max_age`) and to lax senders.
CREATE TABLE IF NOT EXISTS sts (
    domain       INTEGER PRIMARY KEY REFERENCES name,
    phase        TEXT NOT NULL,
    reason       TEXT NOT NULL,
    record       TEXT NOT NULL,
    standing     TEXT NOT NULL,
    strict       TEXT NOT NULL,
    error        TEXT,
    mode         TEXT,
    max_age      INTEGER,
    lenient      TEXT NOT NULL,
    lenient_mode TEXT,
    status       INTEGER,
    time         TEXT NOT NULL,
    run          INTEGER NOT NULL REFERENCES run,
    line         ANY NOT NULL
) STRICT;

-- Judgements: what becomes of a message to a domain, for each profile of sender. Domains with the same verdicts share a
-- vector. `exchange` counts the domain's exchanges by preference, then name, from 0.
CREATE TABLE IF NOT EXISTS delivery_vector (
    vector          INTEGER NOT NULL,
    profile         INTEGER NOT NULL,
    fate            TEXT NOT NULL,
    authority       TEXT,
    cause           TEXT,
    exchange        INTEGER,
    varies          INTEGER NOT NULL,
    strip_wins      INTEGER,
    forge_wins      INTEGER,
    would_lose_mail INTEGER,
    PRIMARY KEY (vector, profile)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS delivery (
    domain INTEGER PRIMARY KEY REFERENCES name,
    vector INTEGER NOT NULL
) STRICT;

-- What is wrong with a server, for all domains that it serves, and with a domain. Codes: mx-survey(7).
CREATE TABLE IF NOT EXISTS server_problem (
    address  INTEGER NOT NULL REFERENCES address,
    code     TEXT NOT NULL,
    severity TEXT NOT NULL,
    detail   TEXT,
    PRIMARY KEY (address, code)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS domain_problem (
    domain   INTEGER NOT NULL REFERENCES name,
    position INTEGER NOT NULL,
    code     TEXT NOT NULL,
    severity TEXT NOT NULL,
    place    TEXT,
    detail   TEXT,
    PRIMARY KEY (domain, position)
) STRICT, WITHOUT ROWID;

-- Every problem of every domain, those of its servers among them.
DROP VIEW IF EXISTS problem;
CREATE VIEW problem AS
SELECT n.name AS domain, p.code, p.severity, p.place, p.detail
FROM domain_problem p JOIN name n ON n.id = p.domain
UNION ALL
SELECT n.name, p.code, p.severity, a.ip, p.detail
FROM (SELECT DISTINCT de.domain, ea.address FROM domain_exchange de JOIN exchange_address ea ON ea.exchange = de.exchange) s
JOIN server_problem p ON p.address = s.address
JOIN name n ON n.id = s.domain
JOIN address a ON a.id = s.address;
