//! One domain's card: what was learned, by which server, and the command that shows it again.

use rusqlite::{OptionalExtension, Row, params};

use super::asked::Asked;
use super::measure::MEASURES;
use super::survey::Survey;
use super::table::thousands;
use crate::judge::RULES;
use crate::judge::dane::{Dane, Question};
use crate::record::{Dnssec, Reason};
use crate::store::printable;

/// The card of a domain, line by line; none: the survey does not know the domain.
pub fn explain(
    survey: &Survey,
    asked: &Asked,
    domain: &str,
) -> rusqlite::Result<Option<Vec<String>>> {
    let domain = domain.trim().trim_end_matches('.').to_ascii_lowercase();
    let id: Option<u32> = survey
        .connection
        .prepare_cached("SELECT id FROM name WHERE name = ?1")?
        .query_row([&domain], |row| row.get(0))
        .optional()?;
    let Some(id) = id else { return Ok(None) };
    let mut card = vec![domain.clone()];
    lists(survey, id, &mut card)?;
    let verdict = survey.verdict(id)?;
    let about = survey
        .connection
        .prepare_cached(
            "SELECT 'looked up ' || time || ': ' || phase || '/' || reason, dnssec, implicit_mx FROM domain WHERE id = ?1",
        )?
        .query_row([id], |row| {
            let looked_up: String = row.get(0)?;
            let (dnssec, implicit): (Option<String>, Option<bool>) = (row.get(1)?, row.get(2)?);
            Ok((looked_up, dnssec, implicit))
        })
        .optional()?;
    let Some((looked_up, dnssec, implicit)) = about else {
        card.push("  never looked up".to_owned());
        return Ok((card.len() > 2).then_some(card));
    };
    let mut line = format!("  {looked_up}; {}", verdict.status.meaning());
    if let Some(dnssec) = dnssec {
        line += &format!("; DNSSEC {dnssec}");
    }
    if implicit == Some(true) {
        line += "; no MX, its own address stands in";
    }
    if verdict.not_best {
        line += "; a better preference was passed over";
    }
    card.push(line);
    if verdict.status.takes_mail() {
        for rule in RULES {
            let facts: Vec<String> = (MEASURES.iter())
                .filter(|measure| measure.among.is_none())
                .map(|measure| {
                    format!(
                        "{} {}",
                        measure.label,
                        verdict.truth(measure.fact, rule).word()
                    )
                })
                .collect();
            card.push(format!("  {}: {}", rule.word(), facts.join("; ")));
        }
    }
    exchanges(survey, asked, id, &domain, &mut card)?;
    Ok(Some(card))
}

fn lists(survey: &Survey, id: u32, card: &mut Vec<String>) -> rusqlite::Result<()> {
    let mut statement = survey.connection.prepare_cached(
        // The lists are few, and each has its entries by domain.
        "SELECT l.source, e.rank, e.users, l.of FROM list l CROSS JOIN entry e ON e.list = l.id AND e.domain = ?1 \
         ORDER BY l.source",
    )?;
    let mut rows = statement.query([id])?;
    while let Some(row) = rows.next()? {
        let source: String = row.get(0)?;
        let (rank, users, of): (Option<u64>, Option<u64>, Option<u64>) =
            (row.get(1)?, row.get(2)?, row.get(3)?);
        let mut line = format!("  on the list {source}");
        if let Some(rank) = rank {
            line += &format!(", rank {}", thousands(rank));
        }
        if let (Some(users), Some(of)) = (users, of) {
            let percent = 100.0 * users as f64 / of.max(1) as f64;
            line += &format!(
                ", {} of {} users ({percent:.2} %)",
                thousands(users),
                thousands(of)
            );
        }
        card.push(printable(&line));
    }
    Ok(())
}

