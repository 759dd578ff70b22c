//! What the domains of a made world publish about their mail: in the proportions of surveys of the 2020s, by rank alone, nothing random.
//! All of it is invented, and marked so.

use super::super::world::WorldName;

/// A key of 2,048 bits and one of 1,024, with which nobody signs: all domains share them.
const KEYS: [&str; 2] = [
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAxxzjNX07tO3e6NtGUyu9A628a9XP8+W2EZ5N1bry6xRAyHUuUWAdHPEH1ts/Vmw/ey\
     5RloC5FOKwerHwFphyyXiOie5PmvxDTB72SxxflNUgCnImbc4X1l2nD3Iy0CsLEgvck17+L4x4MGHAI2HxNZd6GL+2vtk8lMKivb87Rf7B/paB\
     jpMK4EOiH2DPkBiPXYZWC1e+Goc0TYgM5F45j1hXQKFcjeUCWWbONZV42W3DQlxis3vLpRfrW7yiC8246vhx4JEinvZ2j+jDX+yB4aQP5DWnrc\
     mHnJckwrzQ+n3I8/H82K5uH+4czvaarh6Hem04QvjOiWCnmsksE1q5ewIDAQAB",
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC5RiVEGhzS/OxIRjl4CsC9RSgdyg61Mjn969aBdN/X2ZD+1vpeLgk9vZMUBFaTL38x3cUHrj\
     7W97hWziaQXtsXA9UB+KU6wdamuEl0MCdoGPAkdd9sSHqNRhqAloXXDzkLq8fGF3UKax9gWJTmQULWpsazZDv0mdUwLNRR+OE1NwIDAQAB",
];

/// Names that the policies of all domains point to.
pub fn shared() -> Vec<WorldName> {
    let text = |name: &str, text: &str| WorldName {
        txt: vec![text.to_owned()],
        ..WorldName::new(name)
    };
    vec![
        text("*._report._dmarc.reports.example", "v=DMARC1"),
        text("_spf.sender.example", "v=spf1 ip4:203.0.113.0/24 -all"),
        text(
            "_spf.everybody.example",
            "v=spf1 ip4:0.0.0.0/1 ip4:128.0.0.0/1 -all",
        ),
    ]
}

/// The include that an operator tells its customers of, under the domain of its first exchange.
pub fn of_operator(exchange: &str) -> WorldName {
    WorldName {
        txt: vec!["v=spf1 ip4:198.51.100.0/24 ip4:192.0.2.0/25 ~all".to_owned()],
        ..WorldName::new(include(exchange))
    }
}

fn include(exchange: &str) -> String {
    let labels: Vec<&str> = exchange.rsplit('.').take(2).collect();
    match labels[..] {
        [top, second] => format!("_spf.{second}.{top}"),
        _ => format!("_spf.{exchange}"),
    }
}

/// The policies of the domain of `name`: its SPF record goes into `name`, what stands below it is given. `exchange`: of its operator, if it has one.
pub fn of_domain(rank: u64, name: &mut WorldName, exchange: Option<&str>) -> Vec<WorldName> {
    let domain = name.name.clone();
    name.txt.extend(spf(rank, exchange));
    let mut below = Vec::new();
    let mut add = |prefix: &str, texts: Vec<String>| {
        if !texts.is_empty() {
            below.push(WorldName {
                txt: texts,
                ..WorldName::new(format!("{prefix}.{domain}"))
            });
        }
    };
    add("_dmarc", dmarc(rank, &domain));
    if share(rank, 3) < 400 {
        let key = usize::from(share(rank, 4) < 300);
        let selector = match exchange {
            Some(exchange) if exchange.ends_with("google.com") => "google",
            Some(_) => "selector1",
            None => "default",
        };
        let text = match share(rank, 5) {
            0..20 => "v=DKIM1; k=rsa; p=".to_owned(),
            20..60 => format!("v=DKIM1; k=rsa; t=y; p={}", KEYS[key]),
            _ => format!("v=DKIM1; k=rsa; p={}", KEYS[key]),
        };
        add(&format!("{selector}._domainkey"), vec![text]);
    }
    match share(rank, 6) {
        0..8 => add("_mta-sts", vec![format!("v=STSv1; id=2026{rank};")]),
        8..10 => add("_mta-sts", vec!["v=STSv1; id=2026-01-01".to_owned()]),
        _ => {}
    }
    match share(rank, 6) {
        0..12 => add(
            "_smtp._tls",
            vec!["v=TLSRPTv1; rua=mailto:tls@reports.example".to_owned()],
        ),
        12..13 => add(
            "_smtp._tls",
            vec!["v=TLSRPTv1; rua=http://reports.example/".to_owned()],
        ),
        _ => {}
    }
    below
}

/// A number from 0 to 999 that hangs on the rank, another one for each question.
fn share(rank: u64, question: u64) -> u64 {
    let mixed = (rank + 1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ question.wrapping_mul(0xbf58_476d_1ce4_e5b9));
    (mixed >> 33) % 1000
}

