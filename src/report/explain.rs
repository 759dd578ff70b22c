//! One domain's card: what was learned, by which server, and the command that shows it again.

use serde_json::{Map, Value, json};

use super::asked::ReportSettings;
use super::mail::Mail;
use super::measure::{MEASURES, Measure};
use super::number::thousands;
use super::providers::OWN;
use super::survey::{Survey, SurveyVerdict};
use crate::dns::subject;
use crate::judge::rollover::Rollover;
use crate::judge::{RULES, Truth};
use crate::store::query::card::{
    self, ExchangeOf, LeafCard, ListPlace, LookedUp, ServerOf, TlsCard,
};
use crate::store::{self, printable, query};

/// The domain that somebody means: a name (U-labels too), an address of mail or a URL. What is none of these is looked for as
/// it stands, unless it may hold a local part.
///
/// # Errors
///
/// A sentence without the text.
pub fn meant(text: &str) -> Result<String, String> {
    match subject::domain(text) {
        Ok(domain) => Ok(domain),
        Err(why) if text.contains('@') => Err(why),
        Err(_) => Ok(text.trim().trim_end_matches('.').to_ascii_lowercase()),
    }
}

/// The card of a domain, line by line; none: the survey does not know the domain.
pub fn explain(
    survey: &Survey,
    asked: &ReportSettings,
    domain: &str,
) -> rusqlite::Result<Option<Vec<String>>> {
    let connection = &survey.connection;
    let domain = domain.trim().trim_end_matches('.').to_ascii_lowercase();
    let Some(id) = query::number(connection, &domain)? else {
        return Ok(None);
    };
    let verdict = survey.verdict(id)?;
    let mail = Mail::read(survey, asked, id)?;
    let mut card = vec![match mail.is_empty() {
        true => domain.clone(),
        false => format!("{domain}: {}", mail.sentence(&verdict)),
    }];
    card.extend(mail.lines());
    card.extend(card::places(connection, id)?.iter().map(place));
    let Some(looked_up) = card::looked_up(connection, id)? else {
        card.push("  never looked up".to_owned());
        return Ok((card.len() > 2).then_some(card));
    };
    card.push(standing(&looked_up, &verdict));
    if verdict.status.takes_mail() {
        card.extend(rules(&verdict));
    }
    let mut leaves: Vec<(String, String)> = Vec::new();
    for exchange in card::exchanges_of(connection, id)? {
        let servers = card::servers_of(connection, exchange.id, exchange.name, id)?;
        let change = store::rollover(connection, exchange.id)?;
        card.push(exchange_line(asked, &domain, &exchange, &servers));
        card.extend(change.and_then(rollover_line));
        if servers.is_empty() {
            let asked = |reason: &Option<String>| reason.clone().unwrap_or("not asked".to_owned());
            card.push(format!(
                "    no address: A {}, AAAA {}",
                asked(&exchange.ipv4),
                asked(&exchange.ipv6)
            ));
        }
        for server in servers {
            server_lines(&server, &exchange, &mut leaves, &mut card);
        }
    }
    Ok(Some(card.iter().map(|line| printable(line)).collect()))
}

/// All that the card says, as data; none: the survey does not know the domain.
pub fn data(
    survey: &Survey,
    asked: &ReportSettings,
    domain: &str,
) -> rusqlite::Result<Option<Value>> {
    let connection = &survey.connection;
    let domain = domain.trim().trim_end_matches('.').to_ascii_lowercase();
    let Some(id) = query::number(connection, &domain)? else {
        return Ok(None);
    };
    let verdict = survey.verdict(id)?;
    let mail = Mail::read(survey, asked, id)?;
    let places = card::places(connection, id)?;
    let looked_up = card::looked_up(connection, id)?;
    if mail.is_empty() && places.is_empty() && looked_up.is_none() {
        // The name of an exchange.
        return Ok(None);
    }
    let mut told = Map::new();
    told.insert("domain".to_owned(), domain.as_str().into());
    told.insert("sentence".to_owned(), mail.sentence(&verdict).into());
    told.insert("status".to_owned(), verdict.status.word().into());
    if let Value::Object(mail) = mail.json() {
        told.extend(mail);
    }
    let places = places
        .iter()
        .map(|it| json!({ "source": it.source, "rank": it.rank, "users": it.users, "of": it.of }));
    told.insert("lists".to_owned(), places.collect());
    let looked_up = looked_up.map(|it| {
        json!({
            "time": it.time, "outcome": { "phase": it.phase, "reason": it.reason }, "dnssec": it.dnssec,
            "implicit_mx": it.implicit_mx, "not_best": verdict.not_best,
        })
    });
    told.insert("looked_up".to_owned(), looked_up.into());
    let rules = rules_data(&verdict);
    told.insert("rules".to_owned(), rules.into());
    let mut exchanges = Vec::new();
    for exchange in card::exchanges_of(connection, id)? {
        let servers = card::servers_of(connection, exchange.id, exchange.name, id)?;
        let change = store::rollover(connection, exchange.id)?;
        let mut data = exchange_data(asked, &domain, &exchange, &servers);
        data["rollover"] = change.map(Rollover::word).into();
        exchanges.push(data);
    }
    told.insert("exchanges".to_owned(), exchanges.into());
    Ok(Some(Value::Object(told)))
}

