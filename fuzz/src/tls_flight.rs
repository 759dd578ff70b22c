//! Any bytes in any pieces: no panic, bounds kept, the same facts and the same end as in one piece; and the answer to a
//! hello of SSLv2.

use mx_survey::tls::flight::{Flight, FlightEnd, FlightReader, MOST_BYTES, MOST_CERTIFICATES};
use mx_survey::tls::sslv2;

/// The first byte is the size of the pieces, the rest is what the server says.
pub fn run(data: &[u8]) {
    let Some((&size, bytes)) = data.split_first() else {
        return;
    };
    let _ = sslv2::answer(bytes);
    let whole = read(bytes, bytes.len().max(1));
    let pieces = read(bytes, usize::from(size).max(1));
    assert_eq!(whole, pieces);
    let chain = whole.0.chain.unwrap_or_default();
    assert!(chain.len() <= MOST_CERTIFICATES);
    assert!(chain.iter().map(Vec::len).sum::<usize>() <= MOST_BYTES);
}

fn read(bytes: &[u8], size: usize) -> (Flight, Option<FlightEnd>) {
    let mut reader = FlightReader::default();
    let mut end = None;
    for piece in bytes.chunks(size) {
        end = reader.feed(piece).cloned();
    }
    (reader.flight, end)
}
