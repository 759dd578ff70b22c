//! The card's upper half: one sentence, what is wrong and what to do, what becomes of mail, what is published.

use serde_json::{Value, json};

use super::asked::ReportSettings;
use super::questions::problems_of;
use super::survey::{Survey, SurveyVerdict};
use crate::judge::delivery::{Fate, PROFILES};
use crate::judge::problem::{ProblemCode, Severity};
use crate::store::query::{self, FateRow, ProblemRow, PublishedPolicies};

/// What the card of a domain (row of `name`) says first.
pub struct Mail {
    problems: Vec<ProblemRow>,
    fates: Vec<FateRow>,
    published: Option<PublishedPolicies>,
}

impl Mail {
    /// Reads it.
    pub fn read(survey: &Survey, asked: &ReportSettings, domain: u32) -> rusqlite::Result<Self> {
        let connection = &survey.connection;
        let mut published = None;
        query::published(connection, Some(domain), |_, row| published = Some(row))?;
        Ok(Self {
            problems: problems_of(survey, asked, domain)?,
            fates: query::fates_of(connection, domain)?,
            published,
        })
    }

    /// Nothing is known of the domain here.
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty() && self.fates.is_empty() && self.published.is_none()
    }

    fn fate(&self, profile: &str) -> Option<&FateRow> {
        let profile = PROFILES.iter().find(|it| it.word == profile)?;
        self.fates.iter().find(|row| row.profile == profile.id)
    }

    /// The domain in one sentence.
    pub fn sentence(&self, verdict: &SurveyVerdict) -> String {
        let mut parts = Vec::new();
        match self.fate("opportunistic") {
            None => parts.push(verdict.status.meaning().to_owned()),
            Some(row) => parts.push(match Fate::from(row.fate.as_str()) {
                Fate::NoMail => verdict.status.meaning().to_owned(),
                Fate::Clear => "mail to it travels in clear".to_owned(),
                Fate::Encrypted | Fate::Authenticated => "mail to it travels encrypted".to_owned(),
                Fate::Refused => "mail to it is refused".to_owned(),
                Fate::Unknown | Fate::Other => {
                    format!(
                        "how mail to it travels was not learned ({})",
                        verdict.status.meaning()
                    )
                }
            }),
        }
        if let Some(row) = self.fate("exchange") {
            match (Fate::from(row.fate.as_str()), row.authority.as_deref()) {
                (Fate::Authenticated, Some(authority)) => {
                    let by = if authority == "dane" {
                        "DANE"
                    } else {
                        "MTA-STS"
                    };
                    parts.push(format!("senders that heed {by} know whom they send it to"));
                }
                (Fate::Refused, _) => {
                    parts.push("senders that heed DANE and MTA-STS do not deliver it".to_owned());
                }
                _ => {}
            }
        }
        let count = |severity: Severity| {
            let same = |row: &&ProblemRow| row.severity == severity.word();
            let count = self.problems.iter().filter(same).count();
            (count > 0).then(|| format!("{count} {}", severity.word()))
        };
        let counts: Vec<String> = [Severity::Critical, Severity::Serious, Severity::Notice]
            .into_iter()
            .filter_map(count)
            .collect();
        parts.push(match (counts.is_empty(), self.problems.len()) {
            (true, _) => "no problem is known".to_owned(),
            (false, 1) => format!("{} problem", counts.join(", ")),
            (false, _) => format!("{} problems", counts.join(", ")),
        });
        format!("{}.", parts.join("; "))
    }

    /// Problems, delivery, policies: what stands before the evidence.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        // What is the same at several places is told once, with the places.
        let mut told: Vec<Vec<&ProblemRow>> = Vec::new();
        for row in &self.problems {
            let alike = |it: &Vec<&ProblemRow>| {
                (&it[0].severity, &it[0].code) == (&row.severity, &row.code)
            };
            match told.iter_mut().find(|it| alike(it)) {
                Some(rows) => rows.push(row),
                None => told.push(vec![row]),
            }
        }
        for rows in &told {
            told_problem(rows, &mut lines);
        }
        self.delivery(&mut lines);
        if let Some(published) = &self.published {
            lines.push(format!("  published: {}", shown(published)));
        }
        lines
    }

    /// The same as data.
    pub fn json(&self) -> Value {
        let problem = |row: &ProblemRow| {
            let code = ProblemCode::from(row.code.as_str());
            json!({
                "severity": row.severity, "code": row.code, "title": code.meaning(), "why": code.why(),
                "place": row.place, "detail": row.detail, "remedy": code.remedy(), "who": code.who().word(),
            })
        };
        let fate = |row: &FateRow| {
            let profile = PROFILES.iter().find(|it| it.id == row.profile);
            json!({
                "profile": profile.map(|it| it.word), "fate": row.fate, "authority": row.authority, "cause": row.cause,
                "strip_wins": row.strip_wins, "forge_wins": row.forge_wins, "would_lose_mail": row.would_lose_mail,
            })
        };
        let published = self.published.as_ref().map(|it| {
            json!({
                "spf": it.spf, "spf_all": it.spf_all, "dmarc": it.dmarc, "dmarc_9989": it.dmarc_9989,
                "dmarc_7489": it.dmarc_7489, "dkim": it.dkim, "mta_sts": it.mta_sts, "sts": it.sts,
                "sts_mode": it.sts_mode, "sts_error": it.sts_error, "tls_rpt": it.tls_rpt, "caa": it.caa, "bimi": it.bimi,
            })
        });
        json!({
            "problems": self.problems.iter().map(problem).collect::<Vec<_>>(),
            "delivery": self.fates.iter().map(fate).collect::<Vec<_>>(),
            "published": published,
        })
    }

    /// One line for the senders that fare alike.
    fn delivery(&self, lines: &mut Vec<String>) {
        let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
        for row in &self.fates {
            let Some(profile) = PROFILES.iter().find(|it| it.id == row.profile) else {
                continue;
            };
            let mut fate = row.fate.replace('_', " ");
            if let Some(authority) = &row.authority {
                fate += &format!(" by {authority}");
            }
            if let Some(cause) = &row.cause {
                fate += &format!(" ({cause})");
            }
            match groups.iter_mut().find(|(known, _)| *known == fate) {
                Some((_, profiles)) => profiles.push(profile.word),
                None => groups.push((fate, vec![profile.word])),
            }
        }
        let all_alike = groups.len() == 1;
        for (fate, profiles) in groups {
            let who = match all_alike {
                true => "every kind of sender".to_owned(),
                false => profiles.join(", "),
            };
            lines.push(format!("  delivery: {fate}: {who}"));
        }
    }
}

