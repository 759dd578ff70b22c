//! One domain: everything that was learned of it.

use rusqlite::{Connection, OptionalExtension, named_params};

use crate::judge::dane::{Dane, DaneAnswers};
use crate::record::{Dnssec, Reason};

/// A place on a list.
#[derive(Clone, Debug)]
pub struct ListPlace {
    /// The list.
    pub source: String,
    /// The rank.
    pub rank: Option<u64>,
    /// Its users.
    pub users: Option<u64>,
    /// Users in all.
    pub of: Option<u64>,
}

/// The places of a domain, by the name of the list.
pub fn places(connection: &Connection, domain: u32) -> rusqlite::Result<Vec<ListPlace>> {
    let mut statement = connection.prepare_cached(
        // The lists are few, and each has its entries by domain.
        "SELECT l.source, e.rank, e.users, l.of FROM list l CROSS JOIN entry e ON e.list = l.id AND e.domain = ?1 \
         ORDER BY l.source",
    )?;
    let rows = statement.query_map([domain], |row| {
        Ok(ListPlace {
            source: row.get(0)?,
            rank: row.get(1)?,
            users: row.get(2)?,
            of: row.get(3)?,
        })
    })?;
    rows.collect()
}

/// What the `domain` record says.
#[derive(Clone, Debug)]
pub struct LookedUp {
    /// When.
    pub time: String,
    /// How far it came.
    pub phase: String,
    /// Why no further.
    pub reason: String,
    /// State of the MX records.
    pub dnssec: Option<String>,
    /// Its own address stands in for an MX.
    pub implicit_mx: Option<bool>,
}

/// The record of a domain.
pub fn looked_up(connection: &Connection, domain: u32) -> rusqlite::Result<Option<LookedUp>> {
    connection
        .prepare_cached(
            "SELECT time, phase, reason, dnssec, implicit_mx FROM domain WHERE id = ?1",
        )?
        .query_row([domain], |row| {
            Ok(LookedUp {
                time: row.get(0)?,
                phase: row.get(1)?,
                reason: row.get(2)?,
                dnssec: row.get(3)?,
                implicit_mx: row.get(4)?,
            })
        })
        .optional()
}

/// An exchange of a domain.
#[derive(Clone, Debug)]
pub struct ExchangeOf {
    /// Its preference.
    pub preference: u32,
    /// Its name.
    pub exchange: String,
    /// Row of `exchange`.
    pub id: i64,
    /// Row of `name`.
    pub name: i64,
    /// Its registered domain.
    pub registered_domain: Option<String>,
    /// Its faults, with blanks between.
    pub faults: Option<String>,
    /// How the question for A ended; none: not asked.
    pub ipv4: Option<String>,
    /// How the question for AAAA ended; none: not asked.
    pub ipv6: Option<String>,
    /// How the question for TLSA ended; none: not asked.
    pub tlsa: Option<String>,
    /// The state of that answer.
    pub tlsa_dnssec: Option<String>,
    /// What DANE amounts to before a server is looked at; unknown where there are records.
    pub dane: Dane,
}

