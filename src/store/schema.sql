-- One database is one survey. Facts first, as they came; judgements (judged_*, *_certificate) are made from them and
-- can be made again. `line` is the record as it was read: what has no column of its own is there (json_extract).

-- Every domain and exchange name, once.
CREATE TABLE name (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- A run of a stage; `started` is null while only its records were seen, `ended` while its end was not.
CREATE TABLE run (
    id          INTEGER PRIMARY KEY,
    run         TEXT NOT NULL UNIQUE,
    stage       TEXT,
    version     TEXT,
    started     TEXT,
    ended       TEXT,
    interrupted INTEGER,
    line        ANY,
    end_line    ANY
) STRICT;

-- `of`: users counted in a counted list in all; null for a top list.
CREATE TABLE list (
    id     INTEGER PRIMARY KEY,
    source TEXT NOT NULL UNIQUE,
    of     INTEGER
) STRICT;

CREATE TABLE entry (
    list   INTEGER NOT NULL REFERENCES list,
    domain INTEGER NOT NULL REFERENCES name,
    rank   INTEGER,
    users  INTEGER,
    run    INTEGER REFERENCES run,
    line   ANY NOT NULL,
    PRIMARY KEY (list, domain)
) STRICT, WITHOUT ROWID;

-- The domains that a counted list folded into one row.
CREATE TABLE entry_other (
    list    INTEGER PRIMARY KEY REFERENCES list,
    domains INTEGER NOT NULL,
    users   INTEGER NOT NULL,
    line    ANY NOT NULL
) STRICT;

CREATE TABLE domain (
    id          INTEGER PRIMARY KEY REFERENCES name,
    phase       TEXT NOT NULL,
    reason      TEXT NOT NULL,
    implicit_mx INTEGER,
    null_mx     INTEGER,
    dnssec      TEXT,
    faults      TEXT,
    time        TEXT NOT NULL,
    run         INTEGER NOT NULL REFERENCES run,
    line        ANY NOT NULL
) STRICT;

-- What an exchange resolved to. One that resolved differently for two records has a row for each: `digest` is over
-- all that the record says of it but its preference.
CREATE TABLE exchange (
    id                INTEGER PRIMARY KEY,
    name              INTEGER NOT NULL REFERENCES name,
    digest            INTEGER NOT NULL,
    registered_domain TEXT,
    ipv4              TEXT,
    ipv6              TEXT,
    cname             TEXT,
    faults            TEXT,
    dnssec            TEXT,
    tlsa              TEXT,
    tlsa_base         TEXT,
    tlsa_dnssec       TEXT,
    UNIQUE (name, digest)
) STRICT;

CREATE TABLE domain_exchange (
    domain     INTEGER NOT NULL REFERENCES domain,
    preference INTEGER NOT NULL,
    exchange   INTEGER NOT NULL REFERENCES exchange,
    PRIMARY KEY (domain, preference, exchange)
) STRICT, WITHOUT ROWID;

CREATE TABLE address (
    id      INTEGER PRIMARY KEY,
    ip      TEXT NOT NULL UNIQUE,
    special TEXT
) STRICT;

CREATE TABLE exchange_address (
    exchange INTEGER NOT NULL REFERENCES exchange,
    address  INTEGER NOT NULL REFERENCES address,
    PRIMARY KEY (exchange, address)
) STRICT, WITHOUT ROWID;

CREATE TABLE tlsa (
    exchange      INTEGER NOT NULL REFERENCES exchange,
    position      INTEGER NOT NULL,
    usage         INTEGER NOT NULL,
    selector      INTEGER NOT NULL,
    matching_type INTEGER NOT NULL,
    data          TEXT NOT NULL,
    PRIMARY KEY (exchange, position)
) STRICT, WITHOUT ROWID;

-- A distinct set of EHLO keywords, sorted, with a space between.
CREATE TABLE capability_set (
    id       INTEGER PRIMARY KEY,
    keywords TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE smtp (
    id           INTEGER PRIMARY KEY,
    address      INTEGER NOT NULL REFERENCES address,
    port         INTEGER NOT NULL,
    phase        TEXT NOT NULL,
    reason       TEXT NOT NULL,
    detail       TEXT,
    esmtp        INTEGER,
    advertised   INTEGER,
    accepted     INTEGER,
    masked       TEXT,
    injected     INTEGER NOT NULL,
    banner_code  INTEGER,
    banner       TEXT,
    ehlo_code    INTEGER,
    helo_code    INTEGER,
    capabilities INTEGER REFERENCES capability_set,
    size         INTEGER,
    auth         TEXT,
    software     TEXT,
    flags        TEXT,
    connections  INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    time         TEXT NOT NULL,
    run          INTEGER NOT NULL REFERENCES run,
    line         ANY NOT NULL,
    UNIQUE (address, port)
) STRICT;

-- `line` is null for a certificate that a chain names and no `cert` record gave.
CREATE TABLE certificate (
    id                  INTEGER PRIMARY KEY,
    sha256              TEXT NOT NULL UNIQUE,
    subject             TEXT,
    issuer              TEXT,
    not_before          TEXT,
    not_after           TEXT,
    key_type            TEXT,
    key_bits            INTEGER,
    spki_sha256         TEXT,
    signature_algorithm TEXT,
    self_issued         INTEGER,
    self_signed         INTEGER,
    ca                  INTEGER,
    must_staple         INTEGER,
    scts                INTEGER,
    fault               TEXT,
    time                TEXT,
    run                 INTEGER REFERENCES run,
    line                ANY
) STRICT;

-- `kind`: dns (subject alternative name) or cn (common name).
CREATE TABLE certificate_name (
    certificate INTEGER NOT NULL REFERENCES certificate,
    kind        TEXT NOT NULL,
    name        TEXT NOT NULL,
    PRIMARY KEY (certificate, kind, name)
) STRICT, WITHOUT ROWID;

-- `sni` is the server name where the run asked each server once for each name, else 0.
CREATE TABLE tls (
    id               INTEGER PRIMARY KEY,
    address          INTEGER NOT NULL REFERENCES address,
    port             INTEGER NOT NULL,
    sni              INTEGER NOT NULL,
    server_name      TEXT,
    phase            TEXT NOT NULL,
    reason           TEXT NOT NULL,
    detail           TEXT,
    accepted         INTEGER,
    negotiated       INTEGER,
    completed        INTEGER,
    version          TEXT,
    cipher           TEXT,
    openssl          TEXT,
    bits             INTEGER,
    key_exchange     TEXT,
    dh_bits          INTEGER,
    dh_name          TEXT,
    signature_scheme TEXT,
    leaf             INTEGER REFERENCES certificate,
    alert            TEXT,
    flags            TEXT,
    connections      INTEGER NOT NULL,
    attempts         INTEGER NOT NULL,
    time             TEXT NOT NULL,
    run              INTEGER NOT NULL REFERENCES run,
    line             ANY NOT NULL,
    UNIQUE (address, port, sni)
) STRICT;

-- The certificates a server sent, leaf at 0.
CREATE TABLE chain (
    tls         INTEGER NOT NULL REFERENCES tls,
    position    INTEGER NOT NULL,
    certificate INTEGER NOT NULL REFERENCES certificate,
    PRIMARY KEY (tls, position)
) STRICT, WITHOUT ROWID;

-- The chain against each named store; position 0 is the store that counts as "valid certificate".
CREATE TABLE verdict (
    tls        INTEGER NOT NULL REFERENCES tls,
    position   INTEGER NOT NULL,
    store      TEXT NOT NULL,
    store_date TEXT NOT NULL,
    at         TEXT NOT NULL,
    valid      INTEGER,
    reason     TEXT NOT NULL,
    also       TEXT,
    PRIMARY KEY (tls, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE hop (
    message TEXT NOT NULL,
    hop     INTEGER NOT NULL,
    of      INTEGER NOT NULL,
    run     INTEGER NOT NULL REFERENCES run,
    line    ANY NOT NULL,
    PRIMARY KEY (message, hop)
) STRICT;

-- Lines of types that this version does not know.
CREATE TABLE unknown (
    id     INTEGER PRIMARY KEY,
    type   TEXT NOT NULL,
    digest BLOB NOT NULL UNIQUE,
    line   ANY NOT NULL
) STRICT;

-- Judgements, made by to-sqlite from the tables above when its input ends (`meta` says from which state).

-- Does the leaf name this exchange (name)? `name_match`: san, cn_only, no.
CREATE TABLE exchange_certificate (
    name        INTEGER NOT NULL REFERENCES name,
    certificate INTEGER NOT NULL REFERENCES certificate,
    name_match  TEXT NOT NULL,
    PRIMARY KEY (name, certificate)
) STRICT, WITHOUT ROWID;

-- Does the leaf name the domain itself?
CREATE TABLE domain_certificate (
    domain      INTEGER NOT NULL REFERENCES name,
    certificate INTEGER NOT NULL REFERENCES certificate,
    name_match  TEXT NOT NULL,
    PRIMARY KEY (domain, certificate)
) STRICT, WITHOUT ROWID;

-- What the exchange's TLSA records under DNSSEC amount to at this server: holds, fails, no_starttls, unknown.
CREATE TABLE exchange_dane (
    exchange INTEGER NOT NULL REFERENCES exchange,
    address  INTEGER NOT NULL REFERENCES address,
    dane     TEXT NOT NULL,
    reasons  TEXT,
    PRIMARY KEY (exchange, address)
) STRICT, WITHOUT ROWID;

-- What is weak at a server or in the certificates it sends, and the worst level of each guideline.
CREATE TABLE server_weakness (
    address  INTEGER NOT NULL REFERENCES address,
    weakness TEXT NOT NULL,
    PRIMARY KEY (address, weakness)
) STRICT, WITHOUT ROWID;
CREATE TABLE server_level (
    address INTEGER NOT NULL REFERENCES address,
    edition TEXT NOT NULL,
    level   TEXT NOT NULL,
    PRIMARY KEY (address, edition)
) STRICT, WITHOUT ROWID;

-- What an address at the survey's port amounts to. `domains` share it.
CREATE TABLE judged_server (
    address  INTEGER PRIMARY KEY REFERENCES address,
    smtp     INTEGER REFERENCES smtp,
    tls      INTEGER REFERENCES tls,
    answered INTEGER NOT NULL,
    facts    INTEGER NOT NULL,
    domains  INTEGER NOT NULL
) STRICT;

-- The domains behind an exchange name, and behind a leaf certificate.
CREATE TABLE judged_exchange (
    name    INTEGER PRIMARY KEY REFERENCES name,
    domains INTEGER NOT NULL
) STRICT;
CREATE TABLE judged_certificate (
    certificate INTEGER PRIMARY KEY REFERENCES certificate,
    servers     INTEGER NOT NULL,
    domains     INTEGER NOT NULL
) STRICT;

-- A domain under the three rules. `status`: answered, deferred, unreachable, not_probed, dns (its MX or addresses could
-- not be learned), and outside: null_mx, nxdomain, no_address, invalid_name. `facts` packs two bits a fact and rule
-- (0 unknown, 1 no, 2 yes, 3 mixed); the view domain_verdict spells them. `exchange`, `tls`: those of the server that
-- stands for the domain: the first of the preference that answered, one with TLS before one without.
CREATE TABLE judged_domain (
    domain   INTEGER PRIMARY KEY REFERENCES domain,
    status   TEXT NOT NULL,
    not_best INTEGER NOT NULL,
    facts    INTEGER NOT NULL,
    exchange INTEGER REFERENCES exchange,
    tls      INTEGER REFERENCES tls
) STRICT;

-- `changes` counts commits, `judged` the commit that the judgements were made from, `rules` by which version of them.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value ANY
) STRICT, WITHOUT ROWID;