/// One thing that is wrong, at one place or at several.
fn told_problem(rows: &[&ProblemRow], lines: &mut Vec<String>) {
    let detail = |row: &ProblemRow| {
        let detail = row.detail.as_ref();
        detail.map_or(String::new(), |it| format!(" [{it}]"))
    };
    let place = |row: &ProblemRow| {
        let place = row.place.as_ref();
        place.map_or(String::new(), |it| format!(" at {it}"))
    };
    let Some(first) = rows.first() else {
        return;
    };
    let code = ProblemCode::from(first.code.as_str());
    let (severity, word, meaning) = (&first.severity, &first.code, code.meaning());
    if let [row] = rows {
        let (place, detail) = (place(row), detail(row));
        lines.push(format!("  {severity} {word}{place}: {meaning}{detail}"));
    } else {
        let times = rows.len();
        lines.push(format!("  {severity} {word}, {times} times: {meaning}"));
        let places = rows.iter();
        lines.extend(places.map(|row| format!("   {}{}", place(row), detail(row))));
    }
    lines.push(format!("    {}", code.why()));
    lines.push(format!("    to do ({}): {}", code.who(), code.remedy()));
}

/// The parts of what is published that were asked for.
fn shown(it: &PublishedPolicies) -> String {
    let part = |name: &str, state: &Option<String>, more: &Option<String>| {
        let state = state.as_ref()?;
        let more = more
            .as_ref()
            .map_or(String::new(), |more| format!(" ({more})"));
        Some(format!("{name} {state}{more}"))
    };
    let sts = it.sts_mode.clone().or_else(|| it.sts_error.clone());
    let parts = [
        part("SPF", &it.spf, &it.spf_all),
        part("DMARC", &it.dmarc, &it.dmarc_9989),
        part("DKIM", &it.dkim, &None),
        part("MTA-STS", &it.mta_sts, &sts),
        part("TLS-RPT", &it.tls_rpt, &None),
        part("CAA", &it.caa, &None),
        part("BIMI", &it.bimi, &None),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}