/// Three domains of four have a record, and one of forty of these is wrong.
fn spf(rank: u64, exchange: Option<&str>) -> Vec<String> {
    let all = match share(rank, 1) {
        0..550 => "~all",
        550..950 => "-all",
        950..990 => "?all",
        _ => "+all",
    };
    let own = match exchange {
        Some(exchange) => format!("include:{}", include(exchange)),
        None => "mx".to_owned(),
    };
    let record = |terms: &str| vec![format!("v=spf1 {terms}{all}")];
    match share(rank, 0) {
        0..560 => record(&format!("{own} ")),
        560..680 => record(&format!("{own} include:_spf.sender.example ")),
        680..730 => record(""),
        730..733 => [record(&format!("{own} ")), record("")].concat(),
        733..737 => record(&format!("{own} ipv4:192.0.2.1 ")),
        737..741 => record(&format!("{own} include:_spf.gone.example ")),
        741..743 => record(&"include:_spf.sender.example ".repeat(11)),
        743..745 => record("include:_spf.everybody.example "),
        745..750 => vec![format!("v=spf1 {own} redirect=_spf.sender.example")],
        _ => Vec::new(),
    }
}

/// A third have a record, most of which ask for nothing.
fn dmarc(rank: u64, domain: &str) -> Vec<String> {
    let rua = match share(rank, 7) {
        0..300 => "; rua=mailto:dmarc@reports.example".to_owned(),
        300..420 => format!("; rua=mailto:dmarc@{domain}"),
        420..440 => "; rua=mailto:dmarc@unasked.example".to_owned(),
        _ => String::new(),
    };
    let text = match share(rank, 2) {
        0..130 => format!("v=DMARC1; p=none{rua}"),
        130..220 => format!("v=DMARC1; p=quarantine{rua}"),
        220..320 => format!("v=DMARC1; p=reject{rua}"),
        320..326 => format!("v=DMARC1; p=reject; sp=none; pct=50{rua}"),
        326..330 => format!("v=DMARC1; p=quarantine; t=y{rua}"),
        330..334 => format!("v=DMARC1{rua}"),
        334..336 => "v=DMARC1; p=rejct".to_owned(),
        336..338 => "v=dmarc1; p=none".to_owned(),
        338..340 => {
            return vec![
                "v=DMARC1; p=none".to_owned(),
                format!("v=DMARC1; p=reject{rua}"),
            ];
        }
        _ => return Vec::new(),
    };
    vec![text]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::name::Name as DnsName;
    use crate::policy::zone::MemoryZone;
    use crate::policy::{dkim, dmarc, spf};
    use crate::record::{DmarcPolicy, PolicyState};
    use futures::FutureExt as _;

    #[test]
    fn the_proportions_are_those_that_are_said() {
        const DOMAINS: u64 = 2000;
        let (mut spf_ok, mut enforced, mut keys, mut wrong) = (0, 0, 0, 0);
        let mut zone = MemoryZone::default();
        let add = |zone: &mut MemoryZone, name: &WorldName| {
            for text in &name.txt {
                zone.add_txt(&name.name, text.as_bytes());
            }
        };
        for name in shared() {
            add(&mut zone, &name);
        }
        add(&mut zone, &of_operator("mx1.operator.example"));
        for rank in 1..=DOMAINS {
            let mut name = WorldName::new(format!("d{rank}.example"));
            let operator = rank.is_multiple_of(2).then_some("mx1.operator.example");
            let below = of_domain(rank, &mut name, operator);
            zone.add_address(&name.name, "192.0.2.1".parse().unwrap());
            zone.add_mx(&name.name, 10, &name.name);
            for name in below.iter().chain([&name]) {
                add(&mut zone, name);
            }
        }
        for rank in 1..=DOMAINS {
            let name = DnsName::parse(format!("d{rank}.example").as_bytes()).unwrap();
            let part = spf::survey(&zone, &name).now_or_never().unwrap();
            spf_ok += u64::from(part.state == PolicyState::Ok);
            wrong += u64::from(matches!(
                part.state,
                PolicyState::Invalid | PolicyState::Multiple
            ));
            let part = dmarc::part(&zone, &name).now_or_never().unwrap();
            let policy = part.effective_9989.unwrap();
            enforced += u64::from(matches!(
                policy,
                DmarcPolicy::Quarantine | DmarcPolicy::Reject
            ));
            let selectors = ["google", "selector1", "default"];
            let part = dkim::part(&zone, &name, &selectors, &[])
                .now_or_never()
                .unwrap();
            keys += u64::from(part.keys.iter().any(|key| key.state == PolicyState::Ok));
        }
        let percent = |count: u64| 100 * count / DOMAINS;
        assert!((68..80).contains(&percent(spf_ok)), "{spf_ok}");
        assert!((14..26).contains(&percent(enforced)), "{enforced}");
        assert!((34..46).contains(&percent(keys)), "{keys}");
        assert!((5..60).contains(&wrong), "{wrong}");
    }
}
