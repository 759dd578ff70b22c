//! Which problems are new, and which were mended. A problem that was not there then is new only where its absence had been
//! learned; one that is not there now is mended only where that is known: unknown then or now is no change.

use std::collections::HashMap;

use super::super::survey::{DomainState, Survey};
use super::standing::Standings;
use crate::judge::problem::{ProblemCode, Severity};
use crate::judge::{Fact, Rule, Truth, unpack};
use crate::store::query;

/// What must have been learned of a domain before the absence of a problem says anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Basis {
    /// Its MX records and what they lead to.
    Records,
    /// A server that answered.
    Server,
    /// A server's handshake, or that it has none.
    Handshake,
    /// Whether TLSA records hold.
    Dane,
    /// A part of what it publishes, by its word in the comparison.
    Published(&'static str),
}

impl Basis {
    fn of_code(code: ProblemCode) -> Self {
        use ProblemCode as Code;
        match code {
            Code::NoServerAnswers
            | Code::ServerSilent
            | Code::PreferredServerSilent
            | Code::GreetingRejected
            | Code::HelloRejected
            | Code::HeloOnly
            | Code::NotSmtp
            | Code::ReplyMalformed
            | Code::EhloTooLong
            | Code::StarttlsMissing
            | Code::StarttlsRefused
            | Code::StarttlsUnadvertised
            | Code::StarttlsMasked
            | Code::StarttlsInjected
            | Code::AuthInClear
            | Code::AddressesDiffer
            | Code::BackupWeaker => Self::Server,
            Code::TlsaMismatch | Code::TlsaWithoutStarttls | Code::TlsaPartial => Self::Dane,
            _ => Self::by_section(code),
        }
    }

    /// The sections of the table of codes bear the beginnings of their words.
    fn by_section(code: ProblemCode) -> Self {
        const SECTIONS: [(&str, Basis); 20] = [
            ("spf_", Basis::Published("spf")),
            ("dmarc_", Basis::Published("dmarc")),
            ("dkim_", Basis::Published("dkim")),
            ("sts_", Basis::Published("mta_sts")),
            ("tls_rpt_", Basis::Published("tls_rpt")),
            ("caa_", Basis::Published("caa")),
            ("bimi_", Basis::Published("bimi")),
            ("certificate_", Basis::Handshake),
            ("client_certificate_", Basis::Handshake),
            ("handshake_", Basis::Handshake),
            ("starttls_", Basis::Handshake),
            ("old_versions_", Basis::Handshake),
            ("ssl_", Basis::Handshake),
            ("cipher_", Basis::Handshake),
            ("anonymous_", Basis::Handshake),
            ("no_forward_", Basis::Handshake),
            ("weak_", Basis::Handshake),
            ("renegotiation_", Basis::Handshake),
            ("compression_", Basis::Handshake),
            ("version_", Basis::Handshake),
        ];
        let word = code.word();
        let section = SECTIONS.iter().find(|(start, _)| word.starts_with(start));
        match section {
            Some(&(_, basis)) => basis,
            None if word.starts_with("length_") => Self::Handshake,
            None => Self::Records,
        }
    }

    /// Whether it was learned of a domain that stands so.
    fn is_learned(self, standings: &Standings, standing: u32) -> bool {
        let status = standings.status(standing);
        match self {
            Self::Published(part) => standings.is_published_known(standing, part),
            _ if matches!(status, DomainState::NotLookedUp | DomainState::Dns) => false,
            // It has no servers that could have the problem.
            _ if !status.takes_mail() => true,
            Self::Records => true,
            Self::Server => status == DomainState::Answered,
            Self::Handshake => standings.is_measured(standing, "tls"),
            Self::Dane => standings.is_measured(standing, "dane"),
        }
    }
}

/// What was learned of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Learned {
    /// Nothing: it was not asked, or did not answer.
    #[default]
    Nothing,
    /// It answered.
    Answer,
    /// It answered, and its handshake is known, or that it has none.
    Handshake,
}

/// A problem as a number that both surveys share: its code, by place in the table, and its severity.
type Packed = u16;