fn exchanges(
    survey: &Survey,
    asked: &Asked,
    id: u32,
    domain: &str,
    card: &mut Vec<String>,
) -> rusqlite::Result<()> {
    let mut statement = survey.connection.prepare_cached(
        "SELECT x.preference, n.name, e.id, e.registered_domain, e.faults, e.ipv4, e.ipv6, e.name, e.tlsa, e.tlsa_dnssec, e.dnssec, \
         e.cname IS NOT NULL \
         FROM domain_exchange x JOIN exchange e ON e.id = x.exchange JOIN name n ON n.id = e.name \
         WHERE x.domain = ?1 ORDER BY x.preference, n.name",
    )?;
    let mut rows = statement.query([id])?;
    while let Some(row) = rows.next()? {
        let (preference, exchange, number): (u32, String, i64) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        let registered: Option<String> = row.get(3)?;
        let provider = asked
            .providers
            .for_domain(&exchange, registered.as_deref(), domain);
        let mut line = format!(
            "  {preference} {exchange} (run by {}, {})",
            provider.id, provider.role
        );
        if let Some(faults) = row.get::<_, Option<String>>(4)? {
            line += &format!("; faults: {faults}");
        }
        if let Some(tlsa) = row.get::<_, Option<String>>(8)? {
            let dnssec: Option<String> = row.get(9)?;
            line += &format!(
                "; TLSA {tlsa}, DNSSEC {}",
                dnssec.as_deref().unwrap_or("unknown")
            );
        }
        card.push(printable(&line));
        let before = card.len();
        let dane = question(row)?.without_records().unwrap_or(Dane::Unknown);
        servers(survey, number, row.get(7)?, id, &exchange, dane, card)?;
        if card.len() == before {
            let asked = |column| -> rusqlite::Result<String> {
                Ok(row
                    .get::<_, Option<String>>(column)?
                    .unwrap_or_else(|| "not asked".to_owned()))
            };
            card.push(format!(
                "    no address: A {}, AAAA {}",
                asked(5)?,
                asked(6)?
            ));
        }
    }
    Ok(())
}

/// What the questions about an exchange said, as far as DANE goes.
fn question(row: &Row<'_>) -> rusqlite::Result<Question> {
    let word = |column| row.get::<_, Option<String>>(column);
    let state = |word: Option<String>| word.as_deref().and_then(Dnssec::from_word);
    Ok(Question {
        exchange: state(word(10)?),
        is_alias: row.get(11)?,
        tlsa: word(8)?.map(|reason| Reason::from_word(&reason).unwrap_or(Reason::Other)),
        tlsa_dnssec: state(word(9)?),
    })
}

fn servers(
    survey: &Survey,
    exchange: i64,
    name: i64,
    domain: u32,
    spelled: &str,
    without_records: Dane,
    card: &mut Vec<String>,
) -> rusqlite::Result<()> {
    let mut statement = survey.connection.prepare_cached(
        "SELECT a.ip, s.port, s.time, s.phase, s.reason, s.detail, s.banner_code, s.banner, s.software, s.ehlo_code, \
         s.advertised, s.accepted, t.phase, t.reason, t.completed, t.negotiated, t.version, coalesce(t.openssl, t.cipher), \
         t.key_exchange, c.subject, c.sha256, c.not_after, v.store, v.store_date, v.valid, v.reason, xc.name_match, \
         dc.name_match, d.dane, (SELECT group_concat(weakness, ', ') FROM server_weakness w WHERE w.address = a.id), \
         a.special, t.detail, d.reasons, v.also \
         FROM exchange_address x JOIN address a ON a.id = x.address \
         LEFT JOIN meta m ON m.key = 'port' \
         LEFT JOIN smtp s ON s.address = a.id AND s.port = m.value \
         LEFT JOIN tls t ON t.id = (SELECT id FROM tls WHERE address = a.id AND port = m.value AND sni IN (0, ?2) \
             ORDER BY sni DESC LIMIT 1) \
         LEFT JOIN certificate c ON c.id = t.leaf \
         LEFT JOIN verdict v ON v.tls = t.id AND v.position = 0 \
         LEFT JOIN exchange_certificate xc ON xc.name = ?2 AND xc.certificate = t.leaf \
         LEFT JOIN domain_certificate dc ON dc.domain = ?3 AND dc.certificate = t.leaf \
         LEFT JOIN exchange_dane d ON d.exchange = x.exchange AND d.address = a.id \
         WHERE x.exchange = ?1 ORDER BY a.id",
    )?;
    let mut rows = statement.query(params![exchange, name, domain])?;
    while let Some(row) = rows.next()? {
        server(row, spelled, without_records, card)?;
    }
    Ok(())
}

