//! A world with one domain for every problem that can be found, and the same world mended.
//!
//! Each domain is a good one (`good` below) with as little changed as makes its problem. Where one cause truthfully
//! implies another problem, the table says which, and why. All of it is made up.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::net::IpAddr;
use std::path::Path;

use anyhow::Context;
use serde_json::{Map, Value, json};

use super::addresses::Addresses;

mod case;
mod published;
mod servers;

pub use case::Case;
use case::{good, lay_over};

/// Every code of the table, in its order.
pub fn cases() -> Vec<Case> {
    let parts = [
        servers::dns_cases(),
        servers::server_cases(),
        servers::tls_cases(),
        servers::certificate_cases(),
        servers::dane_cases(),
        published::spf_cases(),
        published::dmarc_cases(),
        published::policy_cases(),
    ];
    parts.into_iter().flatten().collect()
}

/// Puts names and addresses where `{d}`, `{b}` and `{HOST}` stand.
fn fill_in(value: &mut Value, words: &BTreeMap<String, String>) {
    match value {
        Value::String(text) => {
            for (word, meant) in words {
                if text.contains(word.as_str()) {
                    *text = text.replace(word.as_str(), meant);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill_in(item, words)),
        Value::Object(fields) => fields.values_mut().for_each(|item| fill_in(item, words)),
        _ => {}
    }
}

/// A world as it is made.
struct Making<'w> {
    addresses: Addresses,
    policy_host: Option<IpAddr>,
    world: &'w mut dyn Write,
}

impl Making<'_> {
    fn line(&mut self, kind: &str, mut fields: Map<String, Value>) -> io::Result<()> {
        fields.retain(|_, value| !value.is_null());
        fields.insert("type".into(), kind.into());
        writeln!(self.world, "{}", Value::Object(fields))
    }

    fn server(&mut self, ip: IpAddr, fields: &Value) -> io::Result<()> {
        let mut fields = fields.as_object().cloned().unwrap_or_default();
        fields.insert("ip".into(), ip.to_string().into());
        self.line("server", fields)
    }

    /// A domain with its names and servers.
    fn domain(&mut self, domain: &str, base: &str, change: Value) -> io::Result<()> {
        let mut made = good();
        lay_over(&mut made, change);
        let mut words = BTreeMap::from([
            ("{d}".to_owned(), domain.to_owned()),
            ("{b}".to_owned(), base.to_owned()),
        ]);
        let mut hosts: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let servers = made["servers"].as_object().cloned().unwrap_or_default();
        for (key, mut fields) in servers.into_iter().filter(|(_, fields)| !fields.is_null()) {
            let ip = self.addresses.next();
            let host = key.split('#').next().unwrap_or_default().to_owned();
            fill_in(&mut fields, &words);
            if fields["name"].is_null() {
                fields["name"] = format!("{host}.{domain}").into();
            }
            self.server(ip, &fields)?;
            words.entry(format!("{{{host}}}")).or_insert(ip.to_string());
            hosts.entry(host).or_default().push(ip.to_string());
        }
        if made["names"].is_null() {
            return Ok(());
        }
        for host in hosts
            .keys()
            .filter(|host| made["names"].get(*host).is_none())
            .cloned()
            .collect::<Vec<_>>()
        {
            made["names"][&host] = json!({"like": host});
        }
        if let Some(ip) = self.policy_host_of(&made["policy"])? {
            made["names"]["mta-sts"] = json!({"a": [ip.to_string()]});
        }
        let is_secure = made["secure"] == true;
        let names = made["names"].as_object().cloned().unwrap_or_default();
        for (key, mut fields) in names.into_iter().filter(|(_, fields)| !fields.is_null()) {
            fill_in(&mut fields, &words);
            let mut name = Value::String(key);
            fill_in(&mut name, &words);
            let name = absolute(name.as_str().unwrap_or_default(), domain);
            if let Some(host) = fields["like"].as_str()
                && fields["a"].is_null()
                && fields["cname"].is_null()
            {
                fields["a"] = json!(hosts.get(host));
            }
            let Value::Object(mut fields) = fields else {
                continue;
            };
            fields.remove("like");
            if is_secure && !fields.contains_key("ad") {
                fields.insert("ad".into(), true.into());
            }
            fields.insert("name".into(), name.into());
            self.line("name", fields)?;
        }
        Ok(())
    }

    /// The address of the domain's policy host; good ones share one.
    fn policy_host_of(&mut self, policy: &Value) -> io::Result<Option<IpAddr>> {
        if policy.is_null() {
            return Ok(None);
        }
        let is_good = *policy == good()["policy"];
        if let (true, Some(ip)) = (is_good, self.policy_host) {
            return Ok(Some(ip));
        }
        let ip = self.addresses.next();
        if is_good {
            self.policy_host = Some(ip);
        }
        let mut fields = policy.clone();
        // What a domain of its own says stands in place of the common behaviour.
        if !fields["https"].is_null() {
            fields["as"] = Value::Null;
        }
        self.server(ip, &fields)?;
        Ok(Some(ip))
    }
}

/// Writes a world of all cases, with their problems or mended.
///
/// # Errors
/// It cannot be written.
pub fn world(out: &mut dyn Write, is_mended: bool) -> io::Result<()> {
    let mut making = Making {
        addresses: Addresses::default(),
        policy_host: None,
        world: out,
    };
    let about = "one domain for every problem, all made up";
    making.line(
        "world",
        Map::from_iter([("about".to_owned(), about.into())]),
    )?;
    // A resolver that validates says so of the root.
    let root = json!({"name": ".", "ad": true});
    making.line("name", root.as_object().cloned().unwrap_or_default())?;
    for case in cases() {
        let change = match is_mended {
            true => json!({}),
            false => case.change.clone(),
        };
        making.domain(&case.domain(), &case.base(), change)?;
    }
    Ok(())
}

/// Writes `world.ndjson`, `mended.ndjson`, `domains.csv` and `truth.ndjson` into a directory.
pub(super) fn make(directory: &Path) -> anyhow::Result<()> {
    let create = |name: &str| {
        let path = directory.join(name);
        File::create(&path)
            .map(BufWriter::new)
            .with_context(|| path.display().to_string())
    };
    for (name, is_mended) in [("world.ndjson", false), ("mended.ndjson", true)] {
        let mut file = create(name)?;
        world(&mut file, is_mended)
            .and_then(|()| file.flush())
            .context(name)?;
    }
    let (mut domains, mut truth) = (create("domains.csv")?, create("truth.ndjson")?);
    for (rank, case) in (1..).zip(cases()) {
        writeln!(domains, "{rank},{}", case.domain())?;
        let implied: Vec<Value> = (case.implied.iter())
            .map(|(code, why)| json!({"code": code.word(), "why": why}))
            .collect();
        let line = json!({"type": "truth", "domain": case.domain(), "code": case.code.word(), "implied": implied});
        writeln!(truth, "{line}")?;
    }
    domains.flush()?;
    truth.flush()?;
    Ok(())
}

/// A name below a domain; one with a last dot stands by itself.
fn absolute(name: &str, domain: &str) -> String {
    match name {
        "" => domain.to_owned(),
        absolute if absolute.ends_with('.') => absolute.trim_end_matches('.').to_owned(),
        relative => format!("{relative}.{domain}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::problem::ProblemCode as Code;

    #[test]
    fn every_code_has_a_domain() {
        let mut made: Vec<Code> = cases().iter().map(|case| case.code).collect();
        made.sort_unstable();
        let mut all = Code::ALL.to_vec();
        all.sort_unstable();
        assert_eq!(made, all);
    }
}