/// Every fact under every rule.
fn rules_data(verdict: &SurveyVerdict) -> Map<String, Value> {
    let facts = |rule| -> Map<String, Value> {
        let measures = MEASURES.iter().filter(|measure| measure.among.is_none());
        measures
            .map(|it| {
                (
                    it.word.to_owned(),
                    verdict.truth(it.fact, rule).word().into(),
                )
            })
            .collect()
    };
    (RULES.iter())
        .map(|&rule| (rule.word().to_owned(), facts(rule).into()))
        .collect()
}

/// The words of a text that has blanks between them.
fn words(text: &Option<String>) -> Vec<&str> {
    text.iter()
        .flat_map(|text| text.split([' ', ',']))
        .filter(|it| !it.is_empty())
        .collect()
}

fn exchange_data(
    asked: &ReportSettings,
    domain: &str,
    exchange: &ExchangeOf,
    servers: &[ServerOf],
) -> Value {
    let registered = exchange.registered_domain.as_deref();
    let provider = asked
        .providers
        .for_domain(&exchange.exchange, registered, domain);
    let servers = servers.iter().map(|server| server_data(server, exchange));
    json!({
        "exchange": exchange.exchange, "preference": exchange.preference, "operator": provider.id, "role": provider.role,
        "faults": words(&exchange.faults), "ipv4": exchange.ipv4, "ipv6": exchange.ipv6, "tlsa": exchange.tlsa,
        "tlsa_dnssec": exchange.tlsa_dnssec, "servers": servers.collect::<Vec<_>>(),
    })
}

fn server_data(server: &ServerOf, exchange: &ExchangeOf) -> Value {
    let ended = |(phase, reason, detail): &(String, String, Option<String>)| json!({ "phase": phase, "reason": reason, "detail": detail });
    let smtp = server.smtp.as_ref().map(|it| {
        json!({
            "port": it.port, "time": it.time, "outcome": ended(&it.outcome),
            "banner": it.banner.as_ref().map(|(code, line)| json!({ "code": code, "line": line })),
            "software": it.software, "ehlo_code": it.ehlo_code, "advertised": it.advertised, "accepted": it.accepted,
        })
    });
    let tls = server.tls.as_ref().map(|it| {
        json!({
            "outcome": ended(&it.outcome), "negotiated": it.negotiated, "completed": it.completed, "parts": it.parts,
        })
    });
    let certificate = server.leaf.as_ref().map(|it| {
        let verdict = it.verdict.as_ref();
        json!({
            "sha256": it.sha256, "subject": it.subject, "not_after": it.not_after, "valid": it.valid,
            "store": verdict.map(|(store, ..)| store), "store_date": verdict.map(|(_, date, _)| date),
            "reason": verdict.map(|(.., reason)| reason), "also": words(&it.also),
            "names_exchange": it.names_exchange, "names_domain": it.names_domain,
        })
    });
    let (dane, reasons) = match &server.dane {
        Some((word, reasons)) => (word.as_str(), words(reasons)),
        None => (exchange.dane.word(), Vec::new()),
    };
    let again = server.smtp.as_ref().map(|smtp| {
        let has_tls = smtp.accepted == Some(true);
        commands(&server.ip, smtp.port, &exchange.exchange, has_tls)
    });
    json!({
        "ip": server.ip, "special": server.special, "smtp": smtp, "tls": tls, "certificate": certificate, "dane": dane,
        "dane_reasons": reasons, "weaknesses": words(&server.weak), "commands": again,
    })
}

