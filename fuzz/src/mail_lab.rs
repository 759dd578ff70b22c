//! What scanners and world files may throw at the lab: no panic, answers that are answers, a world line that is written is
//! read back as it was.

use hickory_proto::op::Message;
use mx_survey::lab::dns::{Transport, Zones, reply};
use mx_survey::lab::world::{WorldItem, WorldName, WorldServer, parse};
use mx_survey::lab::{legacy, script::Script};

/// The bytes as a DNS message, as a ClientHello, and as a line of a world.
pub fn run(data: &[u8]) {
    let mut zones = Zones::default();
    let mut name = WorldName::new("a.test");
    name.mx = vec![(10, "mx.a.test".into())];
    name.cname = Some("a.test".into());
    zones.add(&name, &|_| None).expect("a good name");
    for transport in [Transport::Udp, Transport::Tcp] {
        let reply = reply(&zones, data, transport, 0);
        for message in &reply.messages {
            assert_eq!(message[..2], data[..2]);
            if reply.asked.is_some() {
                Message::from_vec(message).expect("an answer that can be read");
            }
        }
    }
    let _ = legacy::offer(data);
    match parse(data) {
        Ok(Some(WorldItem::Name(name))) => {
            let _ = zones.add(&name, &|_| None);
        }
        Ok(Some(WorldItem::Server(server))) => {
            Script::new(&server);
            let written = serde_json::to_vec(&*server).expect("a server can be written");
            let again: WorldServer = serde_json::from_slice(&written).expect("and read");
            assert_eq!(
                (again.steps, again.when, again.tls),
                (server.steps, server.when, server.tls)
            );
        }
        _ => {}
    }
}
