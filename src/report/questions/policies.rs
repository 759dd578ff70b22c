//! What domains publish about their mail: each part by its values, its faults, by rank, by provider; who gets reports; texts that many share.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::mail::{DomainsAndUsers as Weighed, tallied};
use crate::judge::delivery::PROFILES;
use crate::record::PolicyFault;
use crate::report::asked::ReportSettings;
use crate::report::survey::{DomainState, Survey, SurveyList, verdict_of};
use crate::report::table::{Cell, Table};
use crate::store::query::{self, PublishedPolicies};

/// A domain, and what it publishes.
struct Seen<'s> {
    it: &'s PublishedPolicies,
    /// Mail is lost under its MTA-STS policy.
    lost: Option<bool>,
    status: DomainState,
}

/// A value with its place among the values of its part.
type Value = (u8, String);

/// Users by list and domain.
type UsersByList = Vec<Vec<u64>>;

/// Counts values of parts.
struct Counter<'c> {
    by_list: &'c UsersByList,
    tallies: BTreeMap<(&'static str, Value), Weighed>,
    bases: BTreeMap<&'static str, Weighed>,
}

impl<'c> Counter<'c> {
    fn new(by_list: &'c UsersByList) -> Self {
        Self {
            by_list,
            tallies: BTreeMap::new(),
            bases: BTreeMap::new(),
        }
    }

    /// A domain that was asked for a part, with the values that it has of it.
    fn count(&mut self, domain: u32, part: &'static str, values: impl IntoIterator<Item = Value>) {
        let base = self.bases.entry(part).or_default();
        base.add(domain, self.by_list);
        for value in values {
            let tally = self.tallies.entry((part, value)).or_default();
            tally.add(domain, self.by_list);
        }
    }
}

pub(super) fn policies(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let lists: Vec<&SurveyList> = survey.counted()?.collect();
    let by_list: UsersByList = lists.iter().map(|list| list.users_by_domain()).collect();
    let table = Table::new(
        "policies",
        "What domains publish about their mail",
        "Each part of the domains that were asked for it. `unknown`: a question failed, or what it hangs on. A domain can have several \
         keys, and so several values there.",
    )
    .columns([("what", "What"), ("value", "Value")]);
    let mut table = tallied(table, &lists);
    table.column("elsewhere", "Other surveys");
    let mut counter = Counter::new(&by_list);
    each_seen(survey, |domain, seen| {
        for part in &PARTS {
            if let Some(value) = (part.value)(seen) {
                counter.count(domain, part.what, [value]);
            }
        }
    })?;
    let asked_dkim = asked_for(survey, |it| it.dkim.is_some())?;
    for (domain, values) in keys(survey, asked_dkim)? {
        counter.count(domain, KEYS, values);
    }
    caa(survey, &mut counter)?;
    let order: Vec<&str> = (PARTS.iter().map(|part| part.what))
        .chain([KEYS])
        .chain(CAA_ROLES.iter().map(|(_, what)| *what))
        .chain([CAA_MAIL])
        .collect();
    for what in order {
        let of_part = (counter.tallies.iter()).filter(|((part, _), _)| *part == what);
        for ((_, (_, value)), tally) in of_part {
            let mut row = vec![Cell::from(what), value.as_str().into()];
            if let Some(base) = counter.bases.get(what) {
                row.extend(tally.cells(base));
            }
            row.push(Cell::text(asked.published.of_policies(what, value)));
            table.row(row);
        }
    }
    Ok(table)
}

