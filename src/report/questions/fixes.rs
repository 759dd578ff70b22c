//! Who should fix what: the fewest operators whose change moves most of the unprotected.
//!
//! A domain hangs on the operator of the exchange that stands for it, and on one cause, so the operators' parts are
//! disjoint: taking the largest first is the smallest cover.

use std::borrow::Cow;
use std::rc::Rc;

use hashbrown::HashMap;

use crate::judge::{Fact, Truth};
use crate::report::asked::ReportSettings;
use crate::report::chart::{Bar, Chart};
use crate::report::operators::Operators;
use crate::report::survey::{Survey, SurveyVerdict};
use crate::report::table::{Cell, Table};
use crate::report::words::Words;
use crate::store::query;

/// The operators whose change protects most, by weight.
///
/// # Errors
///
/// Those of the database.
pub fn fixes(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let mut table = Table::new(
        "fixes",
        "Who should fix what",
        format!(
            "Domains without TLS, or with a certificate that is not valid, by the operator they hang on and by cause, \
             under the rule {}. The largest first: after each row so much of all that is unprotected is mended. \
             Unknown is no cause.",
            asked.rule.word()
        ),
    )
    .columns([
        ("weight", "Weight"),
        ("place", "Place"),
        ("operator", "Operator"),
        ("role", "Role"),
        ("cause", "Cause"),
        ("hit", "Hit"),
        ("of", "Of"),
        ("together", "Together"),
        ("goal", "Goal"),
        ("domains", "Domains"),
        ("such_as", "Such as"),
    ]);
    let unprotected = Unprotected::read(survey, asked)?;
    let mut bars = Vec::new();
    for list in survey.counted()? {
        let weight = format!("users: {}", list.source);
        let users = list.users_by_domain();
        let ranking = Ranking::new(&unprotected, weight, survey.names()?, Some(&users));
        ranking.add_to(&mut table, &mut bars, survey, asked.limit)?;
    }
    let ranking = Ranking::new(&unprotected, "domains".to_owned(), survey.names()?, None);
    ranking.add_to(&mut table, &mut bars, survey, asked.limit)?;
    table.chart = Some(Chart::Bars {
        unit: "% of the unprotected",
        bars,
    });
    Ok(table)
}

/// The operators and causes under one weight, the largest first.
struct Ranking<'a> {
    /// What is counted: domains, or the users of a list.
    weight: String,
    unprotected: &'a Unprotected,
    groups: Vec<((usize, Cause), Hit)>,
    /// All that is unprotected.
    all: u64,
}

/// What hangs on an operator and a cause.
#[derive(Clone, Default)]
struct Hit {
    weight: u64,
    domains: u64,
    /// Weight and row of `name`.
    largest: Option<(u64, u32)>,
}

impl Hit {
    /// Counts a domain.
    fn add(&mut self, domain: u32, weight: u64, names: &Words) {
        self.weight += weight;
        self.domains += 1;
        // Of domains that weigh the same the first by name stands for all.
        let is_larger = self.largest.is_none_or(|(largest, name)| {
            weight > largest
                || weight == largest && names.get(domain as usize) < names.get(name as usize)
        });
        if is_larger {
            self.largest = Some((weight, domain));
        }
    }
}

impl<'a> Ranking<'a> {
    /// Weighs the unprotected, by the users of each row of `name` or one for each domain.
    fn new(
        unprotected: &'a Unprotected,
        weight: String,
        names: &Words,
        users: Option<&[u64]>,
    ) -> Self {
        let mut hits = vec![Hit::default(); unprotected.groups.len()];
        for &(domain, group) in &unprotected.domains {
            let users = users.map(|users| users.get(domain as usize).copied().unwrap_or(0));
            hits[group as usize].add(domain, users.unwrap_or(1), names);
        }
        let all = hits.iter().map(|hit| hit.weight).sum();
        let groups = unprotected.groups.iter().copied().zip(hits);
        let mut groups: Vec<_> = groups.filter(|(_, hit)| hit.weight > 0).collect();
        groups.sort_unstable_by(|a, b| {
            let by_size = (b.1.weight, b.1.domains).cmp(&(a.1.weight, a.1.domains));
            by_size.then_with(|| unprotected.spelled(a.0).cmp(&unprotected.spelled(b.0)))
        });
        Self {
            weight,
            unprotected,
            groups,
            all,
        }
    }

    /// Its rows, and bars of the first ten.
    fn add_to(
        &self,
        table: &mut Table,
        bars: &mut Vec<Bar>,
        survey: &Survey,
        limit: usize,
    ) -> rusqlite::Result<()> {
        let mut together = 0;
        let mut goals = [50.0, 80.0, 95.0].into_iter().peekable();
        for (place, ((operator, cause), hit)) in self.groups.iter().enumerate() {
            together += hit.weight;
            let percent = 100.0 * together as f64 / self.all as f64;
            let mut reached = Vec::new();
            while let Some(goal) = goals.next_if(|&goal| percent >= goal) {
                reached.push(format!("{goal} %"));
            }
            // The rows that reach a goal are shown however far down they are.
            if place >= limit && reached.is_empty() {
                continue;
            }
            let (id, role) = self.unprotected.operators.told(*operator);
            let cause = self.unprotected.told(*cause);
            let largest = hit.largest.map_or(0, |(_, domain)| domain);
            if place < 10 {
                bars.push(self.bar(format!("{id}: {cause}"), hit));
            }
            table.row([
                Cell::from(self.weight.as_str()),
                (place as u64 + 1).into(),
                id.into(),
                role.into(),
                cause.into(),
                hit.weight.into(),
                self.all.into(),
                Cell::Percent(percent),
                Cell::text((!reached.is_empty()).then(|| reached.join(", "))),
                hit.domains.into(),
                survey.name(largest)?.into(),
            ]);
        }
        Ok(())
    }