fn server(
    row: &Row<'_>,
    exchange: &str,
    without_records: Dane,
    card: &mut Vec<String>,
) -> rusqlite::Result<()> {
    let text = |column| row.get::<_, Option<String>>(column);
    let truth = |column| -> rusqlite::Result<&str> {
        Ok(match row.get::<_, Option<bool>>(column)? {
            Some(true) => "yes",
            Some(false) => "no",
            None => "unknown",
        })
    };
    let ip: String = row.get(0)?;
    let Some(time) = text(2)? else {
        let special = text(30)?.map_or(String::new(), |block| format!(" ({block})"));
        card.push(format!("    {ip}{special}: not probed"));
        return Ok(());
    };
    let mut say = |line: String| card.push(printable(&line));
    let detail = text(5)?.map_or(String::new(), |detail| format!(" ({detail})"));
    let (phase, reason) = (text(3)?.unwrap_or_default(), text(4)?.unwrap_or_default());
    say(format!("    {ip}: probed {time}: {phase}/{reason}{detail}"));
    if let (Some(code), Some(banner)) = (row.get::<_, Option<u16>>(6)?, text(7)?) {
        let software = text(8)?.map_or(String::new(), |software| format!(" [{software}]"));
        say(format!("      greeting: {code} {banner}{software}"));
    }
    if let Some(code) = row.get::<_, Option<u16>>(9)? {
        say(format!(
            "      EHLO {code}; STARTTLS advertised {}, accepted {}",
            truth(10)?,
            truth(11)?
        ));
    }
    if let (Some(phase), Some(reason)) = (text(12)?, text(13)?) {
        let detail = text(31)?.map_or(String::new(), |detail| format!(" ({detail})"));
        let mut line = format!(
            "      TLS: {phase}/{reason}{detail}; negotiated {}, completed {}",
            truth(15)?,
            truth(14)?
        );
        for part in [text(16)?, text(17)?, text(18)?].into_iter().flatten() {
            line += &format!("; {part}");
        }
        say(line);
    }
    if let Some(sha256) = text(20)? {
        say(format!(
            "      certificate: {}, until {}, SHA-256 {sha256}",
            text(19)?.unwrap_or_else(|| "not seen".to_owned()),
            text(21)?.unwrap_or_else(|| "unknown".to_owned())
        ));
        if let (Some(store), Some(date), Some(reason)) = (text(22)?, text(23)?, text(25)?) {
            let also = text(33)?.map_or(String::new(), |also| format!(", also {also}"));
            say(format!(
                "      valid against {store} ({date}): {}: {reason}{also}",
                truth(24)?
            ));
        }
        let matched = |word: Option<String>| word.unwrap_or_else(|| "unknown".to_owned());
        say(format!(
            "      names the exchange: {}; names the domain: {}",
            matched(text(26)?),
            matched(text(27)?),
        ));
    }
    let dane = match text(28)? {
        Some(word) => word,
        None => without_records.word().to_owned(),
    };
    let why = text(32)?.map_or(String::new(), |reasons| format!(" ({reasons})"));
    say(format!("      DANE: {dane}{why}"));
    if let Some(weak) = text(29)? {
        say(format!("      weak: {weak}"));
    }
    let port: u16 = row.get(1)?;
    for command in commands(
        &ip,
        port,
        exchange,
        row.get::<_, Option<bool>>(11)? == Some(true),
    ) {
        say(format!("      $ {command}"));
    }
    Ok(())
}

/// The commands that show the evidence again. The name comes from the DNS: it goes into a command only if a shell and an
/// option parser see nothing in it but a name.
fn commands(ip: &str, port: u16, exchange: &str, tls: bool) -> Vec<String> {
    let is_plain = exchange.starts_with(|first: char| first.is_ascii_alphanumeric())
        && exchange
            .chars()
            .all(|it| it.is_ascii_alphanumeric() || matches!(it, '.' | '-' | '_'));
    let connect = if ip.contains(':') {
        format!("[{ip}]:{port}")
    } else {
        format!("{ip}:{port}")
    };
    let name = |option: &str| {
        if is_plain {
            format!(" {option} {exchange}")
        } else {
            String::new()
        }
    };
    if tls {
        vec![
            format!(
                "openssl s_client -starttls smtp -connect {connect}{} -showcerts </dev/null",
                name("-servername")
            ),
            format!(
                "swaks --server {ip} --port {port} --tls{} --quit-after TLS",
                name("--tls-sni")
            ),
        ]
    } else {
        vec![format!(
            "swaks --server {ip} --port {port} --quit-after EHLO"
        )]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_from_the_dns_reaches_a_shell() {
        let line = |exchange| commands("192.0.2.1", 25, exchange, true).join("\n");
        assert!(line("mx.example.org").contains("-servername mx.example.org "));
        for hostile in [
            "a;rm -rf ~",
            "$(id).test",
            "-debug",
            "a b",
            "a'b",
            "`x`",
            "",
        ] {
            let line = line(hostile);
            assert!(
                !line.contains("servername") && !line.contains("sni"),
                "{line}"
            );
        }
        assert!(
            commands("2001:db8::1", 25, "mx.test", true)[0].contains("-connect [2001:db8::1]:25")
        );
        assert_eq!(commands("192.0.2.1", 25, "mx.test", false).len(), 1);
    }
}