fn packed(code: &str, severity: &str) -> Option<Packed> {
    let code = ProblemCode::from_word(code)?;
    let place = ProblemCode::ALL.iter().position(|it| *it == code)? as Packed;
    let severity = Severity::from_word(severity)?;
    let severity = Severity::ALL.iter().position(|it| *it == severity)? as Packed;
    Some(place << 2 | severity)
}

fn code(packed: Packed) -> ProblemCode {
    let known = ProblemCode::ALL.get(usize::from(packed >> 2));
    known.copied().unwrap_or(ProblemCode::Other)
}

fn severity(packed: Packed) -> Severity {
    let known = Severity::ALL.get(usize::from(packed & 3));
    known.copied().unwrap_or(Severity::Notice)
}

/// Sets of problems that share a number; 0 is the empty one.
#[derive(Debug)]
pub(super) struct Sets {
    sets: Vec<Box<[Packed]>>,
    numbers: HashMap<Box<[Packed]>, u32>,
}

impl Sets {
    pub fn new() -> Self {
        Self {
            sets: vec![Box::default()],
            numbers: HashMap::from([(Box::default(), 0)]),
        }
    }

    /// The number of a set of which each code has its worst severity.
    fn number(&mut self, problems: &mut Vec<Packed>) -> u32 {
        problems.sort_unstable_by(|a, b| b.cmp(a));
        problems.dedup_by_key(|it| *it >> 2);
        if let Some(&known) = self.numbers.get(problems.as_slice()) {
            return known;
        }
        let set: Box<[Packed]> = problems.as_slice().into();
        self.sets.push(set.clone());
        let number = self.sets.len() as u32 - 1;
        self.numbers.insert(set, number);
        number
    }

    fn get(&self, number: u32) -> &[Packed] {
        self.sets.get(number as usize).map_or(&[], |set| set)
    }
}

/// Lists of numbers by number, in one piece.
#[derive(Debug, Default)]
struct Lists {
    ends: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    /// Adds to the list of `number`; numbers come in order.
    fn push(&mut self, number: u32, item: u32) {
        let end = self.items.len() as u32;
        while self.ends.len() < number as usize + 1 {
            self.ends.push(end);
        }
        self.items.push(item);
        self.ends[number as usize] = end + 1;
    }

    fn get(&self, number: u32) -> &[u32] {
        let Some(&end) = self.ends.get(number as usize) else {
            return &[];
        };
        let before = (number as usize)
            .checked_sub(1)
            .map_or(0, |it| self.ends[it]);
        &self.items[before as usize..end as usize]
    }
}

/// The problems of a survey.
#[derive(Debug)]
pub(super) struct Troubles {
    /// The set of a domain, those of its servers among them, by row of `name`.
    of_domains: Vec<u32>,
    /// The set of a server, by row of `address`.
    of_servers: Vec<u32>,
    learned: Vec<Learned>,
    exchanges: Lists,
    addresses: Lists,
}

impl Troubles {
    pub fn read(survey: &Survey, sets: &mut Sets, rows: usize) -> rusqlite::Result<Self> {
        let connection = &survey.connection;
        let mut troubles = Self {
            of_domains: vec![0; rows],
            of_servers: Vec::new(),
            learned: Vec::new(),
            exchanges: Lists::default(),
            addresses: Lists::default(),
        };
        query::compare::judged_servers(connection, |address, answered, facts| {
            let tls = unpack(facts, Fact::Tls, Rule::Preferred);
            let learned = match (answered, tls) {
                (false, _) => Learned::Nothing,
                (true, Truth::Unknown) => Learned::Answer,
                (true, _) => Learned::Handshake,
            };
            put(&mut troubles.learned, address, learned);
        })?;
        query::compare::exchange_addresses(connection, |exchange, address| {
            troubles.addresses.push(exchange, address);
        })?;
        query::domain_exchanges(connection, |domain, _, exchange| {
            troubles.exchanges.push(domain, exchange);
        })?;
        let mut of_servers = Grouped::default();
        query::compare::problems_of_servers(connection, |address, code, severity| {
            if let Some((address, set)) = of_servers.take(address, packed(code, severity), sets) {
                put(&mut troubles.of_servers, address, set);
            }
        })?;
        if let Some((address, set)) = of_servers.end(sets) {
            put(&mut troubles.of_servers, address, set);
        }
        let mut own = vec![0; rows];
        let mut of_domains = Grouped::default();
        query::compare::problems_of_domains(connection, |domain, code, severity| {
            if let Some((domain, set)) = of_domains.take(domain, packed(code, severity), sets) {
                put(&mut own, domain, set);
            }
        })?;
        if let Some((domain, set)) = of_domains.end(sets) {
            put(&mut own, domain, set);
        }
        troubles.unite(&own, sets);
        Ok(troubles)
    }