/// The exchanges of a domain, by preference, then by name.
pub fn exchanges_of(connection: &Connection, domain: u32) -> rusqlite::Result<Vec<ExchangeOf>> {
    let mut statement = connection.prepare_cached(
        "SELECT x.preference, n.name, e.id, e.name AS name_id, e.registered_domain, \
         (SELECT group_concat(fault, ' ') FROM exchange_fault f WHERE f.exchange = e.id) AS faults, e.ipv4, e.ipv6, e.tlsa, \
         e.tlsa_dnssec, e.dnssec, EXISTS (SELECT 1 FROM exchange_cname c WHERE c.exchange = e.id) AS is_alias \
         FROM domain_exchange x JOIN exchange e ON e.id = x.exchange JOIN name n ON n.id = e.name \
         WHERE x.domain = ?1 ORDER BY x.preference, n.name",
    )?;
    let rows = statement.query_map([domain], |row| {
        let word = |column: &str| row.get::<_, Option<String>>(column);
        let state = |word: Option<String>| word.as_deref().and_then(Dnssec::from_word);
        let (tlsa, tlsa_dnssec) = (word("tlsa")?, word("tlsa_dnssec")?);
        let question = DaneAnswers {
            exchange: state(word("dnssec")?),
            is_alias: row.get("is_alias")?,
            tlsa: (tlsa.as_deref())
                .map(|reason| Reason::from_word(reason).unwrap_or(Reason::Other)),
            tlsa_dnssec: state(tlsa_dnssec.clone()),
        };
        Ok(ExchangeOf {
            preference: row.get("preference")?,
            exchange: row.get("name")?,
            id: row.get("id")?,
            name: row.get("name_id")?,
            registered_domain: word("registered_domain")?,
            faults: word("faults")?,
            ipv4: word("ipv4")?,
            ipv6: word("ipv6")?,
            tlsa,
            tlsa_dnssec,
            dane: question.without_records().unwrap_or(Dane::Unknown),
        })
    })?;
    rows.collect()
}

/// What an `smtp` record says.
#[derive(Clone, Debug)]
pub struct SmtpCard {
    /// The port.
    pub port: u16,
    /// When.
    pub time: String,
    /// How far it came, why no further, and what there is to that.
    pub outcome: (String, String, Option<String>),
    /// Code and first line of the greeting.
    pub banner: Option<(u16, String)>,
    /// What runs, by its own words.
    pub software: Option<String>,
    /// Code of the reply to EHLO.
    pub ehlo_code: Option<u16>,
    /// STARTTLS in the reply to EHLO.
    pub advertised: Option<bool>,
    /// 220 to STARTTLS.
    pub accepted: Option<bool>,
}

/// What a `tls` record says.
#[derive(Clone, Debug)]
pub struct TlsCard {
    /// How far it came, why no further, and what there is to that.
    pub outcome: (String, String, Option<String>),
    /// A ServerHello was seen.
    pub negotiated: Option<bool>,
    /// It finished.
    pub completed: Option<bool>,
    /// Version, suite and group, as far as they were seen.
    pub parts: Vec<String>,
}

/// The leaf of a chain, and what it is worth.
#[derive(Clone, Debug)]
pub struct LeafCard {
    /// SHA-256.
    pub sha256: String,
    /// Its subject; none: it was never seen.
    pub subject: Option<String>,
    /// Until when it is valid.
    pub not_after: Option<String>,
    /// The store, its date and the reason of the verdict.
    pub verdict: Option<(String, String, String)>,
    /// Whether it is valid.
    pub valid: Option<bool>,
    /// What else is wrong, with blanks between.
    pub also: Option<String>,
    /// `san`, `cn_only`, `no`: how it names the exchange.
    pub names_exchange: Option<String>,
    /// How it names the domain.
    pub names_domain: Option<String>,
}

/// A server of an exchange.
#[derive(Clone, Debug)]
pub struct ServerOf {
    /// Its address.
    pub ip: String,
    /// The special-purpose block that the address lies in.
    pub special: Option<String>,
    /// What it said; none: it was not probed.
    pub smtp: Option<SmtpCard>,
    /// Its handshake.
    pub tls: Option<TlsCard>,
    /// Its certificate.
    pub leaf: Option<LeafCard>,
    /// What TLSA records amount to here, and why, with blanks between; none: there are none under DNSSEC.
    pub dane: Option<(String, Option<String>)>,
    /// What is weak, with commas between.
    pub weak: Option<String>,
}

