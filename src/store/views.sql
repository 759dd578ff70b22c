-- Questions as views. Percentages have their numerator and denominator beside them. Facts are spelled: yes, no, unknown,
-- and of a domain mixed, where servers that mail would go to with the same right differ.

DROP VIEW IF EXISTS exchange_address;
CREATE VIEW exchange_address AS -- The addresses of each exchange.
SELECT e.id AS exchange, s.address FROM exchange e JOIN address_of_set s ON s.address_set = e.addresses;

DROP VIEW IF EXISTS domain_verdict;
CREATE VIEW domain_verdict AS -- A domain under the rules preferred (no suffix), any and all.
SELECT j.domain AS id, n.name AS domain, j.status, j.status NOT IN ({outside}) AS takes_mail, j.not_best,
       {domain_facts}
FROM judged_domain j JOIN name n ON n.id = j.domain;

DROP VIEW IF EXISTS server;
CREATE VIEW server AS -- A server at the port of a conversation, with its facts.
SELECT a.ip, s.port, s.reason,
       CASE s.esmtp WHEN 1 THEN 'yes' WHEN 0 THEN 'no' ELSE 'unknown' END AS esmtp,
       CASE s.advertised WHEN 1 THEN 'yes' WHEN 0 THEN 'no' ELSE 'unknown' END AS advertised,
       CASE s.accepted WHEN 1 THEN 'yes' WHEN 0 THEN 'no' ELSE 'unknown' END AS accepted,
       CASE WHEN t.completed = 1 OR t.negotiated = 1 THEN 'yes'
            WHEN t.accepted = 0 OR t.id IS NULL AND s.accepted = 0 THEN 'no' ELSE 'unknown' END AS tls,
       CASE WHEN t.completed = 1 OR t.negotiated = 1 THEN CASE v.valid WHEN 1 THEN 'yes' WHEN 0 THEN 'no' ELSE 'unknown' END
            WHEN t.accepted = 0 OR t.id IS NULL AND s.accepted = 0 THEN 'no'
            ELSE CASE v.valid WHEN 1 THEN 'yes' WHEN 0 THEN 'no' ELSE 'unknown' END END AS valid,
       t.version, t.cipher, t."group", v.store, v.reason AS verdict, s.software, s.banner, j.domains
FROM smtp s
JOIN address a ON a.id = s.address
LEFT JOIN judged_server j ON j.address = s.address
LEFT JOIN tls t ON t.id = (SELECT min(o.id) FROM tls o WHERE o.address = s.address AND o.port = s.port)
LEFT JOIN verdict v ON v.tls = t.id AND v.position = 0;

DROP VIEW IF EXISTS mail_route;
CREATE VIEW mail_route AS -- Each domain with each exchange and each address of it, and all that is known of them: where to begin.
SELECT domain, status, preference, exchange, registered_domain, domain_dnssec, exchange_dnssec, ip, special, port, reason,
       esmtp, advertised, accepted, tls,
       CASE tls WHEN 'no' THEN 'no' ELSE valid END AS valid,
       CASE tls WHEN 'no' THEN 'no' ELSE names_exchange END AS names_exchange,
       CASE WHEN tls = 'no' OR valid = 'no' OR names_exchange = 'no' THEN 'no'
            WHEN valid = 'yes' AND names_exchange = 'yes' THEN 'yes' ELSE 'unknown' END AS trusted,
       CASE tls WHEN 'no' THEN 'no' ELSE names_domain END AS names_domain,
       dane, version, cipher, "group", verdict, certificate, software, banner, shared_by