fn place(place: &ListPlace) -> String {
    let mut line = format!("  on the list {}", place.source);
    if let Some(rank) = place.rank {
        line += &format!(", rank {}", thousands(rank));
    }
    if let (Some(users), Some(of)) = (place.users, place.of) {
        let percent = 100.0 * users as f64 / of.max(1) as f64;
        line += &format!(
            ", {} of {} users ({percent:.2} %)",
            thousands(users),
            thousands(of)
        );
    }
    line
}

/// What the rules say: on one line the facts on which all agree, by answer; each other fact by itself.
fn rules(verdict: &SurveyVerdict) -> Vec<String> {
    const ANSWERS: [Truth; 4] = [Truth::Yes, Truth::No, Truth::Mixed, Truth::Unknown];
    let measures = || MEASURES.iter().filter(|measure| measure.among.is_none());
    let agreed = |measure: &Measure| {
        let said = RULES.map(|rule| verdict.truth(measure.fact, rule));
        said.iter().all(|it| *it == said[0]).then_some(said[0])
    };
    let of_answer = |answer: Truth| {
        let labels = measures().filter(|measure| agreed(measure) == Some(answer));
        let labels: Vec<&str> = labels.map(|measure| measure.label).collect();
        (!labels.is_empty()).then(|| format!("{}: {}", answer.word(), labels.join(", ")))
    };
    let of_all: Vec<String> = ANSWERS.into_iter().filter_map(of_answer).collect();
    let mut lines = Vec::new();
    if !of_all.is_empty() {
        lines.push(format!("  by every rule {}", of_all.join("; ")));
    }
    for measure in measures().filter(|measure| agreed(measure).is_none()) {
        let mut parts: Vec<(Truth, Vec<&str>)> = Vec::new();
        for rule in RULES {
            let truth = verdict.truth(measure.fact, rule);
            match parts.iter_mut().find(|(known, _)| *known == truth) {
                Some((_, rules)) => rules.push(rule.word()),
                None => parts.push((truth, vec![rule.word()])),
            }
        }
        let parts = parts.iter();
        let parts = parts.map(|(truth, by)| format!("{} ({})", truth.word(), by.join(", ")));
        let parts: Vec<String> = parts.collect();
        lines.push(format!("  {}: {}", measure.label, parts.join(", ")));
    }
    lines
}

/// What became of the domain.
fn standing(looked_up: &LookedUp, verdict: &SurveyVerdict) -> String {
    let LookedUp {
        time,
        phase,
        reason,
        ..
    } = looked_up;
    let meaning = verdict.status.meaning();
    let mut line = format!("  looked up {time}: {phase}/{reason}; {meaning}");
    if let Some(dnssec) = &looked_up.dnssec {
        line += &format!("; DNSSEC {dnssec}");
    }
    if looked_up.implicit_mx == Some(true) {
        line += "; no MX, its own address stands in";
    }
    if verdict.not_best {
        line += "; a better preference was passed over";
    }
    line
}

fn exchange_line(
    asked: &ReportSettings,
    domain: &str,
    exchange: &ExchangeOf,
    servers: &[ServerOf],
) -> String {
    let registered = exchange.registered_domain.as_deref();
    let provider = asked
        .providers
        .for_domain(&exchange.exchange, registered, domain);
    let run_by = match provider.role.as_str() {
        OWN => "run by the domain itself".to_owned(),
        "other" => format!("run by {}", provider.id),
        role => format!("run by {}, {role}", provider.id),
    };
    let mut line = format!("  {} {} ({run_by})", exchange.preference, exchange.exchange);
    if let Some(faults) = &exchange.faults {
        line += &format!("; faults: {faults}");
    }
    if let Some(tlsa) = &exchange.tlsa {
        let state = exchange.tlsa_dnssec.as_deref().unwrap_or("unknown");
        line += &format!("; TLSA {tlsa}, DNSSEC {state}");
    }
    // Where records are to be held against servers, it stands at each of these.
    if servers.iter().all(|server| server.dane.is_none()) {
        line += &format!("; DANE {}", exchange.dane.word());
    }
    line
}