/// The servers of an exchange, by address; `name` is the row of its name, `domain` that of the domain that asks.
pub fn servers_of(
    connection: &Connection,
    exchange: i64,
    name: i64,
    domain: u32,
) -> rusqlite::Result<Vec<ServerOf>> {
    let mut statement = connection.prepare_cached(
        "SELECT a.ip, a.special, s.port, s.time, s.phase, s.reason, s.detail, s.banner_code, s.banner, s.software, \
         s.ehlo_code, s.advertised, s.accepted, t.phase AS tls_phase, t.reason AS tls_reason, t.detail AS tls_detail, \
         t.completed, t.negotiated, t.version, coalesce(t.openssl, t.cipher) AS cipher, t.\"group\" AS key_group, \
         c.subject, c.sha256, c.not_after, v.store, v.store_date, v.valid, v.reason AS verdict, \
         (SELECT group_concat(reason, ' ') FROM verdict_also w WHERE w.tls = t.id AND w.position = 0) AS also, \
         CASE WHEN c.subject IS NOT NULL THEN coalesce(xc.name_match, 'no') END AS names_exchange, \
         CASE WHEN c.subject IS NOT NULL THEN coalesce(dc.name_match, 'no') END AS names_domain, d.dane, \
         (SELECT group_concat(reason, ' ') FROM exchange_dane_reason w WHERE w.exchange = x.exchange AND w.address = a.id) AS reasons, \
         (SELECT group_concat(weakness, ', ') FROM server_weakness w WHERE w.address = a.id) AS weak \
         FROM exchange_address x JOIN address a ON a.id = x.address \
         LEFT JOIN meta m ON m.key = 'port' \
         LEFT JOIN smtp s ON s.address = a.id AND s.port = m.value \
         LEFT JOIN tls t ON t.id = (SELECT id FROM tls WHERE address = a.id AND port = m.value AND coalesce(sni, 0) IN (0, :name) \
             ORDER BY coalesce(sni, 0) DESC LIMIT 1) \
         LEFT JOIN certificate c ON c.id = t.leaf \
         LEFT JOIN verdict v ON v.tls = t.id AND v.position = 0 \
         LEFT JOIN exchange_certificate xc ON xc.name = :name AND xc.certificate = t.leaf \
         LEFT JOIN domain_certificate dc ON dc.domain = :domain AND dc.certificate = t.leaf \
         LEFT JOIN exchange_dane d ON d.exchange = x.exchange AND d.address = a.id \
         WHERE x.exchange = :exchange ORDER BY a.id",
    )?;
    let keys = named_params! { ":exchange": exchange, ":name": name, ":domain": domain };
    let rows = statement.query_map(keys, server)?;
    rows.collect()
}

fn server(row: &rusqlite::Row<'_>) -> rusqlite::Result<ServerOf> {
    let text = |column: &str| row.get::<_, Option<String>>(column);
    let smtp = match text("time")? {
        None => None,
        Some(time) => Some(SmtpCard {
            port: row.get("port")?,
            time,
            outcome: (row.get("phase")?, row.get("reason")?, text("detail")?),
            banner: row
                .get::<_, Option<u16>>("banner_code")?
                .zip(text("banner")?),
            software: text("software")?,
            ehlo_code: row.get("ehlo_code")?,
            advertised: row.get("advertised")?,
            accepted: row.get("accepted")?,
        }),
    };
    let tls = match text("tls_phase")?.zip(text("tls_reason")?) {
        None => None,
        Some((phase, reason)) => Some(TlsCard {
            outcome: (phase, reason, text("tls_detail")?),
            negotiated: row.get("negotiated")?,
            completed: row.get("completed")?,
            parts: [text("version")?, text("cipher")?, text("key_group")?]
                .into_iter()
                .flatten()
                .collect(),
        }),
    };
    let leaf = match text("sha256")? {
        None => None,
        Some(sha256) => Some(LeafCard {
            sha256,
            subject: text("subject")?,
            not_after: text("not_after")?,
            verdict: match (text("store")?, text("store_date")?, text("verdict")?) {
                (Some(store), Some(date), Some(reason)) => Some((store, date, reason)),
                _ => None,
            },
            valid: row.get("valid")?,
            also: text("also")?,
            names_exchange: text("names_exchange")?,
            names_domain: text("names_domain")?,
        }),
    };
    let reasons = text("reasons")?;
    Ok(ServerOf {
        ip: row.get("ip")?,
        special: text("special")?,
        smtp,
        tls,
        leaf,
        dane: text("dane")?.map(|word| (word, reasons)),
        weak: text("weak")?,
    })
}
