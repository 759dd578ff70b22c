//! Any bytes as a certificate: no panic, bounds kept, and a record with either facts or a fault.

use std::sync::LazyLock;

use mx_survey::judge::weakness;
use mx_survey::x509::store::Store;
use mx_survey::x509::{dane, facts, names, verdict};

static STORE: LazyLock<Store> = LazyLock::new(Store::mozilla);

/// The bytes are the leaf of a chain, and its issuer too.
pub fn run(data: &[u8]) {
    let record = facts::record(data, String::new(), String::new());
    assert_ne!(record.facts.is_some(), record.fault.is_some());
    assert_eq!(facts::leaf(data).is_ok(), record.facts.is_some());
    if let Some(facts) = &record.facts {
        let _ = weakness::of_certificate(facts);
        let _ = names::matches(&facts.names, &facts.common_names, "mx.example.org");
    }
    let now = time::OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000);
    let verdict = verdict::verdict(&[data, data], now, &STORE);
    assert!(verdict.valid.is_none() || verdict.valid == Some(verdict.reason.word() == "valid"));
    for usage in [2, 3] {
        if let Some(record) = dane::data_for(usage, 1, 1, data) {
            let _ = dane::check(&[record], &[data, data], &["mx.example.org"], now);
        }
    }
}
