-- One database is one survey. Facts first, as they came; judgements are made from them and can be made again.
-- Each table and each column says what it holds; mx-survey-db.5 is made from this file.

-- Facts

CREATE TABLE name ( -- Every domain and exchange name, once.
    id   INTEGER PRIMARY KEY, -- The number by which the other tables name it.
    name TEXT NOT NULL UNIQUE -- As in the records: lower case, no dot at the end, A-labels (RFC 5890).
) STRICT;

CREATE TABLE run ( -- A run of a stage.
    id          INTEGER PRIMARY KEY, -- The number by which the other tables name it.
    run         TEXT NOT NULL UNIQUE, -- Its id in the records.
    stage       TEXT, -- The program; null: only its records were seen.
    version     TEXT, -- The program's version.
    started     TEXT, -- When, RFC 3339; null: its first line was not seen.
    ended       TEXT, -- When; null: its last line was not seen, so it may be cut.
    interrupted INTEGER, -- 1: a signal ended it; null: its last line was not seen.
    line        ANY, -- Its first line as it was read, with its settings; text, or bytes where it is not UTF-8.
    end_line    ANY -- Its last line, with its counts.
) STRICT;

CREATE TABLE list ( -- A list of domains: a top list, or a leak with users counted.
    id     INTEGER PRIMARY KEY, -- The number by which the other tables name it.
    source TEXT NOT NULL UNIQUE, -- Its name.
    of     INTEGER -- Users counted in all; null for a top list.
) STRICT;

CREATE TABLE entry ( -- A domain's place on a list.
    list   INTEGER NOT NULL REFERENCES list, -- The list.
    domain INTEGER NOT NULL REFERENCES name, -- The domain.
    rank   INTEGER, -- Its rank, from 1; null: the list has none.
    users  INTEGER, -- Its users, in a list that counts them.
    run    INTEGER REFERENCES run, -- The run that wrote the record; null: none is named.
    line   ANY, -- The record as it was read; null: the other columns say all that is in it.
    PRIMARY KEY (list, domain)
) STRICT, WITHOUT ROWID;

CREATE TABLE entry_other ( -- The domains that a counted list folded into one row.
    list    INTEGER PRIMARY KEY REFERENCES list, -- The list.
    domains INTEGER NOT NULL, -- How many domains.
    users   INTEGER NOT NULL, -- Their users together.
    line    ANY NOT NULL -- The record as it was read.
) STRICT;

CREATE TABLE domain ( -- What the DNS said of a domain's mail.
    id          INTEGER PRIMARY KEY REFERENCES name, -- The domain.
    phase       TEXT NOT NULL, -- How far the lookup came: a word of Phase in mx-survey.5.
    reason      TEXT NOT NULL, -- Why no further, ok at the end: a word of Reason.
    implicit_mx INTEGER, -- 1: no MX record, its own address stands in (RFC 5321 5.1); null: not learned.
    null_mx     INTEGER, -- 1: it says that it takes no mail (RFC 7505); null: not learned.
    dnssec      TEXT, -- State of its MX records: a word of Dnssec; null: not learned.
    questions   INTEGER NOT NULL, -- Questions of the DNS that were asked for it alone.
    elapsed_ms  INTEGER NOT NULL, -- Milliseconds from the first question to the last answer.
    time        TEXT NOT NULL, -- When it was looked up, RFC 3339.
    run         INTEGER NOT NULL REFERENCES run, -- The run.
    line        ANY -- The record as it was read; null: the tables say all that is in it.
) STRICT;

CREATE TABLE domain_fault ( -- What is wrong with a domain's MX records.
    domain INTEGER NOT NULL REFERENCES domain, -- The domain.
    fault  TEXT NOT NULL, -- A word of the record's faults.
    PRIMARY KEY (domain, fault)
) STRICT, WITHOUT ROWID;

CREATE TABLE exchange ( -- What an exchange resolved to; a row for each way that it did.
    id                INTEGER PRIMARY KEY, -- The number by which the other tables name it.
    name              INTEGER NOT NULL REFERENCES name, -- Its name.
    digest            INTEGER NOT NULL, -- Over all that the record says of it but its preference.
    addresses         INTEGER NOT NULL REFERENCES address_set, -- Its addresses, as a set.
    registered_domain TEXT, -- Its registered domain by the public suffix list.
    ipv4              TEXT, -- How the question for A ended: a word of Reason; null: not asked.
    ipv6              TEXT, -- How the question for AAAA ended; null: not asked.
    dnssec            TEXT, -- State of its addresses: a word of Dnssec.
    tlsa              TEXT, -- How the question for TLSA ended; null: not asked.
    tlsa_base         TEXT, -- The TLSA base domain (RFC 7672 2.2.3).
    tlsa_dnssec       TEXT, -- State of the answer for TLSA.
    UNIQUE (name, digest)
) STRICT;

