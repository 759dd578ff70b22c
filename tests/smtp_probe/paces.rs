//! One record for each behaviour, at whatever pace its words come: in one packet, 1 ms, 30 ms, 300 ms and 3 s apart.

use serde_json::Value;

use super::scripted::{Hear, Hold, Scripted, Shut, Step, Wait, say};
use super::{GO, HI, OFFER, probe};

const PACES_MS: [u64; 5] = [0, 1, 30, 300, 3000];

/// What a server says at each turn, in pieces, and what it does in the end.
struct Behaviour {
    name: &'static str,
    turns: &'static [&'static [&'static str]],
    end: Step,
    outcome: &'static str,
}

const BEHAVIOURS: &[Behaviour] = &[
    Behaviour {
        name: "lines in pieces",
        turns: &[
            &["220 ", "mx.example\r", "\n"],
            &["250-mx.example\r\n", "250 START", "TLS\r\n"],
            &[GO],
        ],
        end: Hold,
        outcome: "ok",
    },
    Behaviour {
        name: "empty lines before replies",
        turns: &[&["\r\n", HI, "\r\n"], &["\r\n", OFFER], &["\r\n", GO]],
        end: Hold,
        outcome: "ok",
    },
    Behaviour {
        name: "an empty line, then EHLO's reply",
        turns: &[&[HI, "\r\n"], &[OFFER], &[GO]],
        end: Hold,
        outcome: "ok",
    },
    Behaviour {
        name: "text before the greeting",
        turns: &[&["hello\r\n", HI], &[OFFER], &[GO]],
        end: Hold,
        outcome: "ok",
    },
    Behaviour {
        name: "a second greeting",
        turns: &[&[HI, HI], &[OFFER], &[GO]],
        end: Hold,
        outcome: "ok",
    },
    Behaviour {
        name: "a stray 250",
        turns: &[&[HI, "250 well\r\n"], &[OFFER], &[GO]],
        end: Hold,
        outcome: "ok",
    },
    Behaviour {
        name: "a 250 too many behind EHLO's",
        turns: &[&[HI], &[OFFER, "250 more\r\n"], &[GO]],
        end: Hold,
        outcome: "ok",
    },
    Behaviour {
        name: "a stray 502",
        turns: &[&[HI, "502 what\r\n"], &[OFFER], &["250 mx\r\n"], &[GO]],
        end: Hold,
        outcome: "ok",
    },
    Behaviour {
        name: "421 behind the greeting",
        turns: &[&[HI, "421 4.7.0 busy\r\n"]],
        end: Hold,
        outcome: "deferred",
    },
    Behaviour {
        name: "codes that change",
        turns: &[&["220-mx ESMTP\r\n", "521 5.7.1 blocked\r\n"]],
        end: Hold,
        outcome: "rejected",
    },
    Behaviour {
        name: "text behind the 220",
        turns: &[&[HI], &[OFFER], &[GO, "454 4.7.0 TLS not available\r\n"]],
        end: Hold,
        outcome: "ok",
    },
    Behaviour {
        name: "half-closed behind EHLO's reply",
        turns: &[&[HI], &["250-mx\r\n", "250 STARTTLS\r\n"]],
        end: Shut,
        outcome: "closed",
    },
    Behaviour {
        name: "half-closed behind the greeting",
        turns: &[&["220-mx\r\n", "220 mx\r\n"]],
        end: Shut,
        outcome: "closed",
    },
    Behaviour {
        name: "SSH",
        turns: &[&["SSH-2.0", "-OpenSSH\r\n"]],
        end: Hold,
        outcome: "not_smtp",
    },
    Behaviour {
        name: "strangers that close",
        turns: &[&["hello\r\n", "you\r\n"]],
        end: Shut,
        outcome: "not_smtp",
    },
];

impl Behaviour {
    fn script(&self, pace_ms: u64) -> Vec<Step> {
        let mut script = Vec::new();
        for (turn, pieces) in self.turns.iter().enumerate() {
            if turn > 0 {
                script.push(Hear);
            }
            if pace_ms == 0 {
                script.push(say(&pieces.concat()));
                continue;
            }
            for (position, piece) in pieces.iter().enumerate() {
                if position > 0 {
                    script.push(Wait(pace_ms));
                }
                script.push(say(piece));
            }
        }
        script.extend([self.end.clone(), Hold]);
        script
    }
}

/// A record without what differs from server to server and from moment to moment.
fn facts(record: &Value) -> Value {
    let mut facts = record.clone();
    let fields = facts.as_object_mut().unwrap();
    for field in ["ip", "port", "timings", "connected", "time", "run"] {
        fields.remove(field);
    }
    facts
}

#[test]
fn s1_every_behaviour_has_one_record_at_five_paces() {
    // An address for each: they are asked at once.
    let mut addresses = (1..).map(|last| format!("127.0.3.{last}"));
    let servers: Vec<_> = (BEHAVIOURS.iter())
        .flat_map(|behaviour| PACES_MS.map(|pace| behaviour.script(pace)))
        .zip(&mut addresses)
        .map(|(script, address)| Scripted::new(&address, vec![script]))
        .collect();
    let input: String = servers
        .iter()
        .map(|server| format!("{}\n", server.to))
        .collect();
    let options = [
        "--banner-timeout",
        "9s",
        "--reply-timeout",
        "9s",
        "--retries",
        "0",
        "--quiet",
    ];
    let ran = probe(&options, &input).expect(0);
    let records = ran.of_type("smtp");
    for (number, behaviour) in BEHAVIOURS.iter().enumerate() {
        let at_paces = &servers[number * PACES_MS.len()..][..PACES_MS.len()];
        let found: Vec<_> = (at_paces.iter())
            .map(|server| {
                // Two addresses may have a port in common.
                let (ip, port) = (server.to.ip().to_string(), server.to.port());
                let mut its =
                    (records.iter()).filter(|record| record["ip"] == ip && record["port"] == port);
                facts(its.next().unwrap())
            })
            .collect();
        let name = behaviour.name;
        assert_eq!(
            found[0]["outcome"]["reason"], behaviour.outcome,
            "{name}: {:#}",
            found[0]
        );
        for (pace, record) in PACES_MS.iter().zip(&found) {
            assert_eq!(record, &found[0], "{name} at {pace} ms");
        }
    }
}