/// What every domain publishes, with what else is known of it.
fn each_seen(survey: &Survey, mut each: impl FnMut(u32, &Seen<'_>)) -> rusqlite::Result<()> {
    let lost = losing(survey)?;
    let verdicts = survey.verdicts()?;
    query::published(&survey.connection, None, |domain, published| {
        each(
            domain,
            &Seen {
                it: &published,
                lost: lost.get(&domain).copied().flatten(),
                status: verdict_of(verdicts, domain).status,
            },
        );
    })
}

/// Whether a sender that heeds MTA-STS by the letter loses mail, by domain.
fn losing(survey: &Survey) -> rusqlite::Result<HashMap<u32, Option<bool>>> {
    let letter = PROFILES.iter().find(|profile| profile.word == "mta_sts");
    let mut by_vector: HashMap<u32, Option<bool>> = HashMap::new();
    query::delivery_vectors(&survey.connection, |vector, row| {
        if letter.is_some_and(|profile| profile.id == row.profile) {
            by_vector.insert(vector, row.would_lose_mail);
        }
    })?;
    let mut lost = HashMap::new();
    query::deliveries(&survey.connection, |domain, vector| {
        lost.insert(domain, by_vector.get(&vector).copied().flatten());
    })?;
    Ok(lost)
}

/// The domains whose policies were asked for something.
fn asked_for(
    survey: &Survey,
    is_asked: impl Fn(&PublishedPolicies) -> bool,
) -> rusqlite::Result<BTreeSet<u32>> {
    let mut domains = BTreeSet::new();
    query::published(&survey.connection, None, |domain, published| {
        if is_asked(&published) {
            domains.insert(domain);
        }
    })?;
    Ok(domains)
}

/// A part that is counted: its heading, and its value where it was asked for.
struct Part {
    what: &'static str,
    value: fn(&Seen<'_>) -> Option<Value>,
}

const PARTS: [Part; 15] = [
    Part {
        what: "SPF",
        value: |seen| word(&seen.it.spf),
    },
    Part {
        what: "SPF: others",
        value: |seen| match seen.it.spf.as_deref()? {
            "ok" => plain(seen.it.spf_all.as_deref().unwrap_or("no all")),
            _ => None,
        },
    },
    Part {
        what: "SPF: terms that ask",
        value: |seen| band(seen, seen.it.spf_lookups.map(u64::from), LOOKUPS),
    },
    Part {
        what: "SPF: IPv4 addresses that may send",
        value: |seen| band(seen, seen.it.spf_ipv4, ADDRESSES),
    },
    Part {
        what: "DMARC",
        value: |seen| word(&seen.it.dmarc),
    },
    Part {
        what: "DMARC by RFC 9989",
        value: |seen| asked(&seen.it.dmarc, &seen.it.dmarc_9989),
    },
    Part {
        what: "DMARC by RFC 7489",
        value: |seen| asked(&seen.it.dmarc, &seen.it.dmarc_7489),
    },
    Part {
        what: "DMARC: the two differ",
        value: |seen| {
            seen.it.dmarc.as_ref()?;
            let both = seen.it.dmarc_9989.as_ref().zip(seen.it.dmarc_7489.as_ref());
            plain(match both {
                None => "unknown",
                Some((one, other)) if one == other => "no",
                Some(_) => "yes",
            })
        },
    },
    Part {
        what: "No mail",
        value: no_mail,
    },
    Part {
        what: "DKIM",
        value: |seen| word(&seen.it.dkim),
    },
    Part {
        what: "MTA-STS",
        value: sts,
    },
    Part {
        what: "MTA-STS: record and policy",
        value: |seen| word(&seen.it.sts_standing),
    },
    Part {
        what: "TLS-RPT",
        value: |seen| word(&seen.it.tls_rpt),
    },
    Part {
        what: "CAA",
        value: |seen| word(&seen.it.caa),
    },
    Part {
        what: "BIMI",
        value: |seen| word(&seen.it.bimi),
    },
];

fn plain(value: &str) -> Option<Value> {
    Some((0, value.to_owned()))
}

fn word(value: &Option<String>) -> Option<Value> {
    plain(value.as_deref()?)
}

/// A value of a part that was asked for.
fn asked(state: &Option<String>, value: &Option<String>) -> Option<Value> {
    state.as_ref()?;
    plain(value.as_deref().unwrap_or("unknown"))
}

/// Bands of the terms of an SPF record that ask; ten are allowed (RFC 7208 §4.6.4).
const LOOKUPS: &[(u64, &str)] = &[
    (0, "0"),
    (5, "1 to 5"),
    (10, "6 to 10"),
    (u64::MAX, "more than 10"),
];

/// Bands of the addresses that may send; papers cut at 100,000.
const ADDRESSES: &[(u64, &str)] = &[
    (0, "0"),
    (256, "1 to 256"),
    (65_536, "257 to 65,536"),
    (100_000, "65,537 to 100,000"),
    (1 << 24, "100,001 to 16,777,216"),
    ((1 << 32) - 1, "more than 16,777,216"),
    (u64::MAX, "all"),
];

/// The band of a number of a record that can be evaluated, or cannot for this number alone.
fn band(seen: &Seen<'_>, number: Option<u64>, bands: &[(u64, &str)]) -> Option<Value> {
    match (seen.it.spf.as_deref()?, number) {
        ("absent" | "multiple", _) => None,
        (_, None) => Some((u8::MAX, "unknown".to_owned())),
        (_, Some(number)) => {
            let place = bands.iter().position(|(most, _)| number <= *most)?;
            Some((place as u8, bands.get(place)?.1.to_owned()))
        }
    }
}

/// A domain that is not for mail, and whether it says so: to those who send to it by a null MX (RFC 7505), to those who get
/// mail in its name by an SPF record that lets nobody send, and DMARC's reject.
fn no_mail(seen: &Seen<'_>) -> Option<Value> {
    let (it, status) = (seen.it, seen.status);
    let (spf, dmarc) = (it.spf.as_deref()?, it.dmarc.as_deref()?);
    if matches!(
        status,
        DomainState::NotLookedUp
            | DomainState::Nxdomain
            | DomainState::InvalidName
            | DomainState::Dns
    ) {
        return None;
    }
    if spf == "unknown" || dmarc == "unknown" || it.dmarc_9989.is_none() {
        return plain("unknown");
    }
    let is_closed = spf == "ok"
        && it.spf_all.as_deref() == Some("fail")
        && (it.spf_lookups, it.spf_ipv4) == (Some(0), Some(0))
        && it.dmarc_9989.as_deref() == Some("reject");
    plain(match (status, is_closed) {
        (DomainState::NullMx, true) => "parked: null MX, SPF -all, reject",
        (DomainState::NoAddress, true) => "SPF -all and reject, without a null MX",
        (DomainState::NullMx | DomainState::NoAddress, false) => {
            "takes no mail, others may send in its name"
        }
        (_, true) => "SPF -all and reject, and it takes mail",
        (_, false) => "no",
    })
}

/// Record and policy in one word: the mode, or what is wrong; a policy under which mail is lost is told apart.
fn sts(seen: &Seen<'_>) -> Option<Value> {
    let it = seen.it;
    let record = it.mta_sts.as_deref()?;
    if record != "ok" {
        return plain(&match record {
            "absent" | "unknown" => record.to_owned(),
            fault => format!("record {fault}"),
        });
    }
    plain(&match (it.sts.as_deref(), it.sts_mode.as_deref()) {
        (None, _) => "policy not fetched".to_owned(),
        (Some("ok"), Some("enforce")) if seen.lost == Some(true) => {
            "enforce, mail is lost".to_owned()
        }
        (Some("ok"), mode) => mode.unwrap_or("unknown").to_owned(),
        (Some("unknown"), _) => "policy unknown".to_owned(),
        (Some(_), _) => match &it.sts_error {
            Some(error) => format!("policy: {error}"),
            None => "policy invalid".to_owned(),
        },
    })
}

const KEYS: &str = "DKIM: keys";

/// What is told of the DKIM keys of each domain that was asked for some.
fn keys(
    survey: &Survey,
    domains: BTreeSet<u32>,
) -> rusqlite::Result<BTreeMap<u32, BTreeSet<Value>>> {
    let mut all = Vec::new();
    query::dkim_keys(&survey.connection, |key| all.push(key))?;
    let mut sharing: HashMap<&str, BTreeSet<u32>> = HashMap::new();
    for row in &all {
        if let Some(key) = &row.key {
            sharing.entry(key).or_default().insert(row.domain);
        }
    }
    let mut values: BTreeMap<u32, BTreeSet<Value>> = BTreeMap::new();
    for row in &all {
        let is_rsa = row.key_type.as_deref() == Some("rsa");
        let bits = row.bits.filter(|_| is_rsa);
        let is_shared =
            (row.key.as_deref()).is_some_and(|key| sharing.get(key).is_some_and(|it| it.len() > 1));
        let told = [
            (bits.is_some_and(|bits| bits < 1024), "RSA under 1,024 bits"),
            (
                bits.is_some_and(|bits| (1024..2048).contains(&bits)),
                "RSA of 1,024 to 2,047 bits",
            ),
            (
                bits.is_some_and(|bits| bits >= 2048),
                "RSA of 2,048 bits or more",
            ),
            (row.key_type.as_deref() == Some("ed25519"), "Ed25519"),
            (row.revoked == Some(true), "revoked"),
            (row.testing == Some(true), "testing"),
            (is_shared, "shared with other domains"),
            (row.state == "invalid", "not to be used"),
            (row.state == "multiple", "several records at a selector"),
            (row.state == "unknown", "unknown"),
        ];
        let of_domain = values.entry(row.domain).or_default();
        for (place, (_, what)) in told.iter().enumerate().filter(|(_, (is, _))| *is) {
            of_domain.insert((place as u8, (*what).to_owned()));
        }
    }
    for domain in domains {
        let of_domain = values.entry(domain).or_default();
        if of_domain.is_empty() {
            of_domain.insert((u8::MAX, "none seen".to_owned()));
        }
    }
    Ok(values)
}

const CAA_ROLES: [(&str, &str); 3] = [
    ("domain", "CAA: who may issue for the domain"),
    ("exchange", "CAA: who may issue for its exchanges"),
    ("policy_host", "CAA: who may issue for its policy host"),
];
const CAA_MAIL: &str = "CAA: who may issue for its mailboxes";

/// Counts whom CAA records let issue; exchanges that differ are `mixed`.
fn caa(survey: &Survey, counter: &mut Counter<'_>) -> rusqlite::Result<()> {
    let mut effects: BTreeMap<(u32, &'static str), BTreeSet<String>> = BTreeMap::new();
    query::policy_caa(&survey.connection, |row| {
        let told = |effect: Option<String>| effect.unwrap_or_else(|| "unknown".to_owned());
        if let Some((role, what)) = CAA_ROLES.iter().find(|(role, _)| *role == row.role) {
            let of_role = effects.entry((row.domain, what)).or_default();
            of_role.insert(told(row.issue));
            if *role == "domain" {
                let of_mail = effects.entry((row.domain, CAA_MAIL)).or_default();
                of_mail.insert(told(row.issue_mail));
            }
        }
    })?;
    for ((domain, what), effects) in effects {
        let mut effects = effects.into_iter();
        let value = match (effects.next(), effects.next()) {
            (Some(one), None) => one,
            _ => "mixed".to_owned(),
        };
        counter.count(domain, what, [(0, value)]);
    }
    Ok(())
}

pub(super) fn policy_faults(survey: &Survey, _: &ReportSettings) -> rusqlite::Result<Table> {
    let lists: Vec<&SurveyList> = survey.counted()?.collect();
    let by_list: UsersByList = lists.iter().map(|list| list.users_by_domain()).collect();
    let table = Table::new(
        "policy-faults",
        "What is wrong with policies",
        "Domains with the fault, of those that were asked for the part and answered; what is worth to be told is among them. Of a part that is \
         unknown nothing is told.",
    )
    .columns([("part", "Part"), ("fault", "Fault"), ("meaning", "Meaning")]);
    let mut table = tallied(table, &lists);
    let mut bases: BTreeMap<&str, Weighed> = BTreeMap::new();
    let mut unknown: BTreeSet<(u32, usize)> = BTreeSet::new();
    query::published(&survey.connection, None, |domain, it| {
        for (place, (part, state)) in states(&it).into_iter().enumerate() {
            match state {
                None => {}
                Some("unknown") => drop(unknown.insert((domain, place))),
                Some(_) => bases.entry(part).or_default().add(domain, &by_list),
            }
        }
    })?;
    let mut tallies: BTreeMap<(usize, String), Weighed> = BTreeMap::new();
    query::policy_faults(&survey.connection, |row| {
        if let Some(place) = FAULT_PARTS.iter().position(|part| *part == row.part)
            && !unknown.contains(&(row.domain, place))
        {
            let tally = tallies.entry((place, row.fault)).or_default();
            tally.add(row.domain, &by_list);
        }
    })?;
    for ((place, fault), tally) in tallies {
        let part = FAULT_PARTS[place];
        let meaning = PolicyFault::from(fault.as_str()).meaning();
        let mut row = vec![part.into(), fault.into(), meaning.into()];
        row.extend(tally.cells(bases.get(part).unwrap_or(&Weighed::default())));
        table.row(row);
    }
    Ok(table)
}

/// Parts with faults, in the order of the record.
const FAULT_PARTS: [&str; 7] = ["spf", "dmarc", "dkim", "mta_sts", "tls_rpt", "caa", "bimi"];

fn states(it: &PublishedPolicies) -> [(&'static str, Option<&str>); 7] {
    [
        ("spf", it.spf.as_deref()),
        ("dmarc", it.dmarc.as_deref()),
        ("dkim", it.dkim.as_deref()),
        ("mta_sts", it.mta_sts.as_deref()),
        ("tls_rpt", it.tls_rpt.as_deref()),
        ("caa", it.caa.as_deref()),
        ("bimi", it.bimi.as_deref()),
    ]
}

pub(super) fn dmarc_rules(survey: &Survey, _: &ReportSettings) -> rusqlite::Result<Table> {
    let lists: Vec<&SurveyList> = survey.counted()?.collect();
    let by_list: UsersByList = lists.iter().map(|list| list.users_by_domain()).collect();
    let table = Table::new(
        "dmarc-rules",
        "DMARC under two rules",
        "What receivers are asked to do by the tree walk of RFC 9989, and by the public suffix list of RFC 7489, of the domains that were \
         asked for DMARC.",
    )
    .columns([("rfc9989", "RFC 9989"), ("rfc7489", "RFC 7489"), ("differ", "Differ")]);
    let mut table = tallied(table, &lists);
    let mut base = Weighed::default();
    let mut tallies: BTreeMap<(String, String), Weighed> = BTreeMap::new();
    query::published(&survey.connection, None, |domain, it| {
        let Some((_, one)) = asked(&it.dmarc, &it.dmarc_9989) else {
            return;
        };
        let Some((_, other)) = asked(&it.dmarc, &it.dmarc_7489) else {
            return;
        };
        base.add(domain, &by_list);
        let tally = tallies.entry((one, other)).or_default();
        tally.add(domain, &by_list);
    })?;
    for ((one, other), tally) in tallies {
        let differ = match one == "unknown" || other == "unknown" {
            true => "unknown",
            false if one == other => "no",
            false => "yes",
        };
        let mut row = vec![one.into(), other.into(), differ.into()];
        row.extend(tally.cells(&base));
        table.row(row);
    }
    Ok(table)
}

pub(super) fn report_receivers(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let mut table = Table::new(
        "report-receivers",
        "Who gets the reports",
        "Receivers of DMARC's aggregate and failure reports and of TLS reports, those that most domains name, of the domains that name any. \
         Lost: the receiver, of another organisation, has not said that it wants them (RFC 9990, section 4).",
    )
    .columns([
        ("kind", "Reports"),
        ("receiver", "Receiver"),
        ("domains", "Domains"),
        ("domains_of", "of"),
        ("percent", "Percent"),
        ("lost", "Lost"),
        ("lost_unknown", "Not known"),
    ]);
    #[derive(Default)]
    struct Received {
        domains: u64,
        lost: u64,
        unknown: u64,
    }
    let mut naming: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    let mut received: BTreeMap<(String, String), Received> = BTreeMap::new();
    query::policy_receivers(&survey.connection, |row| {
        naming
            .entry(row.kind.clone())
            .or_default()
            .insert(row.domain);
        let is_dmarc = row.kind != "tls_rpt";
        let of_receiver = received.entry((row.kind, row.receiver)).or_default();
        of_receiver.domains += 1;
        of_receiver.lost += u64::from(row.authorised == Some(false));
        of_receiver.unknown += u64::from(is_dmarc && row.authorised.is_none());
    })?;
    for (kind, domains) in &naming {
        let mut of_kind: Vec<_> = (received.iter())
            .filter(|((of, _), _)| of == kind)
            .map(|((_, receiver), it)| (std::cmp::Reverse(it.domains), receiver, it))
            .collect();
        of_kind.sort_by_key(|(domains, receiver, _)| (*domains, *receiver));
        for (_, receiver, it) in of_kind.into_iter().take(asked.limit) {
            let of = domains.len() as u64;
            table.row([
                kind.as_str().into(),
                receiver.as_str().into(),
                it.domains.into(),
                of.into(),
                Cell::share(it.domains as f64, of as f64),
                it.lost.into(),
                it.unknown.into(),
            ]);
        }
    }
    Ok(table)
}