CREATE TABLE exchange_cname ( -- The aliases on the way to an exchange's addresses.
    exchange INTEGER NOT NULL REFERENCES exchange, -- The exchange.
    position INTEGER NOT NULL, -- From 0, in the order of resolution.
    target   TEXT NOT NULL, -- The name that the alias leads to.
    PRIMARY KEY (exchange, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE exchange_fault ( -- What is wrong with an exchange.
    exchange INTEGER NOT NULL REFERENCES exchange, -- The exchange.
    fault    TEXT NOT NULL, -- A word of the record's faults.
    PRIMARY KEY (exchange, fault)
) STRICT, WITHOUT ROWID;

CREATE TABLE domain_exchange ( -- The MX records of a domain.
    domain     INTEGER NOT NULL REFERENCES domain, -- The domain.
    preference INTEGER NOT NULL, -- Lower is tried first (RFC 5321 5.1).
    exchange   INTEGER NOT NULL REFERENCES exchange, -- The exchange, as it resolved.
    PRIMARY KEY (domain, preference, exchange)
) STRICT, WITHOUT ROWID;

CREATE TABLE address ( -- An IP address.
    id      INTEGER PRIMARY KEY, -- The number by which the other tables name it.
    ip      TEXT NOT NULL UNIQUE, -- In its canonical form (RFC 5952).
    special TEXT -- The special-purpose block it lies in; null: none.
) STRICT;

CREATE TABLE address_set ( -- A distinct set of addresses: exchanges by the thousand share one.
    id     INTEGER PRIMARY KEY, -- The number by which exchange names it.
    digest INTEGER NOT NULL UNIQUE -- Over the addresses.
) STRICT;

CREATE TABLE address_of_set ( -- The addresses of a set; the view exchange_address leads from an exchange to them.
    address_set INTEGER NOT NULL REFERENCES address_set, -- The set.
    address     INTEGER NOT NULL REFERENCES address, -- An address in it.
    PRIMARY KEY (address_set, address)
) STRICT, WITHOUT ROWID;

CREATE TABLE tlsa ( -- The TLSA records of an exchange (RFC 6698).
    exchange      INTEGER NOT NULL REFERENCES exchange, -- The exchange.
    position      INTEGER NOT NULL, -- From 0, as in the record.
    usage         INTEGER NOT NULL, -- Certificate usage: 2 DANE-TA, 3 DANE-EE; 0 and 1 are unusable for SMTP (RFC 7672 3.1.3).
    selector      INTEGER NOT NULL, -- 0 the certificate, 1 its key.
    matching_type INTEGER NOT NULL, -- 0 itself, 1 SHA-256, 2 SHA-512.
    data          TEXT NOT NULL, -- Hex.
    PRIMARY KEY (exchange, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE capability_set ( -- A distinct set of EHLO keywords.
    id       INTEGER PRIMARY KEY, -- The number by which smtp names it.
    keywords TEXT NOT NULL UNIQUE -- The keywords, sorted, with a space between; one by one in capability.
) STRICT;

CREATE TABLE capability ( -- The keywords of a set, one by one.
    capability_set INTEGER NOT NULL REFERENCES capability_set, -- The set.
    keyword        TEXT NOT NULL, -- An EHLO keyword, upper case.
    PRIMARY KEY (capability_set, keyword)
) STRICT, WITHOUT ROWID;

CREATE TABLE smtp ( -- A conversation with a server.
    id           INTEGER PRIMARY KEY, -- The number by which the other tables name it.
    address      INTEGER NOT NULL REFERENCES address, -- Where.
    port         INTEGER NOT NULL, -- At which port.
    phase        TEXT NOT NULL, -- How far it came: a word of Phase.
    reason       TEXT NOT NULL, -- Why no further, ok at the end: a word of Reason.
    detail       TEXT, -- What there is to that, in words.
    esmtp        INTEGER, -- 1: EHLO was answered 250; 0: only HELO was; null: neither.
    advertised   INTEGER, -- 1: STARTTLS stands in the reply to EHLO; null: not learned.
    accepted     INTEGER, -- 1: 220 to STARTTLS; 0: refused; null: not learned.
    masked       TEXT, -- A keyword that looks like STARTTLS overwritten on the way (RFC 3207 6); null: none.
    injected     INTEGER NOT NULL, -- 1: bytes in clear stood between the 220 and TLS, a sign of response injection.
    banner_code  INTEGER, -- Code of the greeting.
    banner       TEXT, -- Its first line, printable.
    ehlo_code    INTEGER, -- Code of the reply to EHLO.
    helo_code    INTEGER, -- Code of the reply to HELO.
    capabilities INTEGER REFERENCES capability_set, -- The keywords of the reply to EHLO.
    size         INTEGER, -- Parameter of SIZE, bytes.
    software     TEXT, -- What runs, by its own words; null: not told.
    connections  INTEGER NOT NULL, -- Connections that were made.
    attempts     INTEGER NOT NULL, -- Attempts, those without a connection included.
    time         TEXT NOT NULL, -- When, RFC 3339.
    run          INTEGER NOT NULL REFERENCES run, -- The run.
    line         ANY NOT NULL, -- The record as it was read.
    UNIQUE (address, port)
) STRICT;

CREATE TABLE smtp_auth ( -- The mechanisms of AUTH that a server offers before TLS.
    smtp      INTEGER NOT NULL REFERENCES smtp, -- The conversation.
    mechanism TEXT NOT NULL, -- A SASL mechanism (RFC 4954), upper case.
    PRIMARY KEY (smtp, mechanism)
) STRICT, WITHOUT ROWID;

CREATE TABLE smtp_flag ( -- What was odd in a conversation.
    smtp INTEGER NOT NULL REFERENCES smtp, -- The conversation.
    flag TEXT NOT NULL, -- A word of the record's flags.
    PRIMARY KEY (smtp, flag)
) STRICT, WITHOUT ROWID;

CREATE TABLE certificate ( -- A certificate that a server sent.
    id                  INTEGER PRIMARY KEY, -- The number by which the other tables name it.
    sha256              TEXT NOT NULL UNIQUE, -- Over its DER, hex.
    subject             TEXT, -- Subject, printable; null: not read.
    issuer              TEXT, -- Issuer, printable.
    not_before          TEXT, -- Valid from.
    not_after           TEXT, -- Valid until.
    key_type            TEXT, -- rsa, ec, …
    key_bits            INTEGER, -- Length of the key.
    spki_sha256         TEXT, -- SHA-256 over the key, hex: two certificates with it share a key.
    signature_algorithm TEXT, -- Algorithm of the signature.
    self_issued         INTEGER, -- 1: subject and issuer are the same.
    self_signed         INTEGER, -- 1: its own key verifies its signature; null: cannot be checked.
    ca                  INTEGER, -- 1: it may sign others.
    must_staple         INTEGER, -- 1: it demands stapled OCSP (RFC 7633).
    scts                INTEGER, -- Embedded timestamps of transparency logs (RFC 6962).
    fault               TEXT, -- Why it could not be read; null: it could.
    time                TEXT, -- When it was first seen.
    run                 INTEGER REFERENCES run, -- The run that saw it.
    line                ANY -- The record as it was read; null: a chain names it and no cert record gave it.
) STRICT;

CREATE TABLE certificate_name ( -- The names in a certificate.
    certificate INTEGER NOT NULL REFERENCES certificate, -- The certificate.
    kind        TEXT NOT NULL, -- dns: subject alternative name; cn: common name.
    name        TEXT NOT NULL, -- As written, printable; may begin with *.
    PRIMARY KEY (certificate, kind, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE tls ( -- A TLS handshake with a server.
    id               INTEGER PRIMARY KEY, -- The number by which the other tables name it.
    address          INTEGER NOT NULL REFERENCES address, -- Where.
    port             INTEGER NOT NULL, -- At which port.
    sni              INTEGER REFERENCES name, -- The name asked for, where each was asked for by itself (--sni each); else null.
    server_name      TEXT, -- The name that was sent; null: none was.
    phase            TEXT NOT NULL, -- How far it came: a word of Phase.
    reason           TEXT NOT NULL, -- Why no further, ok at the end: a word of Reason.
    detail           TEXT, -- What there is to that, in words.
    accepted         INTEGER, -- 1: 220 to STARTTLS; 0: refused; null: not learned.
    negotiated       INTEGER, -- 1: the server's hello was seen; null: not learned.
    completed        INTEGER, -- 1: the handshake finished; null: not learned.
    version          TEXT, -- Protocol version: a word of TlsVersion; null: not seen.
    cipher           TEXT, -- Suite, by IANA's name.
    openssl          TEXT, -- Suite, by OpenSSL's name, where it has one.
    bits             INTEGER, -- Bits of the bulk cipher's key.
    "group"          TEXT, -- Group of the key exchange (RFC 8446 4.2.7); null: none, or not seen. SQL wants the quotes.
    dh_bits          INTEGER, -- Bits of the prime, where the key exchange is over a prime field.
    dh_name          TEXT, -- The prime's name, where it is a known one.
    signature_scheme TEXT, -- Signature of the server.
    leaf             INTEGER REFERENCES certificate, -- The server's certificate; null: none was seen.
    alert            TEXT, -- The alert that ended it.
    connections      INTEGER NOT NULL, -- Connections that were made.
    attempts         INTEGER NOT NULL, -- Attempts, those without a connection included.
    time             TEXT NOT NULL, -- When, RFC 3339.
    run              INTEGER NOT NULL REFERENCES run, -- The run.
    line             ANY NOT NULL -- The record as it was read.
) STRICT;
CREATE UNIQUE INDEX tls_of_server ON tls (address, port, coalesce(sni, 0));

CREATE TABLE tls_flag ( -- What was odd in a handshake.
    tls  INTEGER NOT NULL REFERENCES tls, -- The handshake.
    flag TEXT NOT NULL, -- A word of the record's flags.
    PRIMARY KEY (tls, flag)
) STRICT, WITHOUT ROWID;

CREATE TABLE chain ( -- The certificates a server sent.
    tls         INTEGER NOT NULL REFERENCES tls, -- The handshake.
    position    INTEGER NOT NULL, -- As sent; the leaf at 0.
    certificate INTEGER NOT NULL REFERENCES certificate, -- The certificate.
    PRIMARY KEY (tls, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE verdict ( -- A chain against each named store of roots.
    tls        INTEGER NOT NULL REFERENCES tls, -- The handshake.
    position   INTEGER NOT NULL, -- The store at 0 is the one that counts as "valid certificate".
    store      TEXT NOT NULL, -- Its name.
    store_date TEXT NOT NULL, -- Its date.
    at         TEXT NOT NULL, -- The time that was judged for.
    valid      INTEGER, -- 1: a chain leads to a root; null: cannot be told.
    reason     TEXT NOT NULL, -- Why not, valid otherwise: a word of the record's verdicts.
    PRIMARY KEY (tls, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE verdict_also ( -- What else is wrong with a chain.
    tls      INTEGER NOT NULL, -- The handshake.
    position INTEGER NOT NULL, -- The position of the verdict.
    reason   TEXT NOT NULL, -- A word as in verdict.
    PRIMARY KEY (tls, position, reason)
) STRICT, WITHOUT ROWID;

CREATE TABLE hop ( -- A Received field of real mail (RFC 5321 4.4).
    message                TEXT NOT NULL, -- The message: a digest over its header.
    hop                    INTEGER NOT NULL, -- Position from 1, the oldest.
    of                     INTEGER NOT NULL, -- Hops in this message.
    from_host              TEXT, -- Best name of the sending end; null: none is named.
    from_ip                TEXT, -- Its address.
    from_registered_domain TEXT, -- Its registered domain.
    by_host                TEXT, -- Name of the receiving end, which wrote the field.
    by_ip                  TEXT, -- Its address.
    by_registered_domain   TEXT, -- Its registered domain.
    protocol               TEXT, -- The word behind with: SMTP, ESMTPS, … (RFC 3848); null: none.
    encrypted              INTEGER, -- 1: it went encrypted, by what the writer says; null: it does not say.
    evidence               TEXT NOT NULL, -- What that rests on: a word of Evidence.
    version                TEXT, -- TLS version; null: none was named.
    cipher                 TEXT, -- Suite, by IANA's name.
    writer                 TEXT, -- Software or service that wrote the field; null: not recognised.
    time                   TEXT, -- When it was received, UTC.
    delay_ms               INTEGER, -- Milliseconds since the hop before; below zero where the clocks disagree.
    inter_organisation     INTEGER, -- 1: from one organisation to another; null: an end's is unknown.
    left_out               TEXT, -- Why it is none, or what is unknown: a word of LeftOut.
    trusted                INTEGER, -- 1: written at or above the border of a trusted domain; 0: it could be forged; null: none was given.
    run                    INTEGER NOT NULL REFERENCES run, -- The run.
    line                   ANY NOT NULL, -- The record as it was read.
    PRIMARY KEY (message, hop)
) STRICT;

CREATE TABLE unknown ( -- Lines of types that this version does not know.
    id     INTEGER PRIMARY KEY, -- In the order of arrival.
    type   TEXT NOT NULL, -- The type, printable.
    digest BLOB NOT NULL UNIQUE, -- SHA-256 over the line.
    line   ANY NOT NULL -- The line as it was read.
) STRICT;

-- Judgements

CREATE TABLE exchange_certificate ( -- Leaves that name their exchange. One that was read (it has a subject) and has no row does not.
    name        INTEGER NOT NULL REFERENCES name, -- Name of the exchange.
    certificate INTEGER NOT NULL REFERENCES certificate, -- The leaf.
    name_match  TEXT NOT NULL, -- san; cn_only: only by its common name, which does not count (RFC 9525).
    PRIMARY KEY (name, certificate)
) STRICT, WITHOUT ROWID;

CREATE TABLE domain_certificate ( -- Leaves that name the domain itself. One that was read and has no row does not.
    domain      INTEGER NOT NULL REFERENCES name, -- The domain.
    certificate INTEGER NOT NULL REFERENCES certificate, -- The leaf.
    name_match  TEXT NOT NULL, -- As in exchange_certificate.
    PRIMARY KEY (domain, certificate)
) STRICT, WITHOUT ROWID;

CREATE TABLE exchange_dane ( -- What the TLSA records of an exchange under DNSSEC amount to at a server.
    exchange INTEGER NOT NULL REFERENCES exchange, -- The exchange.
    address  INTEGER NOT NULL REFERENCES address, -- The server.
    dane     TEXT NOT NULL, -- holds, fails, no_starttls, unknown.
    PRIMARY KEY (exchange, address)
) STRICT, WITHOUT ROWID;

CREATE TABLE exchange_dane_reason ( -- Why TLSA records do not match.
    exchange INTEGER NOT NULL REFERENCES exchange, -- The exchange.
    address  INTEGER NOT NULL REFERENCES address, -- The server.
    reason   TEXT NOT NULL, -- Why one of the records does not match.
    PRIMARY KEY (exchange, address, reason)
) STRICT, WITHOUT ROWID;

CREATE TABLE server_weakness ( -- What is weak at a server or in the certificates it sends.
    address  INTEGER NOT NULL REFERENCES address, -- The server.
    weakness TEXT NOT NULL, -- Its word, as in report.
    PRIMARY KEY (address, weakness)
) STRICT, WITHOUT ROWID;

CREATE TABLE server_level ( -- The worst level of a server by each guideline.
    address INTEGER NOT NULL REFERENCES address, -- The server.
    edition TEXT NOT NULL, -- The guideline, with its year.
    level   TEXT NOT NULL, -- Its word for it.
    PRIMARY KEY (address, edition)
) STRICT, WITHOUT ROWID;

CREATE TABLE judged_server ( -- What an address at the survey's port amounts to.
    address  INTEGER PRIMARY KEY REFERENCES address, -- The server.
    smtp     INTEGER REFERENCES smtp, -- Its conversation.
    tls      INTEGER REFERENCES tls, -- Its handshake; of several the first.
    answered INTEGER NOT NULL, -- 1: EHLO or HELO was answered.
    facts    INTEGER NOT NULL, -- Two bits a fact: 0 unknown, 1 no, 2 yes; the view server spells them.
    domains  INTEGER NOT NULL -- Domains that it takes mail for.
) STRICT;

CREATE TABLE judged_exchange ( -- How many domains share an exchange's name.
    name    INTEGER PRIMARY KEY REFERENCES name, -- The exchange's name.
    domains INTEGER NOT NULL -- Domains that lead to it.
) STRICT;

CREATE TABLE judged_certificate ( -- How many share a leaf.
    certificate INTEGER PRIMARY KEY REFERENCES certificate, -- The leaf.
    servers     INTEGER NOT NULL, -- Servers that sent it.
    domains     INTEGER NOT NULL -- Domains behind them.
) STRICT;

CREATE TABLE judged_domain ( -- A domain under the three rules.
    domain   INTEGER PRIMARY KEY REFERENCES domain, -- The domain.
    status   TEXT NOT NULL, -- answered, deferred, unreachable, not_probed, dns (not learned), no_address, null_mx, nxdomain, invalid_name.
    not_best INTEGER NOT NULL, -- 1: a better preference was passed over, none of whose servers answered.
    facts    INTEGER NOT NULL, -- Two bits a fact and rule: 0 unknown, 1 no, 2 yes, 3 mixed; the view domain_verdict spells them.
    exchange INTEGER REFERENCES exchange, -- The exchange that stands for it: of the first preference that answered, one with TLS first.
    tls      INTEGER REFERENCES tls -- The handshake of that server; null: none with TLS.
) STRICT;

CREATE TABLE meta ( -- What to-sqlite notes for itself.
    key   TEXT PRIMARY KEY, -- changes: commits; judged: the commit the judgements are of; rules: their version; port: the survey's; label: what the survey is called.
    value ANY -- Its value.
) STRICT, WITHOUT ROWID;