    /// Takes the problems of a domain and of its servers together.
    fn unite(&mut self, own: &[u32], sets: &mut Sets) {
        let mut known: HashMap<Vec<u32>, u32> = HashMap::new();
        let mut parts = Vec::new();
        let mut all = Vec::new();
        for (domain, &own) in own.iter().enumerate() {
            parts.clear();
            parts.push(own);
            for address in self.servers(domain as u32) {
                let set = self.of_servers.get(address as usize).copied().unwrap_or(0);
                if !parts.contains(&set) {
                    parts.push(set);
                }
            }
            self.of_domains[domain] = match known.get(&parts) {
                Some(&set) => set,
                None => {
                    all.clear();
                    parts
                        .iter()
                        .for_each(|&set| all.extend_from_slice(sets.get(set)));
                    let set = sets.number(&mut all);
                    known.insert(parts.clone(), set);
                    set
                }
            };
        }
    }

    /// The servers of a domain.
    fn servers(&self, domain: u32) -> impl Iterator<Item = u32> {
        let exchanges = self.exchanges.get(domain).iter();
        exchanges.flat_map(|&exchange| self.addresses.get(exchange).iter().copied())
    }

    /// The servers of a domain that have a problem with this code.
    fn servers_with(&self, domain: u32, code: Packed, sets: &Sets) -> Vec<u32> {
        let has = |address: &u32| {
            let set = self.of_servers.get(*address as usize);
            let set = sets.get(set.copied().unwrap_or(0));
            set.iter().any(|it| it >> 2 == code)
        };
        self.servers(domain).filter(has).collect()
    }

    fn learned(&self, address: u32) -> Learned {
        let learned = self.learned.get(address as usize);
        learned.copied().unwrap_or_default()
    }
}

fn put<T: Clone + Default>(all: &mut Vec<T>, number: u32, value: T) {
    if all.len() <= number as usize {
        all.resize(number as usize + 1, T::default());
    }
    all[number as usize] = value;
}

/// Problems of one subject after the other, made into sets.
#[derive(Default)]
struct Grouped {
    subject: u32,
    problems: Vec<Packed>,
}

impl Grouped {
    /// Takes a problem; the subject before and its set, where this is another.
    fn take(
        &mut self,
        subject: u32,
        problem: Option<Packed>,
        sets: &mut Sets,
    ) -> Option<(u32, u32)> {
        let before = if subject == self.subject {
            None
        } else {
            self.end(sets)
        };
        self.subject = subject;
        self.problems.extend(problem);
        before
    }

    /// The last subject and its set.
    fn end(&mut self, sets: &mut Sets) -> Option<(u32, u32)> {
        if self.problems.is_empty() {
            return None;
        }
        let set = sets.number(&mut self.problems);
        self.problems.clear();
        Some((self.subject, set))
    }
}

/// What became of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Became {
    New,
    Mended,
    /// It is there in one of the two, and was not learned in the other.
    NotLearned,
}

/// One of the two surveys as it is asked for problems.
pub(super) struct Side<'a> {
    pub troubles: &'a Troubles,
    /// Rows of `address` of the other survey, by our row; 0: it has no such address.
    pub others: &'a [u32],
}

/// A domain in both surveys: its rows of `name`, and how it stands.
#[derive(Clone, Copy)]
pub(super) struct Both {
    pub rows: (u32, u32),
    pub standings: (u32, u32),
}

