//! Any bytes in any pieces: no panic, bounds kept, and the same reply as in one piece.

use mx_survey::record::Reply;
use mx_survey::smtp::reply::{LINES_LIMIT, MalformedReply, REPLY_LIMIT, ReplyParser};
use mx_survey::smtp::{capabilities, software};

/// The first byte is the size of the pieces, the rest is what the server says.
pub fn run(data: &[u8]) {
    let Some((&size, mut bytes)) = data.split_first() else {
        return;
    };
    let pieces = in_pieces(bytes, usize::from(size).max(1));
    let whole = ReplyParser::default().feed(&mut bytes);
    assert_eq!(pieces, whole);
    if let Ok(Some(reply)) = whole {
        assert!((200..=599).contains(&reply.code));
        assert!(reply.lines.len() <= LINES_LIMIT);
        let octets: usize = reply.lines.iter().map(|line| line.0.len()).sum();
        assert!(octets <= REPLY_LIMIT);
        let capabilities = mx_survey::record::Capabilities::from_reply(&reply);
        let _ = capabilities.masked_starttls();
        let _ = capabilities::host(&reply);
        let _ = software::named(Some(&reply), Some(&capabilities));
    }
}

fn in_pieces(bytes: &[u8], size: usize) -> Result<Option<Reply>, MalformedReply> {
    let mut parser = ReplyParser::default();
    for mut piece in bytes.chunks(size) {
        match parser.feed(&mut piece) {
            Ok(None) => assert!(piece.is_empty()),
            done => return done,
        }
        let _ = (parser.is_hopeless(), parser.evidence());
    }
    Ok(None)
}
