-- Questions as views. Percentages have their numerator and denominator beside them.

DROP VIEW IF EXISTS server;
CREATE VIEW server AS
SELECT a.ip, s.port, s.reason, s.esmtp, s.advertised, s.accepted, t.negotiated, t.completed, t.version, t.cipher,
       t.key_exchange, v.valid, v.reason AS verdict, s.software, s.banner, j.domains
FROM smtp s
JOIN address a ON a.id = s.address
LEFT JOIN judged_server j ON j.address = s.address
LEFT JOIN tls t ON t.id = j.tls AND t.port = s.port
LEFT JOIN verdict v ON v.tls = t.id AND v.position = 0;

DROP VIEW IF EXISTS mail_route;
CREATE VIEW mail_route AS
SELECT d.name AS domain, x.preference, e.name AS exchange, a.ip
FROM domain_exchange x
JOIN name d ON d.id = x.domain
JOIN exchange r ON r.id = x.exchange
JOIN name e ON e.id = r.name
LEFT JOIN exchange_address ra ON ra.exchange = r.id
LEFT JOIN address a ON a.id = ra.address;

DROP VIEW IF EXISTS tls_of_domains;
CREATE VIEW tls_of_domains AS
SELECT yes, yes + no + mixed AS answered, round(100.0 * yes / nullif(yes + no + mixed, 0), 2) AS percent, no, mixed, unknown
FROM (SELECT sum(tls = 'yes') AS yes, sum(tls = 'no') AS no, sum(tls = 'mixed') AS mixed, sum(tls = 'unknown') AS unknown
      FROM domain_verdict WHERE takes_mail);

DROP VIEW IF EXISTS tls_of_users;
CREATE VIEW tls_of_users AS
SELECT source, of, yes, yes + no + mixed AS answered, round(100.0 * yes / nullif(yes + no + mixed, 0), 2) AS percent,
       no, mixed, unknown
FROM (SELECT l.source, l.of, sum(e.users * (v.tls = 'yes')) AS yes, sum(e.users * (v.tls = 'no')) AS no,
             sum(e.users * (v.tls = 'mixed')) AS mixed, sum(e.users * (v.tls = 'unknown')) AS unknown
      FROM list l JOIN entry e ON e.list = l.id JOIN domain_verdict v ON v.id = e.domain
      WHERE v.takes_mail AND e.users IS NOT NULL GROUP BY l.id);

DROP VIEW IF EXISTS status_of_domains;
CREATE VIEW status_of_domains AS
SELECT status, count(*) AS domains, sum(not_best) AS not_best FROM judged_domain GROUP BY status ORDER BY 2 DESC;

DROP VIEW IF EXISTS top_providers;
CREATE VIEW top_providers AS
SELECT l.source, n.name AS domain, e.rank, e.users, round(100.0 * e.users / l.of, 2) AS percent, v.esmtp,
       v.accepted, v.tls, v.valid
FROM list l
JOIN entry e ON e.list = l.id
JOIN name n ON n.id = e.domain
LEFT JOIN domain_verdict v ON v.id = e.domain
WHERE e.users IS NOT NULL
ORDER BY l.source, e.users DESC;

DROP VIEW IF EXISTS top_exchanges;
CREATE VIEW top_exchanges AS
SELECT n.name AS exchange, j.domains FROM judged_exchange j JOIN name n ON n.id = j.name ORDER BY j.domains DESC;

DROP VIEW IF EXISTS top_addresses;
CREATE VIEW top_addresses AS
SELECT a.ip, j.domains FROM judged_server j JOIN address a ON a.id = j.address ORDER BY j.domains DESC;

DROP VIEW IF EXISTS top_certificates;
CREATE VIEW top_certificates AS
SELECT c.sha256, c.subject, c.issuer, c.not_after, j.servers, j.domains
FROM judged_certificate j JOIN certificate c ON c.id = j.certificate ORDER BY j.domains DESC, j.servers DESC;

DROP VIEW IF EXISTS cipher_of_servers;
CREATE VIEW cipher_of_servers AS
SELECT version, coalesce(openssl, cipher) AS cipher, count(*) AS servers, sum(j.domains) AS domain_uses
FROM judged_server j JOIN tls t ON t.id = j.tls WHERE cipher IS NOT NULL GROUP BY 1, 2 ORDER BY 3 DESC;

DROP VIEW IF EXISTS certificate_verdict;
CREATE VIEW certificate_verdict AS
SELECT v.store, v.store_date, v.reason, count(*) AS servers, sum(j.domains) AS domain_uses
FROM judged_server j JOIN verdict v ON v.tls = j.tls GROUP BY 1, 2, 3 ORDER BY 1, 4 DESC;

DROP VIEW IF EXISTS shared_key;
CREATE VIEW shared_key AS
SELECT c.spki_sha256, count(DISTINCT c.id) AS certificates, count(DISTINCT j.address) AS servers
FROM judged_server j JOIN tls t ON t.id = j.tls JOIN certificate c ON c.id = t.leaf
WHERE c.spki_sha256 IS NOT NULL GROUP BY 1 HAVING servers > 1 ORDER BY servers DESC;

DROP VIEW IF EXISTS software_of_servers;
CREATE VIEW software_of_servers AS
SELECT coalesce(software, 'not told') AS software, count(*) AS servers, sum(accepted) AS with_starttls
FROM smtp WHERE esmtp IS NOT NULL GROUP BY 1 ORDER BY 2 DESC;

DROP VIEW IF EXISTS cut_runs;
CREATE VIEW cut_runs AS
SELECT run, stage, started FROM run WHERE started IS NOT NULL AND ended IS NULL;
