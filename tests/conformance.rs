//! The published cases of data/conformance, as anybody else would run them (docs/conformance.md): every case of every file, and no
//! file without a runner.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use mx_survey::dns::name::Name;
use mx_survey::policy::lookup::{
    CaaProperty, Denial, FoundRecords, Lookup, LookupAnswer, NXNAME, Txt,
};
use mx_survey::policy::{caa, dkim, dmarc, mta_sts, mta_sts_policy, tls_rpt};
use mx_survey::record::{CaaEffect, CaaRole, PolicyState, Reason, Text};
use serde::Deserialize;
use serde_yaml_ng::Value;

/// A document of a file: one zone and the tests over it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "description")]
    _description: String,
    kind: String,
    #[serde(default)]
    zone: Option<String>,
    tests: BTreeMap<String, Value>,
    #[serde(default)]
    zonedata: BTreeMap<String, Vec<BTreeMap<String, Value>>>,
}

/// Every document of a kind, with the name of its file.
fn documents(kind: &str) -> Vec<Document> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/conformance");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for document in serde_yaml_ng::Deserializer::from_str(&text) {
            let document = Document::deserialize(document)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            if document.kind == kind {
                found.push(document);
            }
        }
    }
    assert!(!found.is_empty(), "no file of the kind {kind}");
    found
}

/// Runs every test of a kind; says which failed, all of them.
fn check<T: serde::de::DeserializeOwned>(
    kind: &str,
    least: usize,
    mut run: impl FnMut(&Document, &T) -> Result<(), String>,
) {
    let (mut count, mut failures) = (0, Vec::new());
    for document in documents(kind) {
        for (name, test) in &document.tests {
            count += 1;
            let read: T = serde_yaml_ng::from_value(test.clone())
                .unwrap_or_else(|error| panic!("{kind}/{name}: {error}"));
            if let Err(why) = run(&document, &read) {
                failures.push(format!("{name}: {why}"));
            }
        }
    }
    assert!(failures.is_empty(), "{kind}: {failures:#?}");
    assert!(
        count >= least,
        "{kind}: {count} tests, at least {least} are published"
    );
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, is: T, should: T) -> Result<(), String> {
    match is == should {
        true => Ok(()),
        false => Err(format!("{what} is {is:?}, should be {should:?}")),
    }
}

#[derive(Deserialize)]
struct RecordCase {
    txt: Vec<String>,
    strict: String,
    lenient: String,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    addresses: Option<usize>,
}

#[test]
fn records_of_mta_sts() {
    check("mta-sts-record", 30, |_, case: &RecordCase| {
        let part = mta_sts::read(&case.txt);
        let lenient = part
            .lenient
            .as_ref()
            .map_or(part.state, |lenient| lenient.state);
        same("strict", part.state.word(), &*case.strict)?;
        same("lenient", lenient.word(), &*case.lenient)?;
        same("id", &part.id, &case.id)
    });
}

