//! The seed corpora of the fuzz targets, replayed: what a fuzzer found once stays found.

use std::path::Path;

#[path = "../fuzz/src/dns_list.rs"]
mod dns_list;
#[path = "../fuzz/src/dns_message.rs"]
mod dns_message;
#[path = "../fuzz/src/leak_count.rs"]
mod leak_count;
#[cfg(feature = "lab")]
#[path = "../fuzz/src/mail_lab.rs"]
mod mail_lab;
#[cfg(feature = "lab")]
#[path = "../fuzz/src/policy_dns.rs"]
mod policy_dns;
#[path = "../fuzz/src/policy_mail.rs"]
mod policy_mail;
#[path = "../fuzz/src/received.rs"]
pub mod received;
#[path = "../fuzz/src/smtp_dialogue.rs"]
mod smtp_dialogue;
#[path = "../fuzz/src/smtp_reply.rs"]
mod smtp_reply;
#[path = "../fuzz/src/store.rs"]
mod store;
#[path = "../fuzz/src/tls_flight.rs"]
mod tls_flight;
#[cfg(feature = "lab")]
#[path = "../fuzz/src/tls_modern.rs"]
mod tls_modern;
#[path = "../fuzz/src/x509_certificate.rs"]
mod x509_certificate;

/// Runs `target` over every file of its corpus.
fn replay(name: &str, target: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(name);
    let mut files: Vec<_> = std::fs::read_dir(&corpus)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", corpus.display());
    for file in files {
        let data = std::fs::read(&file).unwrap();
        let replayed = std::panic::catch_unwind(|| target(&data));
        assert!(replayed.is_ok(), "{}", file.display());
    }
}

#[test]
fn smtp_replies() {
    replay("smtp_reply", smtp_reply::run);
}

#[test]
fn smtp_dialogues() {
    replay("smtp_dialogue", smtp_dialogue::run);
}

#[test]
fn policies_of_mail() {
    replay("policy_mail", policy_mail::run);
}

#[test]
fn received_fields() {
    replay("received", received::run);
}

#[test]
fn stored_lines() {
    replay("store", store::run);
}

#[test]
fn tls_flights() {
    replay("tls_flight", tls_flight::run);
}

#[cfg(feature = "lab")]
#[test]
fn sealed_flights_of_tls_13() {
    replay("tls_modern", tls_modern::run);
}

#[test]
fn certificates() {
    replay("x509_certificate", x509_certificate::run);
}

#[test]
fn lists() {
    replay("leak_count", leak_count::run);
}

#[test]
fn dns_messages() {
    replay("dns_message", dns_message::run);
}

#[test]
fn dns_lists() {
    replay("dns_list", dns_list::run);
}

#[cfg(feature = "lab")]
#[test]
fn questions_hellos_and_worlds() {
    replay("mail_lab", mail_lab::run);
}

#[cfg(feature = "lab")]
#[test]
fn records_of_spf_and_dmarc() {
    replay("policy_dns", policy_dns::run);
}
