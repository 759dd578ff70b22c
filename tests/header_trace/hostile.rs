//! Fields that were made to hurt: long, nested, combined at random.

use super::trace;
use crate::fuzz::received;

#[test]
fn hostile_fields_take_no_time() {
    let began = std::time::Instant::now();
    let ten = 10 << 20;
    let header = format!(
        "Received: {}\nReceived: {}\nReceived: from a {} by b.test with SMTP; x\nReceived: {}\nReceived: {}\nReceived: {}\n",
        "(".repeat(100_000),
        "a(".repeat(100_000),
        "(".repeat(50_000) + &")".repeat(50_000),
        "\"<".repeat(100_000),
        "from by with id for ; ".repeat(10_000),
        "x".repeat(ten),
    );
    let ran = trace(&[], &header).expect(0);
    assert_eq!(ran.of_type("hop").len(), 6);
    assert_eq!(ran.of_type("hop")[0]["reason"], "too_long");
    assert_eq!(ran.of_type("hop")[3]["by"]["host"], "b.test");
    assert!(ran.stdout.len() < 64 << 10);
    let cut = trace(&[], &format!("Subject: {}\n", "x".repeat(17 << 20))).expect(1);
    assert!(cut.stderr.contains("over 16 MiB"), "{}", cut.stderr);
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

/// Pieces of fields, mailboxes and objects, for combinations that nobody thought of.
const PIECES: &[&str] = &[
    "Received: ",
    "received:",
    "X: ",
    "from ",
    "by ",
    "via ",
    "with ",
    "id ",
    "for ",
    "tls ",
    "over TLS ",
    "; ",
    "(",
    ")",
    "(using TLSv1.2 with cipher ",
    "(version=",
    "cipher=",
    "bits=",
    "128/128",
    "(TLS: TLSv1,",
    "(TLS1.2:",
    ":256)",
    "ESMTPS",
    "SMTPs",
    "Microsoft SMTPSVC(",
    "Microsoft SMTP Server ",
    "AES128-SHA encrypted SMTP",
    "ESMTP/TLS/",
    "local ",
    "TLS_AES_128_GCM_SHA256",
    "DHE-RSA-AES128-SHA",
    "ECDHE_X25519__RSA__AES_128_GCM",
    "__",
    "_P256",
    "TLSv1/SSLv3",
    "mx.example.org",
    "a.b.test.",
    "localhost",
    "unknown",
    "[192.0.2.1]",
    "[IPv6:2001:db8::1]",
    "[::1",
    "]:25",
    "127.0.0.1",
    "(helo=",
    "(HELO ",
    "(EHLO x) ",
    "u@v@192.0.2.1",
    "<a@b>",
    "<",
    "\"",
    "\\",
    "Tue, 18 Mar 2014 20:58:36 -0400",
    "99:99:99",
    "-9999",
    "+",
    "2014-03-18T",
    "Z",
    "1",
    " ",
    "\r\n\t",
    "\n ",
    "\n",
    "\r\n\r\n",
    "\n\nFrom a 10:00\n",
    "From ",
    "\u{feff}",
    "Content-Length: 5\n",
    "{\"headers\":\"",
    "\"}\n",
    "{\"type\":\"hop\"}\n",
    "\0",
    "\u{202e}",
    "é",
    "(qmail 1 invoked",
];

proptest::proptest! {
    #[test]
    fn any_combination_of_pieces_is_taken(
        picks in proptest::collection::vec((0..PIECES.len(), proptest::option::weighted(0.1, proptest::prelude::any::<u8>())), 0..60)
    ) {
        let mut bytes = Vec::new();
        for (piece, byte) in picks {
            bytes.extend_from_slice(PIECES[piece].as_bytes());
            bytes.extend(byte);
        }
        received::run(&bytes);
    }
}