FROM (
    SELECT d.name AS domain, jd.status, x.preference, e.name AS exchange, r.registered_domain, dd.dnssec AS domain_dnssec,
           r.dnssec AS exchange_dnssec, a.ip, a.special, s.port, s.reason,
           CASE s.esmtp WHEN 1 THEN 'yes' WHEN 0 THEN 'no' ELSE 'unknown' END AS esmtp,
           CASE s.advertised WHEN 1 THEN 'yes' WHEN 0 THEN 'no' ELSE 'unknown' END AS advertised,
           CASE s.accepted WHEN 1 THEN 'yes' WHEN 0 THEN 'no' ELSE 'unknown' END AS accepted,
           CASE WHEN t.completed = 1 OR t.negotiated = 1 THEN 'yes'
                WHEN t.accepted = 0 OR t.id IS NULL AND s.accepted = 0 THEN 'no' ELSE 'unknown' END AS tls,
           CASE v.valid WHEN 1 THEN 'yes' WHEN 0 THEN 'no' ELSE 'unknown' END AS valid,
           CASE WHEN xc.name_match = 'san' THEN 'yes' WHEN c.subject IS NULL THEN 'unknown' ELSE 'no' END AS names_exchange,
           CASE WHEN dc.name_match = 'san' THEN 'yes' WHEN c.subject IS NULL THEN 'unknown' ELSE 'no' END AS names_domain,
           CASE WHEN xd.dane IS NOT NULL THEN xd.dane
                WHEN r.tlsa = 'unsigned' OR r.tlsa IN ('ok', 'nxdomain', 'no_data') AND r.tlsa_dnssec = 'insecure'
                    THEN 'none_unsigned'
                WHEN r.tlsa IN ('nxdomain', 'no_data') THEN 'none'
                WHEN r.tlsa IS NULL AND r.dnssec = 'insecure'
                    AND NOT EXISTS (SELECT 1 FROM exchange_cname c WHERE c.exchange = r.id) THEN 'none_unsigned'
                ELSE 'unknown' END AS dane,
           t.version, t.cipher, t."group", v.reason AS verdict, c.sha256 AS certificate, s.software, s.banner,
           js.domains AS shared_by
    FROM domain_exchange x
    JOIN name d ON d.id = x.domain
    JOIN domain dd ON dd.id = x.domain
    JOIN exchange r ON r.id = x.exchange
    JOIN name e ON e.id = r.name
    LEFT JOIN judged_domain jd ON jd.domain = x.domain
    LEFT JOIN meta m ON m.key = 'port'
    LEFT JOIN address_of_set ra ON ra.address_set = r.addresses
    LEFT JOIN address a ON a.id = ra.address
    LEFT JOIN smtp s ON s.address = a.id AND s.port = m.value
    LEFT JOIN tls t ON t.id = (SELECT o.id FROM tls o WHERE o.address = a.id AND o.port = m.value
                               AND coalesce(o.sni, 0) IN (0, r.name) ORDER BY coalesce(o.sni, 0) DESC LIMIT 1)
    LEFT JOIN verdict v ON v.tls = t.id AND v.position = 0
    LEFT JOIN certificate c ON c.id = t.leaf
    LEFT JOIN exchange_certificate xc ON xc.name = r.name AND xc.certificate = t.leaf
    LEFT JOIN domain_certificate dc ON dc.domain = x.domain AND dc.certificate = t.leaf
    LEFT JOIN exchange_dane xd ON xd.exchange = r.id AND xd.address = a.id
    LEFT JOIN judged_server js ON js.address = a.id);

DROP VIEW IF EXISTS tls_of_domains;
CREATE VIEW tls_of_domains AS -- Domains that take mail by whether their mail goes by TLS.
SELECT yes, yes + no + mixed AS answered, round(100.0 * yes / nullif(yes + no + mixed, 0), 2) AS percent, no, mixed, unknown
FROM (SELECT sum(tls = 'yes') AS yes, sum(tls = 'no') AS no, sum(tls = 'mixed') AS mixed, sum(tls = 'unknown') AS unknown
      FROM domain_verdict WHERE takes_mail);

DROP VIEW IF EXISTS tls_of_users;
CREATE VIEW tls_of_users AS -- Users of counted lists by whether their mail goes by TLS.
SELECT source, of, yes, yes + no + mixed AS answered, round(100.0 * yes / nullif(yes + no + mixed, 0), 2) AS percent,
       no, mixed, unknown
FROM (SELECT l.source, l.of, sum(e.users * (v.tls = 'yes')) AS yes, sum(e.users * (v.tls = 'no')) AS no,
             sum(e.users * (v.tls = 'mixed')) AS mixed, sum(e.users * (v.tls = 'unknown')) AS unknown
      FROM list l JOIN entry e ON e.list = l.id JOIN domain_verdict v ON v.id = e.domain
      WHERE v.takes_mail AND e.users IS NOT NULL GROUP BY l.id);

