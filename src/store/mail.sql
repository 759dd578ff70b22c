-- What domains publish about their mail, and what becomes of it. Made wherever it is not there yet.

CREATE TABLE IF NOT EXISTS policy ( -- A domain's published policies; a part is null where it was not asked for.
    domain       INTEGER PRIMARY KEY REFERENCES name, -- The domain.
    phase        TEXT NOT NULL, -- How far the lookup came: a word of Phase.
    reason       TEXT NOT NULL, -- Why no further, ok at the end: a word of Reason.
    spf          TEXT, -- State of its SPF record: absent, ok, invalid, multiple, unknown.
    spf_all      TEXT, -- What its SPF says of all other senders.
    spf_lookups  INTEGER, -- DNS lookups that evaluating it takes (RFC 7208 4.6.4).
    spf_ipv4     INTEGER, -- IPv4 addresses that it lets send.
    dmarc        TEXT, -- State of its DMARC record.
    dmarc_at     TEXT, -- The name that record stands at.
    dmarc_9989   TEXT, -- The policy by RFC 9989.
    dmarc_7489   TEXT, -- The policy by RFC 7489.
    dmarc_differ INTEGER, -- 1: the two differ.
    dkim         TEXT, -- State of its DKIM keys.
    mta_sts      TEXT, -- State of its MTA-STS record.
    tls_rpt      TEXT, -- State of its TLSRPT record.
    caa          TEXT, -- State of its CAA records.
    bimi         TEXT, -- State of its BIMI record.
    time         TEXT NOT NULL, -- When, RFC 3339.
    run          INTEGER NOT NULL REFERENCES run, -- The run.
    line         ANY NOT NULL -- The record as it was read.
) STRICT;

