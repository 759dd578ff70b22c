//! Records and policies of MTA-STS, TLS-RPT, DKIM, BIMI and CAA: no octets panic, what is read by the letter is read by the lax, and
//! nothing that is kept grows beyond its bounds.

use mx_survey::dns::name::Name;
use mx_survey::policy::lookup::CaaProperty;
use mx_survey::policy::{bimi, caa, denial, dkim_key, mta_sts, mta_sts_policy, selectors, tls_rpt};
use mx_survey::record::{CaaRole, CaaSet, PolicyState};

pub fn run(data: &[u8]) {
    records(&[data]);
    let two: Vec<&[u8]> = data.splitn(2, |&octet| octet == 0).collect();
    records(&two);
    policy(data);
    denied(data);
    granted(data);
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = selectors::parse(text);
        let _ = selectors::of_operators(text.lines());
    }
}

fn records(records: &[&[u8]]) {
    let sts = mta_sts::read(records);
    assert_eq!(sts.state == PolicyState::Ok, sts.id.is_some());
    assert!(sts.faults.len() <= 32);
    let rpt = tls_rpt::read(records);
    assert_eq!(rpt.state == PolicyState::Ok, !rpt.rua.is_empty());
    let key = dkim_key::read("s", records);
    assert!(key.bits.is_none() || key.key_sha256.is_some());
    assert!(key.text.is_none_or(|text| text.0.len() <= 4096));
    let _ = bimi::read(records);
}

fn policy(data: &[u8]) {
    let strict = mta_sts_policy::read_strictly(data);
    let lenient = mta_sts_policy::read_leniently(data);
    assert!(strict.state == PolicyState::Ok || !strict.faults.is_empty());
    assert!(strict.faults.len() <= 32);
    // What holds by the letter and says nothing twice holds for everybody, and says the same.
    if strict.state == PolicyState::Ok && strict.faults.is_empty() {
        assert_eq!(lenient.state, PolicyState::Ok);
        assert_eq!(
            (strict.mode, strict.max_age, &strict.mx),
            (lenient.mode, lenient.max_age, &lenient.mx)
        );
    }
    for pattern in strict.mx.iter().take(8) {
        for name in ["mx.example.org", "example.org", "a.b.example.org", "", "."] {
            let covers = mta_sts::covers_strictly(&pattern.0, name);
            assert!(!covers || mta_sts::covers_leniently(&pattern.0, name));
        }
    }
}

fn denied(data: &[u8]) {
    let name = Name::root();
    for kind in [denial::NSEC, denial::NSEC3] {
        if let Some(read) = denial::read(&name, kind, data, &name) {
            assert!(read.types.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}

fn granted(data: &[u8]) {
    let properties: Vec<_> = (data.split(|&octet| octet == b'\n'))
        .filter_map(|line| {
            let (&flags, rest) = line.split_first()?;
            let split = rest.iter().position(|&octet| octet == b' ')?;
            let (tag, value) = (rest[..split].into(), rest[split + 1..].into());
            Some(CaaProperty { flags, tag, value })
        })
        .collect();
    let mut set = CaaSet {
        name: String::new(),
        role: CaaRole::Domain,
        state: PolicyState::Absent,
        outcome: None,
        found_at: None,
        issue: None,
        issuers: Vec::new(),
        issue_wild: None,
        wild_issuers: Vec::new(),
        issue_mail: None,
        mail_issuers: Vec::new(),
        report_to: Vec::new(),
        faults: Vec::new(),
    };
    caa::judge(&properties, &mut set);
    assert!(set.issue.is_some() && set.issuers.len() <= 32);
}
