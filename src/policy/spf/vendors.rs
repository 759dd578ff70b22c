//! Whom a domain lets send for it, by name: what its SPF record includes and redirects to (RFC 7208 §5.2, §6.1).

use super::grammar::{Mechanism, SpfRecord};
use super::macros::{MacroString, Part};
use super::{Selected, select};
use crate::dns::name::Name;
use crate::policy::lookup::Lookup;

/// Names that are told of one domain.
const NAME_LIMIT: usize = 64;
/// Records that are read of one domain: its own, and those at names below it, into which long records are split.
const RECORD_LIMIT: usize = 4;

/// The names that the record of `domain` includes and redirects to, in the order in which they stand, each once; behind
/// them those of included records at names below the domain. What has a macro in its name hangs on the client, and is left
/// out, as is everything of a record that cannot be had.
pub async fn included_names<L: Lookup>(lookup: &L, domain: &Name) -> Vec<Name> {
    let mut names: Vec<Name> = Vec::new();
    let mut own = vec![domain.clone()];
    let mut position = 0;
    while let Some(name) = own.get(position).cloned() {
        position += 1;
        let Selected::One(text) = select(&lookup.txt(&name).await) else {
            continue;
        };
        for target in targets(&SpfRecord::parse(&text)) {
            if names.contains(&target) || names.len() == NAME_LIMIT {
                continue;
            }
            if target.is_within(domain) && !own.contains(&target) && own.len() < RECORD_LIMIT {
                own.push(target.clone());
            }
            names.push(target);
        }
    }
    names
}

/// The names without macros that a record includes, and the one it redirects to.
fn targets(record: &SpfRecord) -> impl Iterator<Item = Name> {
    let included = (record.directives.iter()).filter_map(|directive| match &directive.mechanism {
        Mechanism::Include(target) => Some(target),
        _ => None,
    });
    let redirect = record.redirect.iter().map(|modifier| &modifier.target);
    included.chain(redirect).filter_map(plain)
}

fn plain(target: &MacroString) -> Option<Name> {
    match &target.0[..] {
        [Part::Literal(text)] => Name::from_octets(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::zone::MemoryZone;
    use futures::FutureExt as _;

    #[test]
    fn includes_redirects_and_the_parts_of_a_split_record() {
        let mut zone = MemoryZone::default();
        for (name, text) in [
            (
                "a.test",
                "v=spf1 include:_spf.a.test -include:_spf.google.com include:%{i}.b.test redirect=Vendor.test.",
            ),
            (
                "_spf.a.test",
                "v=spf1 include:sendgrid.net include:_spf.a.test -all",
            ),
            ("vendor.test", "v=spf1 include:not.read.test -all"),
            ("broken.test", "v=spf1 include:c.test foo -all"),
        ] {
            zone.add_txt(name, text.as_bytes());
        }
        let of = |domain: &[u8]| -> Vec<String> {
            let domain = Name::parse(domain).unwrap();
            let names = included_names(&zone, &domain).now_or_never().unwrap();
            names.iter().map(Name::to_string).collect()
        };
        assert_eq!(
            of(b"a.test"),
            [
                "_spf.a.test",
                "_spf.google.com",
                "vendor.test",
                "sendgrid.net"
            ]
        );
        assert_eq!(of(b"broken.test"), ["c.test"]);
        assert!(of(b"nowhere.test").is_empty());
    }
}
