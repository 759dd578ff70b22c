//! Any messages that a server of TLS 1.3 seals, in records of any size: no panic, bounds kept, the same facts and the same
//! end as in one piece; and a handshake is finished only by a Finished that is right.

use mx_survey::tls::flight::{FlightEnd, MOST_BYTES, MOST_CERTIFICATES};
use mx_survey::tls::names::Group;
use mx_survey::tls::rehearsal::rehearse;
use mx_survey::tls::suite::SuiteNumber;

/// The first octet says the suite, the group and whether the server finishes, the second the size of the records; the rest is
/// sealed.
pub fn run(data: &[u8]) {
    let [how, size, messages @ ..] = data else {
        return;
    };
    let suite = SuiteNumber(
        [
            0x1301, 0x1302, 0x1303, 0x1304, 0x1305, 0x1306, 0x00c6, 0x0035,
        ][usize::from(how & 7)],
    );
    let group = Group([29, 23, 24, 25][usize::from(how >> 3 & 3)]);
    let finishes = how & 0x20 != 0;
    let size = usize::from(*size).max(1);
    let (Some(pieces), Some(whole)) = (
        rehearse(suite, group, messages, size, finishes),
        rehearse(suite, group, messages, usize::MAX, finishes),
    ) else {
        panic!("a group that cannot be computed with");
    };
    let is_finished = whole.end == Some(FlightEnd::Finished);
    assert_eq!(is_finished, whole.flight.finished);
    assert_eq!(is_finished, whole.answer.is_some());
    assert!(!is_finished || finishes);
    assert_eq!((&whole.flight, &whole.end), (&pieces.flight, &pieces.end));
    let chain = whole.flight.chain.unwrap_or_default();
    assert!(chain.len() <= MOST_CERTIFICATES);
    assert!(chain.iter().map(Vec::len).sum::<usize>() <= MOST_BYTES);
}