/// Tells what became of each problem of a domain that it has in one of two surveys alone.
pub(super) fn differences(
    (then, now): (&Side<'_>, &Side<'_>),
    both: Both,
    sets: &Sets,
    standings: &Standings,
    mut tell: impl FnMut(Became, ProblemCode, Severity),
) {
    let set = |side: &Side<'_>, row: u32| side.troubles.of_domains.get(row as usize).copied();
    let (old, new) = (set(then, both.rows.0), set(now, both.rows.1));
    if old == new {
        return;
    }
    let (old, new) = (sets.get(old.unwrap_or(0)), sets.get(new.unwrap_or(0)));
    let lacks = |set: &[Packed], it: Packed| !set.iter().any(|other| other >> 2 == it >> 2);
    for &it in new.iter().filter(|&&it| lacks(old, it)) {
        let here = (now, both.rows.1);
        let was_learned = is_learned(here, then, both.standings.0, it, sets, standings, false);
        let became = if was_learned {
            Became::New
        } else {
            Became::NotLearned
        };
        tell(became, code(it), severity(it));
    }
    for &it in old.iter().filter(|&&it| lacks(new, it)) {
        let here = (then, both.rows.0);
        let is_known = is_learned(here, now, both.standings.1, it, sets, standings, true);
        let became = if is_known {
            Became::Mended
        } else {
            Became::NotLearned
        };
        tell(became, code(it), severity(it));
    }
}

/// Whether the other survey had learned that a domain does not have a problem, which it has `here`: of the servers that have
/// it here one must have been known to be without it there, or, for what was mended, all.
fn is_learned(
    (here, row): (&Side<'_>, u32),
    there: &Side<'_>,
    standing_there: u32,
    problem: Packed,
    sets: &Sets,
    standings: &Standings,
    wants_all: bool,
) -> bool {
    let basis = Basis::of_code(code(problem));
    let of_domain = basis.is_learned(standings, standing_there);
    let servers = here.troubles.servers_with(row, problem >> 2, sets);
    let needed = match basis {
        Basis::Handshake | Basis::Dane => Learned::Handshake,
        _ => Learned::Answer,
    };
    let mut known = servers.iter().map(|&server| {
        match here.others.get(server as usize).copied().unwrap_or(0) {
            // Another server in its place.
            0 => of_domain,
            other => there.troubles.learned(other) >= needed,
        }
    });
    match (servers.is_empty(), wants_all) {
        (true, _) => of_domain,
        (false, true) => known.all(|it| it),
        (false, false) => known.any(|it| it),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_keeps_the_worst_of_each_code() {
        let mut sets = Sets::new();
        let pack = |code, severity| packed(code, severity).unwrap();
        let mut problems = vec![
            pack("spf_missing", "notice"),
            pack("nxdomain", "critical"),
            pack("spf_missing", "serious"),
        ];
        let number = sets.number(&mut problems);
        let told: Vec<_> = (sets.get(number).iter())
            .map(|&it| (code(it).word(), severity(it).word()))
            .collect();
        assert_eq!(told, [("spf_missing", "serious"), ("nxdomain", "critical")]);
        assert_eq!(packed("no_such_code", "notice"), None);
    }

    #[test]
    fn lists_are_found_by_number() {
        let mut lists = Lists::default();
        for (number, item) in [(2, 7), (2, 8), (5, 9)] {
            lists.push(number, item);
        }
        let all: Vec<&[u32]> = (0..7).map(|number| lists.get(number)).collect();
        let empty: &[u32] = &[];
        assert_eq!(all, [empty, empty, &[7, 8], empty, empty, &[9], empty]);
    }

    #[test]
    fn what_must_be_known_of_a_problem_is_told_by_its_code() {
        for (code, basis) in [
            (ProblemCode::Nxdomain, Basis::Records),
            (ProblemCode::StarttlsMissing, Basis::Server),
            (ProblemCode::StarttlsOfferedInside, Basis::Handshake),
            (ProblemCode::LengthIntolerant, Basis::Handshake),
            (ProblemCode::WeakDh, Basis::Handshake),
            (ProblemCode::TlsaMismatch, Basis::Dane),
            (ProblemCode::TlsaUnsigned, Basis::Records),
            (ProblemCode::StsTesting, Basis::Published("mta_sts")),
        ] {
            assert_eq!(Basis::of_code(code), basis, "{code:?}");
        }
    }
}
