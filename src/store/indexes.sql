-- From an exchange to the domains that lead to it.
CREATE INDEX IF NOT EXISTS domain_of_exchange ON domain_exchange (exchange, domain);
-- From an address to the exchanges that have it.
CREATE INDEX IF NOT EXISTS set_of_address ON address_of_set (address, address_set);
CREATE INDEX IF NOT EXISTS exchange_of_set ON exchange (addresses);
-- From a domain to the lists it stands on.
CREATE INDEX IF NOT EXISTS list_of_domain ON entry (domain, list);
-- From a certificate to the handshakes whose chain has it.
CREATE INDEX IF NOT EXISTS handshake_of_certificate ON chain (certificate, tls);
-- From a judged handshake to its server.
CREATE INDEX IF NOT EXISTS server_of_handshake ON judged_server (tls);
-- From a key to the certificates that share it.
CREATE INDEX IF NOT EXISTS certificate_of_key ON certificate (spki_sha256);
-- From a keyword to the servers that offer it.
CREATE INDEX IF NOT EXISTS set_of_keyword ON capability (keyword, capability_set);
CREATE INDEX IF NOT EXISTS server_of_set ON smtp (capabilities);
-- From a weakness to the servers that have it.
CREATE INDEX IF NOT EXISTS server_of_weakness ON server_weakness (weakness, address);
-- From a registered domain to the exchanges under it.
CREATE INDEX IF NOT EXISTS exchange_of_operator ON exchange (registered_domain);