/// Where the TLSA records stand in a change of key, where there is anything to say.
fn rollover_line(change: Rollover) -> Option<String> {
    let is_told = !matches!(change, Rollover::None | Rollover::Unknown);
    is_told.then(|| format!("    {}: {}", change.word(), change.meaning()))
}

fn truth(value: Option<bool>) -> &'static str {
    match value {
        Some(true) => "yes",
        Some(false) => "no",
        None => "unknown",
    }
}

/// `phase/reason (detail)`.
fn outcome((phase, reason, detail): &(String, String, Option<String>)) -> String {
    let detail = detail
        .as_ref()
        .map_or(String::new(), |it| format!(" ({it})"));
    format!("{phase}/{reason}{detail}")
}

/// What a server said. A certificate that stands further up already, by its digest and address, is named there; what DANE
/// amounts to without records stands at the exchange.
fn server_lines(
    server: &ServerOf,
    exchange: &ExchangeOf,
    leaves: &mut Vec<(String, String)>,
    card: &mut Vec<String>,
) {
    let ip = &server.ip;
    let Some(smtp) = &server.smtp else {
        let special = server.special.as_ref();
        let special = special.map_or(String::new(), |block| format!(" ({block})"));
        card.push(format!("    {ip}{special}: not probed"));
        return;
    };
    let (time, how) = (&smtp.time, outcome(&smtp.outcome));
    card.push(format!("    {ip}: probed {time}: {how}"));
    if let Some((code, banner)) = &smtp.banner {
        let software = smtp.software.as_ref();
        let software = software.map_or(String::new(), |software| format!(" [{software}]"));
        card.push(format!("      greeting: {code} {banner}{software}"));
    }
    if let Some(code) = smtp.ehlo_code {
        card.push(format!(
            "      EHLO {code}; STARTTLS advertised {}, accepted {}",
            truth(smtp.advertised),
            truth(smtp.accepted)
        ));
    }
    card.extend(server.tls.as_ref().map(tls_line));
    if let Some(leaf) = &server.leaf {
        let lines = leaf_lines(leaf);
        let known = leaves.iter().find(|(_, known)| *known == lines.concat());
        match known {
            Some((ip, _)) => card.push(format!("      certificate: the same as at {ip}")),
            None => {
                leaves.push((ip.clone(), lines.concat()));
                card.extend(lines);
            }
        }
    }
    if let Some((dane, reasons)) = &server.dane {
        let why = reasons.as_ref();
        let why = why.map_or(String::new(), |reasons| format!(" ({reasons})"));
        card.push(format!("      DANE: {dane}{why}"));
    }
    if let Some(weak) = &server.weak {
        card.push(format!("      weak: {weak}"));
    }
    let has_tls = smtp.accepted == Some(true);
    let commands = commands(ip, smtp.port, &exchange.exchange, has_tls);
    card.extend(
        commands
            .into_iter()
            .map(|command| format!("      $ {command}")),
    );
}

fn tls_line(tls: &TlsCard) -> String {
    let mut line = format!(
        "      TLS: {}; negotiated {}, completed {}",
        outcome(&tls.outcome),
        truth(tls.negotiated),
        truth(tls.completed)
    );
    for part in &tls.parts {
        line += &format!("; {part}");
    }
    line
}

fn leaf_lines(leaf: &LeafCard) -> Vec<String> {
    let mut card = Vec::new();
    let known = |text: &Option<String>, none: &str| text.clone().unwrap_or(none.to_owned());
    card.push(format!(
        "      certificate: {}, until {}, SHA-256 {}",
        known(&leaf.subject, "not seen"),
        known(&leaf.not_after, "unknown"),
        leaf.sha256
    ));
    if let Some((store, date, reason)) = &leaf.verdict {
        let also = leaf.also.as_ref();
        let also = also.map_or(String::new(), |also| format!(", also {also}"));
        card.push(format!(
            "      valid against {store} ({date}): {}: {reason}{also}",
            truth(leaf.valid)
        ));
    }
    card.push(format!(
        "      names the exchange: {}; names the domain: {}",
        named(leaf.names_exchange.as_deref()),
        named(leaf.names_domain.as_deref())
    ));
    card
}

/// Whether a certificate has a name, for people.
fn named(word: Option<&str>) -> &str {
    match word {
        Some("san") => "yes",
        Some("cn") => "in the common name alone",
        Some(word) => word,
        None => "unknown",
    }
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