#[test]
fn records_of_tls_rpt() {
    check("tls-rpt-record", 20, |_, case: &RecordCase| {
        let part = tls_rpt::read(&case.txt);
        let lenient = part
            .lenient
            .as_ref()
            .map_or(part.state, |lenient| lenient.state);
        same("strict", part.state.word(), &*case.strict)?;
        same("lenient", lenient.word(), &*case.lenient)?;
        same("addresses", Some(part.rua.len()), case.addresses)
    });
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PolicyCase {
    text: String,
    strict: String,
    lenient: String,
    #[serde(default)]
    strict_mode: Option<String>,
    #[serde(default)]
    lenient_mode: Option<String>,
}

#[test]
fn policies_of_mta_sts() {
    check("mta-sts-policy", 50, |_, case: &PolicyCase| {
        let strict = mta_sts_policy::read_strictly(case.text.as_bytes());
        let lenient = mta_sts_policy::read_leniently(case.text.as_bytes());
        same("strict", strict.state.word(), &*case.strict)?;
        same("lenient", lenient.state.word(), &*case.lenient)?;
        for (reading, mode) in [(&strict, &case.strict_mode), (&lenient, &case.lenient_mode)] {
            if let Some(mode) = mode {
                same("mode", reading.mode.map(|mode| mode.word()), Some(&**mode))?;
            }
        }
        Ok(())
    });
}

#[derive(Deserialize)]
struct CoverCase {
    pattern: String,
    exchange: String,
    strict: bool,
    lenient: bool,
}

#[test]
fn whom_a_pattern_covers() {
    check("mta-sts-cover", 10, |_, case: &CoverCase| {
        let pattern = case.pattern.as_bytes();
        let strict = mta_sts::covers_strictly(pattern, &case.exchange);
        same("strict", strict, case.strict)?;
        let lenient = mta_sts::covers_leniently(pattern, &case.exchange);
        same("lenient", lenient, case.lenient)
    });
}

#[derive(Deserialize)]
struct DkimCase {
    domain: String,
    #[serde(default)]
    selectors: Vec<String>,
    result: String,
    #[serde(default)]
    evidence: Option<String>,
}

#[test]
fn discovery_of_dkim_keys() {
    check("dkim-discovery", 18, |document, case: &DkimCase| {
        let zone = Zone::read(document);
        let domain = name(&case.domain);
        let part = now(dkim::part(&zone, &domain, &[], &case.selectors));
        let result = match part.state {
            PolicyState::Ok => "yes",
            PolicyState::Absent => "none",
            _ => "unknown",
        };
        same("result", result, &*case.result)?;
        let evidence = part.evidence.map(|evidence| evidence.word());
        same("evidence", evidence, case.evidence.as_deref())
    });
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct CaaCase {
    name: String,
    #[serde(default)]
    found_at: Option<String>,
    issue: Value,
    #[serde(default)]
    issuewild: Option<Value>,
    #[serde(default)]
    issuemail: Option<Value>,
}

fn granted(effect: Option<CaaEffect>, names: &[Text]) -> Value {
    match effect {
        None => "unknown".into(),
        Some(CaaEffect::Named) => Value::Sequence(
            names
                .iter()
                .map(|name| Value::from(&*name.lossy()))
                .collect(),
        ),
        Some(effect) => effect.word().into(),
    }
}

#[test]
fn who_may_issue() {
    check("caa", 18, |document, case: &CaaCase| {
        let zone = Zone::read(document);
        let set = now(caa::set(&zone, &name(&case.name), CaaRole::Domain));
        same("found-at", &set.found_at, &case.found_at)?;
        same("issue", &granted(set.issue, &set.issuers), &case.issue)?;
        if let Some(wild) = &case.issuewild {
            same(
                "issuewild",
                &granted(set.issue_wild, &set.wild_issuers),
                wild,
            )?;
        }
        if let Some(mail) = &case.issuemail {
            same(
                "issuemail",
                &granted(set.issue_mail, &set.mail_issuers),
                mail,
            )?;
        }
        Ok(())
    });
}

#[derive(Deserialize)]
struct DmarcCase {
    zone: BTreeMap<String, Value>,
    author: String,
    #[serde(default)]
    exists: Option<bool>,
    policy: String,
    #[serde(default)]
    organization: Option<String>,
}

#[test]
fn the_walk_of_dmarc() {
    check("dmarc-walk", 39, |_, case: &DmarcCase| {
        let mut nodes = BTreeMap::new();
        for (name, texts) in &case.zone {
            let texts = match texts {
                Value::Sequence(texts) => texts.clone(),
                one => vec![one.clone()],
            };
            let items = texts.into_iter().map(|text| ("TXT".to_owned(), text));
            nodes.insert(format!("_dmarc.{name}"), items.collect());
        }
        if case.exists != Some(false) {
            nodes.insert(case.author.clone(), vec![("A".into(), "192.0.2.1".into())]);
        }
        let zone = Zone {
            manner: "plain".into(),
            nodes,
        };
        let part = now(dmarc::part(&zone, &name(&case.author)));
        let policy = part.effective_9989.map(|policy| policy.word());
        same("policy", policy, Some(&*case.policy))?;
        match &case.organization {
            Some(organization) => {
                let found = part.organizational_domain.as_ref();
                same("organization", found, Some(organization))
            }
            None => Ok(()),
        }
    });
}

#[test]
fn every_file_has_a_runner() {
    const KINDS: &[&str] = &[
        "mta-sts-record",
        "mta-sts-policy",
        "mta-sts-cover",
        "tls-rpt-record",
        "dkim-discovery",
        "caa",
        "dmarc-walk",
    ];
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/conformance");
    let page = std::fs::read_to_string(directory.join("../../docs/conformance.md")).unwrap();
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let text = std::fs::read_to_string(entry.path()).unwrap();
        for document in serde_yaml_ng::Deserializer::from_str(&text) {
            let document = Document::deserialize(document).unwrap();
            assert!(KINDS.contains(&&*document.kind), "{}", document.kind);
            assert!(
                page.contains(&format!("`{}`", document.kind)),
                "{}",
                document.kind
            );
        }
        let file = entry.file_name().into_string().unwrap();
        assert!(
            page.contains(&file),
            "docs/conformance.md does not name {file}"
        );
    }
}

/// A zone in memory answers at once.
fn now<T>(answered: impl Future<Output = T>) -> T {
    use futures::FutureExt as _;
    answered.now_or_never().expect("no question waits")
}

fn name(text: &str) -> Name {
    Name::parse(text.as_bytes()).unwrap()
}

/// A zone as the files describe it.
struct Zone {
    manner: String,
    nodes: BTreeMap<String, Vec<(String, Value)>>,
}

impl Zone {
    fn read(document: &Document) -> Self {
        let nodes = (document.zonedata.iter()).map(|(name, items)| {
            let items = items.iter().flat_map(|item| item.clone());
            (name.trim_end_matches('.').to_lowercase(), items.collect())
        });
        Self {
            manner: document.zone.clone().unwrap_or_else(|| "plain".into()),
            nodes: nodes.collect(),
        }
    }

    /// The items of a name: its own, or those of the wildcard that makes it (RFC 4592 §2.2.2).
    fn items(&self, name: &str) -> Option<&[(String, Value)]> {
        if let Some(items) = self.nodes.get(name) {
            return Some(items);
        }
        if self.is_between(name) {
            return None;
        }
        let mut above = name;
        while let Some((_, parent)) = above.split_once('.') {
            if let Some(items) = self.nodes.get(&format!("*.{parent}")) {
                return Some(items);
            }
            if self.nodes.contains_key(parent) || self.is_between(parent) {
                return None;
            }
            above = parent;
        }
        None
    }

    /// An empty non-terminal.
    fn is_between(&self, name: &str) -> bool {
        let suffix = format!(".{name}");
        self.nodes.keys().any(|other| other.ends_with(&suffix))
    }

    fn ask<T: Clone>(
        &self,
        name: &Name,
        kind: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> LookupAnswer<T> {
        let mut owner = name.to_string();
        let mut cname = Vec::new();
        loop {
            let Some(items) = self.items(&owner) else {
                let mut answer = self.without(&owner, &[]);
                answer.cname = cname;
                return answer;
            };
            let own: Vec<_> = items.iter().filter(|(own, _)| own == kind).collect();
            for (word, reason) in [("SERVFAIL", Reason::Servfail), ("TIMEOUT", Reason::Timeout)] {
                if own.iter().any(|(_, value)| value.as_str() == Some(word)) {
                    return LookupAnswer::failed(reason);
                }
            }
            let records: Vec<T> = own.iter().filter_map(|(_, value)| read(value)).collect();
            let alias = items.iter().find(|(own, _)| own == "CNAME");
            if let (true, Some((_, target))) = (records.is_empty(), alias) {
                owner = target.as_str().unwrap().to_lowercase();
                cname.push(super::conformance::name(&owner));
                continue;
            }
            let mut answer = match records.is_empty() {
                true => self.without(&owner, items),
                false => LookupAnswer::new(records.into()),
            };
            answer.cname = cname;
            return answer;
        }
    }

    /// The answer without records, as this zone denies.
    fn without<T>(&self, owner: &str, items: &[(String, Value)]) -> LookupAnswer<T> {
        const RRSIG: u16 = 46;
        const NSEC: u16 = 47;
        let exists = !items.is_empty() || self.is_between(owner);
        let bitmap = |more: &[u16]| {
            let mut types = vec![RRSIG, NSEC];
            types.extend(more);
            types.sort_unstable();
            Denial {
                owner: name(owner),
                types,
                is_hashed: false,
                is_of_name: true,
                next: None,
            }
        };
        let mut answer = LookupAnswer::new(FoundRecords::NoData);
        match (&*self.manner, exists) {
            ("plain", false) => answer.found = FoundRecords::Nxdomain,
            ("compact", false) => answer.denial.push(bitmap(&[NXNAME])),
            ("compact", true) | ("compact-old", false) => answer.denial.push(bitmap(&[])),
            // Route 53 names every type but the one that was asked for.
            ("compact-old", true) => answer.denial.push(bitmap(&[1, 2, 15, 28, 33, 257])),
            ("plain" | "bare", _) => {}
            (other, _) => panic!("no such manner of a zone: {other}"),
        }
        answer
    }
}

impl Lookup for Zone {
    async fn txt(&self, name: &Name) -> LookupAnswer<Txt> {
        self.ask(name, "TXT", |value| {
            value.as_str().map(|text| text.as_bytes().into())
        })
    }

    async fn txt_with_denial(&self, name: &Name) -> LookupAnswer<Txt> {
        self.txt(name).await
    }

    async fn ipv4(&self, _: &Name) -> LookupAnswer<Ipv4Addr> {
        LookupAnswer::new(FoundRecords::NoData)
    }

    async fn ipv6(&self, _: &Name) -> LookupAnswer<Ipv6Addr> {
        LookupAnswer::new(FoundRecords::NoData)
    }

    async fn mx(&self, _: &Name) -> LookupAnswer<(u16, Name)> {
        LookupAnswer::new(FoundRecords::NoData)
    }

    async fn ptr(&self, _: IpAddr) -> LookupAnswer<Name> {
        LookupAnswer::new(FoundRecords::NoData)
    }

    async fn caa(&self, name: &Name) -> LookupAnswer<CaaProperty> {
        self.ask(name, "CAA", |value| {
            let fields = value.as_sequence()?;
            Some(CaaProperty {
                flags: u8::try_from(fields.first()?.as_u64()?).ok()?,
                tag: fields.get(1)?.as_str()?.as_bytes().into(),
                value: fields.get(2)?.as_str()?.as_bytes().into(),
            })
        })
    }
}
