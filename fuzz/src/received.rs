//! Mail in any form, to hops as lines: nothing panics, every message has its hops in order, and nothing raw is written.

use mx_survey::ndjson;
use mx_survey::received::mailbox::{Mailbox, MailboxItem};
use mx_survey::received::tracer::Tracer;

pub fn run(data: &[u8]) {
    let mut tracer = Tracer::new("fuzz", vec!["example.org".into()], None);
    let mut mailbox = Mailbox::new(data);
    // Memory does not fail.
    while let Ok(Some(item)) = mailbox.read() {
        let MailboxItem::Header { bytes, .. } = item else {
            continue;
        };
        for (number, hop) in (1..).zip(tracer.message(&bytes)) {
            assert_eq!(hop.hop, number);
            assert!(hop.hop <= hop.of);
            assert!(hop.trusted.is_some());
            assert_eq!(
                hop.encrypted.is_none(),
                !matches!(
                    hop.evidence.word(),
                    "details" | "token" | "idiom" | "unregistered_token" | "writer_marks_tls"
                )
            );
            let line = ndjson::to_line(&hop);
            assert!(
                !line[..line.len() - 1]
                    .iter()
                    .any(|&byte| byte < b' ' || byte == 0x7f)
            );
        }
    }
}
