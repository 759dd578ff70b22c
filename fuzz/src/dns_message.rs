//! Any bytes as the answer of a name server: no panic, and every rule over what was read holds its bounds.

use futures::future::{BoxFuture, FutureExt as _};
use mx_survey::dns::chain::AliasChain;
use mx_survey::dns::message::{Question, read};
use mx_survey::dns::mx::{EXCHANGE_LIMIT, MxSet};
use mx_survey::dns::name::Name;
use mx_survey::dns::resolve::{Answer, DnsReply, Failure, Resolve, Servers};
use mx_survey::record::Reason;
use std::time::Duration;

/// The first byte chooses the type that is asked for at `a.test`; the rest is the packet.
pub fn run(data: &[u8]) {
    let Some((&kind, packet)) = data.split_first() else {
        return;
    };
    let kinds = [15u16, 1, 28, 52];
    let kind = kinds[usize::from(kind) % kinds.len()].into();
    let Ok(name) = Name::parse(b"a.test") else {
        return;
    };
    // The same packet answers every question of the chain: loops must end.
    let server = OneAnswer(packet.to_vec());
    let chain = AliasChain::follow(&server, &name, kind, Duration::from_secs(1), true);
    let Some(chain) = chain.now_or_never() else {
        unreachable!("nothing here waits");
    };
    assert!(chain.cname.len() <= 16 && chain.sent <= 17);
    let _ = chain.outcome();
    let Ok(end) = &chain.end else {
        return;
    };
    if let Some(set) = MxSet::read(&end.data) {
        assert_eq!(
            set.exchanges.len() > EXCHANGE_LIMIT,
            set.faults
                .contains(&mx_survey::record::MxFault::TooManyExchanges)
        );
        assert_eq!(set.repeats.len(), set.exchanges.len());
        assert!(set.exchanges.is_sorted());
        assert_eq!(set.is_null, set.exchanges.is_empty());
        for (_, exchange) in &set.exchanges {
            assert!(exchange.wire().len() <= 255 && exchange.to_string().is_ascii());
            let _ = mx_survey::dns::mx::name_faults(exchange);
        }
    }
}

struct OneAnswer(Vec<u8>);

impl Resolve for OneAnswer {
    fn ask(&self, question: Question, _allowance: Duration) -> BoxFuture<'_, DnsReply> {
        let mut packet = self.0.clone();
        // A packet that holds the question of the day, as if the server had looked.
        let asked = question.packet(0, false);
        if packet.len() >= 12 {
            let rest = packet.split_off(12);
            packet.extend_from_slice(&asked[12..]);
            packet.extend(rest);
        }
        let result = match read(&packet, &question) {
            Ok(response) => Ok(Answer {
                nxdomain: u16::from(response.code) == 3,
                negative: response.negative,
                records: response.records,
                denial: response.denial,
                dnssec: None,
                extended_errors: response.extended_errors,
            }),
            Err(_) => Err(Failure::new(Reason::Malformed)),
        };
        let reply = DnsReply {
            result,
            sent: 1,
            spent: Duration::ZERO,
        };
        futures::future::ready(reply).boxed()
    }

    fn servers(&self) -> Servers {
        Servers { all: 1, healthy: 1 }
    }
}
