//! The rows of the parts of what a domain publishes: faults, texts, receivers of reports, keys, certificate authorities.

use rusqlite::params;

use super::writer::SurveyWriter;
use crate::record::{Fault, Policy, Text};
use crate::x509::sha256_hex;

impl SurveyWriter {
    /// Writes the rows of all parts, in place of those that are there.
    pub(super) fn policy_parts(&self, domain: i64, policy: &Policy) -> rusqlite::Result<()> {
        for table in [
            "policy_fault",
            "policy_text",
            "policy_receiver",
            "dkim_key",
            "policy_caa",
        ] {
            self.connection
                .prepare_cached(&format!("DELETE FROM {table} WHERE domain = ?1"))?
                .execute([domain])?;
        }
        self.policy_faults(domain, policy)?;
        self.policy_texts(domain, policy)?;
        self.policy_receivers(domain, policy)?;
        self.dkim_keys(domain, policy)?;
        self.policy_caa(domain, policy)
    }

    fn policy_faults(&self, domain: i64, policy: &Policy) -> rusqlite::Result<()> {
        let mut insert = self.connection.prepare_cached(
            "INSERT OR IGNORE INTO policy_fault (domain, part, fault) VALUES (?1, ?2, ?3)",
        )?;
        let parts: [(&str, Option<&[Fault]>); 7] = [
            ("spf", policy.spf.as_ref().map(|part| &part.faults[..])),
            ("dmarc", policy.dmarc.as_ref().map(|part| &part.faults[..])),
            ("dkim", policy.dkim.as_ref().map(|part| &part.faults[..])),
            ("mta_sts", policy.mta_sts.as_ref().map(|it| &it.faults[..])),
            ("tls_rpt", policy.tls_rpt.as_ref().map(|it| &it.faults[..])),
            ("caa", policy.caa.as_ref().map(|part| &part.faults[..])),
            ("bimi", policy.bimi.as_ref().map(|part| &part.faults[..])),
        ];
        for (part, faults) in parts {
            for fault in faults.unwrap_or_default() {
                insert.execute(params![domain, part, fault.code.word()])?;
            }
        }
        // What stands with each key and each name is a fault of the part.
        for key in policy.dkim.iter().flat_map(|part| &part.keys) {
            for fault in &key.faults {
                insert.execute(params![domain, "dkim", fault.code.word()])?;
            }
        }
        for set in policy.caa.iter().flat_map(|part| &part.names) {
            for fault in &set.faults {
                insert.execute(params![domain, "caa", fault.code.word()])?;
            }
        }
        Ok(())
    }

    fn policy_receivers(&self, domain: i64, policy: &Policy) -> rusqlite::Result<()> {
        let mut insert = self.connection.prepare_cached(
            "INSERT OR IGNORE INTO policy_receiver (domain, kind, receiver, authorised) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for receiver in policy.dmarc.iter().flat_map(|part| &part.receivers) {
            let kind = match receiver.failure_reports {
                true => "dmarc_failure",
                false => "dmarc",
            };
            let name = receiver.domain.clone();
            if let Some(name) = name.or_else(|| receiver_of(&receiver.uri.lossy())) {
                insert.execute(params![domain, kind, name, receiver.authorised])?;
            }
        }
        for uri in policy.tls_rpt.iter().flat_map(|part| &part.rua) {
            if let Some(name) = receiver_of(&uri.lossy()) {
                insert.execute(params![domain, "tls_rpt", name, None::<bool>])?;
            }
        }
        Ok(())
    }

    fn dkim_keys(&self, domain: i64, policy: &Policy) -> rusqlite::Result<()> {
        let mut insert = self.connection.prepare_cached(
            "INSERT OR IGNORE INTO dkim_key (domain, selector, state, key_type, bits, revoked, testing, key, vendor) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        for key in policy.dkim.iter().flat_map(|part| &part.keys) {
            insert.execute(params![
                domain,
                key.selector,
                key.state.word(),
                key.key_type.map(|it| it.word()),
                key.bits,
                key.revoked,
                key.testing,
                key.key_sha256,
                key.cname.last(),
            ])?;
        }
        Ok(())
    }

    fn policy_caa(&self, domain: i64, policy: &Policy) -> rusqlite::Result<()> {
        let mut insert = self.connection.prepare_cached(
            "INSERT OR IGNORE INTO policy_caa (domain, role, name, state, issue, issue_wild, issue_mail) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        for set in policy.caa.iter().flat_map(|part| &part.names) {
            insert.execute(params![
                domain,
                set.role.word(),
                set.name,
                set.state.word(),
                set.issue.map(|it| it.word()),
                set.issue_wild.map(|it| it.word()),
                set.issue_mail.map(|it| it.word()),
            ])?;
        }
        Ok(())
    }

    fn policy_texts(&self, domain: i64, policy: &Policy) -> rusqlite::Result<()> {
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO policy_text (domain, part, digest) VALUES (?1, ?2, ?3)")?;
        let own = |part: &&crate::record::Dmarc| part.record_at.as_ref() == Some(&policy.domain);
        let texts = [
            ("spf", policy.spf.as_ref().map(|part| &part.text)),
            (
                "dmarc",
                policy.dmarc.as_ref().filter(own).map(|part| &part.text),
            ),
        ];
        for (part, texts) in texts {
            if let Some(digest) = texts.and_then(|texts| digest(texts)) {
                insert.execute(params![domain, part, digest])?;
            }
        }
        Ok(())
    }
}

/// A number for the one text of a record: the first eight octets of its SHA-256. None where there is not one text.
fn digest(texts: &[Text]) -> Option<i64> {
    let [text] = texts else { return None };
    let hex = sha256_hex(&text.0);
    let digest = u64::from_str_radix(hex.get(..16)?, 16).ok()?;
    Some(digest.cast_signed())
}

/// The domain of a mailto: address, or the host of another one, in lower case, without its port.
fn receiver_of(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once(':')?;
    let host = match scheme.eq_ignore_ascii_case("mailto") {
        true => rest.split('?').next()?.rsplit_once('@')?.1,
        false => {
            let authority = rest.strip_prefix("//")?.split(['/', '?', '#']).next()?;
            let host = authority.rsplit('@').next()?;
            match host.rsplit_once(':') {
                Some((host, port)) if port.bytes().all(|octet| octet.is_ascii_digit()) => host,
                _ => host,
            }
        }
    };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    (!host.is_empty()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_an_address_names() {
        for (uri, receiver) in [
            ("mailto:a@Example.org", Some("example.org")),
            ("mailto:a@example.org?subject=b@c", Some("example.org")),
            ("https://R.example.org:8443/v1?a=b@c", Some("r.example.org")),
            ("https://[2001:db8::1]/x", Some("[2001:db8::1]")),
            ("mailto:nobody", None),
            ("https:///x", None),
            ("none", None),
        ] {
            assert_eq!(receiver_of(uri).as_deref(), receiver, "{uri}");
        }
    }

    #[test]
    fn one_text_has_a_digest() {
        let text = |text: &str| Text::from(text.as_bytes());
        assert_eq!(digest(&[text("a")]), digest(&[text("a")]));
        assert_ne!(digest(&[text("a")]), digest(&[text("b")]));
        assert_eq!((digest(&[]), digest(&[text("a"), text("a")])), (None, None));
    }
}