    fn bar(&self, label: String, hit: &Hit) -> Bar {
        Bar {
            group: self.weight.clone(),
            label,
            value: 100.0 * hit.weight as f64 / self.all as f64,
            count: hit.weight,
            before: None,
            truth: Some(Truth::No),
        }
    }
}

/// Why a domain is not protected.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Cause {
    NoStarttls,
    RefusedLater,
    TlsOnSome,
    /// The verdict, by its place in [`Unprotected::reasons`].
    Certificate(usize),
    NotValid,
    ValidOnSome,
}

/// Domains that are known not to be protected.
struct Unprotected {
    /// Each with its place in `groups`.
    domains: Vec<(u32, u32)>,
    /// Operators and causes.
    groups: Vec<(usize, Cause)>,
    reasons: Vec<String>,
    operators: Rc<Operators>,
}

impl Unprotected {
    fn read(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Self> {
        let operators = survey.operators(&asked.providers)?;
        let verdicts = survey.verdicts()?;
        let (reasons, reason_of) = reasons(survey)?;
        let (mut domains, mut groups) = (Vec::new(), Vec::new());
        let mut known: HashMap<(usize, Cause), u32> = HashMap::new();
        for (domain, verdict) in verdicts.iter().enumerate() {
            if verdict.exchange == 0 {
                continue;
            }
            if let Some(cause) = cause(verdict, asked, reason_of.get(&verdict.tls).copied()) {
                let group = (operators.operator_of(verdict.exchange), cause);
                let place = *known.entry(group).or_insert_with(|| {
                    groups.push(group);
                    groups.len() as u32 - 1
                });
                domains.push((domain as u32, place));
            }
        }
        Ok(Self {
            domains,
            groups,
            reasons,
            operators,
        })
    }

    /// Operator and cause in words, for an order that does not hang on row numbers.
    fn spelled(&self, (operator, cause): (usize, Cause)) -> ((&str, &str), String) {
        (self.operators.told(operator), self.told(cause))
    }

    fn told(&self, cause: Cause) -> String {
        match cause {
            Cause::NoStarttls => "no STARTTLS".to_owned(),
            Cause::RefusedLater => "STARTTLS accepted once, refused later".to_owned(),
            Cause::TlsOnSome => "TLS on some servers only".to_owned(),
            Cause::Certificate(reason) => {
                format!("certificate: {}", self.reasons[reason].replace('_', " "))
            }
            Cause::NotValid => "certificate not valid".to_owned(),
            Cause::ValidOnSome => "certificate valid on some servers only".to_owned(),
        }
    }
}

/// The words of verdicts that are not valid, and which of them each row of `tls` has.
fn reasons(survey: &Survey) -> rusqlite::Result<(Vec<String>, HashMap<u32, usize>)> {
    let mut reasons: Vec<String> = Vec::new();
    let mut reason_of = HashMap::new();
    query::not_valid(&survey.connection, |tls, reason, also| {
        let reason = with_issuer(reason, also);
        // Some dozen words at most.
        let index = reasons
            .iter()
            .position(|known| *known == reason)
            .unwrap_or_else(|| {
                reasons.push(reason.into_owned());
                reasons.len() - 1
            });
        reason_of.insert(tls, index);
    })?;
    Ok((reasons, reason_of))
}

/// A chain that lacks a certificate and leads to no known root is not mended by sending what it lacks: both are said.
fn with_issuer<'a>(reason: &'a str, also: &str) -> Cow<'a, str> {
    const ISSUER: &str = "unknown_issuer";
    if reason != ISSUER && also.split(' ').any(|word| word == ISSUER) {
        Cow::Owned(format!("{reason}, {ISSUER}"))
    } else {
        Cow::Borrowed(reason)
    }
}

/// None: it is protected, or that is not known.
fn cause(verdict: &SurveyVerdict, asked: &ReportSettings, reason: Option<usize>) -> Option<Cause> {
    let truth = |fact| verdict.truth(fact, asked.rule);
    Some(match (truth(Fact::Tls), truth(Fact::Valid)) {
        (Truth::No, _) if truth(Fact::Accepted) == Truth::Yes => Cause::RefusedLater,
        (Truth::No, _) => Cause::NoStarttls,
        (Truth::Mixed, _) => Cause::TlsOnSome,
        (Truth::Yes, Truth::No) => reason.map_or(Cause::NotValid, Cause::Certificate),
        (Truth::Yes, Truth::Mixed) => Cause::ValidOnSome,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r8_an_incomplete_chain_to_an_unknown_issuer_is_said_to_be_both() {
        let cause = |reason, also| with_issuer(reason, also).into_owned();
        let both = "incomplete_chain, unknown_issuer";
        assert_eq!(cause("incomplete_chain", "unknown_issuer"), both);
        assert_eq!(cause("incomplete_chain", "expired unknown_issuer"), both);
        assert_eq!(cause("incomplete_chain", ""), "incomplete_chain");
        assert_eq!(cause("unknown_issuer", "unknown_issuer"), "unknown_issuer");
    }
}