CREATE TABLE IF NOT EXISTS policy_fault ( -- What is wrong with a policy, or worth to be told of it.
    domain INTEGER NOT NULL REFERENCES name, -- The domain.
    part   TEXT NOT NULL, -- Which: spf, dmarc, dkim, mta_sts, tls_rpt, caa, bimi.
    fault  TEXT NOT NULL, -- A word of PolicyFault.
    PRIMARY KEY (domain, part, fault)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS policy_text ( -- The one text of a domain's own record, as a number that all domains with the same text have.
    domain INTEGER NOT NULL REFERENCES name, -- The domain.
    part   TEXT NOT NULL, -- Which: spf, dmarc.
    digest INTEGER NOT NULL, -- The first eight octets of the SHA-256 of the text.
    PRIMARY KEY (domain, part)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS policy_receiver ( -- Who gets a domain's reports.
    domain     INTEGER NOT NULL REFERENCES name, -- The domain.
    kind       TEXT NOT NULL, -- dmarc, dmarc_failure or tls_rpt.
    receiver   TEXT NOT NULL, -- The domain of a mailto: address, the host of another.
    authorised INTEGER, -- 1: it has said that it wants DMARC's; 0: it has not, and they are lost; null: not asked, or not learned.
    PRIMARY KEY (domain, kind, receiver)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS dkim_key ( -- A DKIM key of a domain, as far as its selector is known.
    domain   INTEGER NOT NULL REFERENCES name, -- The domain.
    selector TEXT NOT NULL, -- Its selector; * for a wildcard.
    state    TEXT NOT NULL, -- ok, invalid, multiple; unknown: a question failed.
    key_type TEXT, -- rsa, ed25519, unknown.
    bits     INTEGER, -- Its length.
    revoked  INTEGER, -- 1: it is no longer in use.
    testing  INTEGER, -- 1: it says that it is a test.
    key      TEXT, -- SHA-256 of the key.
    vendor   TEXT, -- The last name of the CNAMEs behind it; null: none.
    PRIMARY KEY (domain, selector)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS policy_caa ( -- Who may issue certificates for a name of a domain's mail.
    domain     INTEGER NOT NULL REFERENCES name, -- The domain.
    role       TEXT NOT NULL, -- domain, exchange or policy_host.
    name       TEXT NOT NULL, -- The name.
    state      TEXT NOT NULL, -- absent, ok, unknown.
    issue      TEXT, -- any, named or nobody; null: not known.
    issue_wild TEXT, -- The same for certificates with wildcards.
    issue_mail TEXT, -- The same for certificates of mailboxes (RFC 9495).
    PRIMARY KEY (domain, role, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS sts ( -- A domain's MTA-STS policy as it was fetched: by the letter, and to lax senders.
    domain       INTEGER PRIMARY KEY REFERENCES name, -- The domain.
    phase        TEXT NOT NULL, -- How far the fetch came: a word of Phase.
    reason       TEXT NOT NULL, -- Why no further, ok at the end: a word of Reason.
    record       TEXT NOT NULL, -- State of its record in the DNS.
    standing     TEXT NOT NULL, -- What record and policy amount to together.
    strict       TEXT NOT NULL, -- What its policy is by the letter of RFC 8461.
    error        TEXT, -- Why it is none by the letter.
    mode         TEXT, -- Its mode by the letter.
    max_age      INTEGER, -- How long it is to be kept, seconds.
    lenient      TEXT NOT NULL, -- What it is to lax senders.
    lenient_mode TEXT, -- Its mode to them.
    status       INTEGER, -- Status of HTTP.
    time         TEXT NOT NULL, -- When, RFC 3339.
    run          INTEGER NOT NULL REFERENCES run, -- The run.
    line         ANY NOT NULL -- The record as it was read.
) STRICT;

-- Judgements

CREATE TABLE IF NOT EXISTS delivery_vector ( -- What becomes of a message, for each profile of sender; domains with the same verdicts share a vector.
    vector          INTEGER NOT NULL, -- The number by which delivery names it.
    profile         INTEGER NOT NULL, -- The sender's profile, by its place.
    fate            TEXT NOT NULL, -- What becomes of the message.
    authority       TEXT, -- What the sender goes by.
    cause           TEXT, -- Why.
    exchange        INTEGER, -- The exchange, counted by preference, then name, from 0.
    varies          INTEGER NOT NULL, -- 1: it depends on which server is tried.
    strip_wins      INTEGER, -- 1: who strips STARTTLS reads the mail.
    forge_wins      INTEGER, -- 1: who forges an answer of the DNS reads the mail.
    would_lose_mail INTEGER, -- 1: mail would be lost.
    PRIMARY KEY (vector, profile)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS delivery ( -- Which vector a domain has.
    domain INTEGER PRIMARY KEY REFERENCES name, -- The domain.
    vector INTEGER NOT NULL -- The vector in delivery_vector.
) STRICT;

CREATE TABLE IF NOT EXISTS server_problem ( -- What is wrong with a server, for all domains that it serves.
    address  INTEGER NOT NULL REFERENCES address, -- The server.
    code     TEXT NOT NULL, -- Its code, as in mx-survey(7).
    severity TEXT NOT NULL, -- How bad.
    detail   TEXT, -- What there is to it.
    PRIMARY KEY (address, code)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS domain_problem ( -- What is wrong with a domain.
    domain   INTEGER NOT NULL REFERENCES name, -- The domain.
    position INTEGER NOT NULL, -- From 0, the worst first.
    code     TEXT NOT NULL, -- Its code, as in mx-survey(7).
    severity TEXT NOT NULL, -- How bad.
    place    TEXT, -- Where it is: an exchange or a record.
    detail   TEXT, -- What there is to it.
    PRIMARY KEY (domain, position)
) STRICT, WITHOUT ROWID;

DROP VIEW IF EXISTS problem;
CREATE VIEW problem AS -- Every problem of every domain, those of its servers among them.
SELECT n.name AS domain, p.code, p.severity, p.place, p.detail
FROM domain_problem p JOIN name n ON n.id = p.domain
UNION ALL
SELECT n.name, p.code, p.severity, a.ip, p.detail
FROM (SELECT DISTINCT de.domain, ea.address FROM domain_exchange de JOIN exchange_address ea ON ea.exchange = de.exchange) s
JOIN server_problem p ON p.address = s.address
JOIN name n ON n.id = s.domain
JOIN address a ON a.id = s.address;