DROP VIEW IF EXISTS status_of_domains;
CREATE VIEW status_of_domains AS -- Domains by what became of them.
SELECT status, count(*) AS domains, sum(not_best) AS not_best FROM judged_domain GROUP BY status ORDER BY 2 DESC, 1;

DROP VIEW IF EXISTS top_providers;
CREATE VIEW top_providers AS -- The domains of counted lists by users, with their facts; null where they take no mail.
SELECT l.source, n.name AS domain, e.rank, e.users, round(100.0 * e.users / l.of, 2) AS percent,
       coalesce(v.status, 'not_looked_up') AS status,
       CASE WHEN v.takes_mail THEN v.esmtp END AS esmtp, CASE WHEN v.takes_mail THEN v.accepted END AS accepted,
       CASE WHEN v.takes_mail THEN v.tls END AS tls, CASE WHEN v.takes_mail THEN v.valid END AS valid
FROM list l
JOIN entry e ON e.list = l.id
JOIN name n ON n.id = e.domain
LEFT JOIN domain_verdict v ON v.id = e.domain
WHERE e.users IS NOT NULL
ORDER BY l.source, e.users DESC, e.rank, n.name;

DROP VIEW IF EXISTS top_exchanges;
CREATE VIEW top_exchanges AS -- Exchanges by the domains that share them.
SELECT n.name AS exchange, j.domains FROM judged_exchange j JOIN name n ON n.id = j.name ORDER BY j.domains DESC, n.name;

DROP VIEW IF EXISTS top_addresses;
CREATE VIEW top_addresses AS -- Servers by the domains that share them.
SELECT a.ip, j.domains FROM judged_server j JOIN address a ON a.id = j.address ORDER BY j.domains DESC, a.ip;

DROP VIEW IF EXISTS top_certificates;
CREATE VIEW top_certificates AS -- Leaf certificates by the domains that share them.
SELECT c.sha256, c.subject, c.issuer, c.not_after, j.servers, j.domains
FROM judged_certificate j JOIN certificate c ON c.id = j.certificate ORDER BY j.domains DESC, j.servers DESC, c.sha256;

DROP VIEW IF EXISTS cipher_of_servers;
CREATE VIEW cipher_of_servers AS -- Versions and suites by servers with TLS, and by the domains behind them.
SELECT version, coalesce(openssl, cipher) AS cipher, count(*) AS servers, sum(j.domains) AS domain_uses
FROM judged_server j JOIN tls t ON t.id = j.tls
WHERE cipher IS NOT NULL AND (t.completed = 1 OR t.negotiated = 1) GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2;

DROP VIEW IF EXISTS certificate_verdict;
CREATE VIEW certificate_verdict AS -- Verdicts of each store by servers, and by the domains behind them.
SELECT v.store, v.store_date, v.reason, count(*) AS servers, sum(j.domains) AS domain_uses
FROM judged_server j JOIN verdict v ON v.tls = j.tls GROUP BY 1, 2, 3 ORDER BY 1, 4 DESC, 2, 3;

DROP VIEW IF EXISTS shared_key;
CREATE VIEW shared_key AS -- Keys that several servers have.
SELECT c.spki_sha256, count(DISTINCT c.id) AS certificates, count(DISTINCT j.address) AS servers
FROM judged_server j JOIN tls t ON t.id = j.tls JOIN certificate c ON c.id = t.leaf
WHERE c.spki_sha256 IS NOT NULL GROUP BY 1 HAVING servers > 1 ORDER BY servers DESC, 1;

DROP VIEW IF EXISTS software_of_servers;
CREATE VIEW software_of_servers AS -- Software of the servers that answered, by its own words.
SELECT coalesce(s.software, 'not told') AS software, count(*) AS servers, coalesce(sum(s.accepted), 0) AS with_starttls
FROM judged_server j JOIN smtp s ON s.id = j.smtp WHERE j.answered GROUP BY 1 ORDER BY 2 DESC, 1;

DROP VIEW IF EXISTS cut_runs;
CREATE VIEW cut_runs AS -- Runs that began and did not end.
SELECT run, stage, started FROM run WHERE started IS NOT NULL AND ended IS NULL ORDER BY started, run;
