//! A server's behaviour made ready to play: every step as bytes and pauses, so that a session copies nothing.

use std::net::IpAddr;
use std::time::Duration;

use super::counters::Arrival;
use super::world::{Act, ConnectionScript, EhloName, Move, Repeat, ServerEnd, Steps, WorldServer};

/// What the server does at a step.
pub type Cues = Box<[Cue]>;

/// One move, ready to play.
#[derive(Debug)]
pub struct Cue {
    /// Before it speaks.
    pub wait: Duration,
    /// What it says.
    pub say: Box<[u8]>,
    /// Between two bytes; zero says all at once.
    pub drip: Duration,
    /// How often.
    pub times: u64,
    /// How the connection ends behind it.
    pub end: Option<ServerEnd>,
}

/// All steps of a server.
#[derive(Debug)]
pub struct Script {
    usual: Played,
    when: Box<[(ConnectionScript, Played)]>,
    /// The rule for the client's name.
    pub ehlo_name: Option<EhloName>,
}

/// The moves by step; only the usual ones are complete.
#[derive(Debug, Default)]
struct Played([Option<Cues>; STEPS.len()]);

/// A step of the dialogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialogueStep {
    /// On connect.
    Banner,
    /// To EHLO.
    Ehlo,
    /// To HELO.
    Helo,
    /// To STARTTLS.
    Starttls,
    /// Instead of TLS.
    Handshake,
    /// To EHLO inside TLS.
    Inside,
    /// To QUIT.
    Quit,
    /// To NOOP and RSET.
    Noop,
    /// To anything else.
    Other,
    /// To an EHLO name that breaks the rule.
    BadName,
}

const STEPS: [DialogueStep; 10] = [
    DialogueStep::Banner,
    DialogueStep::Ehlo,
    DialogueStep::Helo,
    DialogueStep::Starttls,
    DialogueStep::Handshake,
    DialogueStep::Inside,
    DialogueStep::Quit,
    DialogueStep::Noop,
    DialogueStep::Other,
    DialogueStep::BadName,
];

impl Script {
    /// The script of a server.
    pub fn new(server: &WorldServer) -> Self {
        let frame = Frame::new(server);
        let plain = |step| Some(frame.moves(&frame.plain(step), step));
        let mut usual = frame.steps(&server.steps);
        for step in STEPS {
            let slot = &mut usual.0[step as usize];
            if slot.is_none() && step != DialogueStep::Handshake {
                *slot = plain(step);
            }
        }
        Self {
            usual,
            when: server
                .when
                .iter()
                .map(|when| (when.clone(), frame.steps(&when.steps)))
                .collect(),
            ehlo_name: server.ehlo_name,
        }
    }

    /// What to do at a step of the connection that arrived so; `None` only for [`DialogueStep::Handshake`]: then TLS.
    pub fn cues(&self, step: DialogueStep, arrival: Arrival) -> Option<&[Cue]> {
        self.when
            .iter()
            .filter(|(when, _)| arrival.meets(when))
            .find_map(|(_, played)| played.0[step as usize].as_deref())
            .or(self.usual.0[step as usize].as_deref())
    }
}

impl Arrival {
    fn meets(&self, when: &ConnectionScript) -> bool {
        when.from.is_none_or(|from| self.number >= from)
            && when.to.is_none_or(|to| self.number <= to)
            && when.at_once.is_none_or(|others| self.others >= others)
            && when.within_ms.is_none_or(|limit| {
                self.after
                    .is_some_and(|after| after < Duration::from_millis(limit))
            })
    }
}

/// What the moves of one server have in common.
struct Frame<'a> {
    name: &'a str,
    ip: IpAddr,
    keywords: Vec<&'a str>,
    keywords_inside: Vec<&'a str>,
    tls: bool,
    latency_ms: u64,
    drip_ms: u64,
}

const USUAL_CAPABILITIES: [&str; 4] = [
    "PIPELINING",
    "SIZE 52428800",
    "8BITMIME",
    "ENHANCEDSTATUSCODES",
];

impl<'a> Frame<'a> {
    fn new(server: &'a WorldServer) -> Self {
        let keywords_inside: Vec<&str> = match &server.capabilities {
            Some(own) => own.iter().map(String::as_str).collect(),
            None => USUAL_CAPABILITIES.to_vec(),
        };
        let advertise = match (&server.advertise, &server.tls) {
            (Some(word), _) => word.as_str(),
            (None, Some(_)) => "STARTTLS",
            (None, None) => "",
        };
        let mut keywords = keywords_inside.clone();
        if !advertise.is_empty() {
            keywords.push(advertise);
        }
        Self {
            name: server.name.as_deref().unwrap_or("mx.lab.test"),
            ip: server.ip.unwrap_or(IpAddr::from([127, 0, 0, 1])),
            keywords,
            keywords_inside,
            tls: server.tls.is_some(),
            latency_ms: server.latency_ms,
            drip_ms: server.drip_ms,
        }
    }

    fn steps(&self, steps: &Steps) -> Played {
        let mut played = Played::default();
        for (step, act) in [
            (DialogueStep::Banner, &steps.banner),
            (DialogueStep::Ehlo, &steps.ehlo),
            (DialogueStep::Helo, &steps.helo),
            (DialogueStep::Starttls, &steps.starttls),
            (DialogueStep::Handshake, &steps.handshake),
            (DialogueStep::Inside, &steps.inside),
            (DialogueStep::Quit, &steps.quit),
            (DialogueStep::Other, &steps.other),
        ] {
            played.0[step as usize] = act.as_ref().map(|act| self.moves(act, step));
        }
        played
    }

    /// What a plain server does.
    fn plain(&self, step: DialogueStep) -> Act {
        let name = self.name;
        Act::Say(match step {
            DialogueStep::Banner => format!("220 {name} ESMTP\r\n"),
            DialogueStep::Ehlo => multi_line(name, &self.keywords),
            DialogueStep::Inside => multi_line(name, &self.keywords_inside),
            DialogueStep::Helo => format!("250 {name}\r\n"),
            DialogueStep::Starttls if self.tls => "220 2.0.0 ready to start TLS\r\n".into(),
            DialogueStep::Noop => "250 2.0.0 ok\r\n".into(),
            DialogueStep::BadName => "550 5.7.1 your EHLO name must be a domain\r\n".into(),
            DialogueStep::Starttls | DialogueStep::Other | DialogueStep::Handshake => {
                "502 5.5.1 command not recognized\r\n".into()
            }
            DialogueStep::Quit => {
                return Act::Moves(vec![Move {
                    say: format!("221 2.0.0 {name} closing\r\n"),
                    end: Some(ServerEnd::Close),
                    ..Move::default()
                }]);
            }
        })
    }

    fn moves(&self, act: &Act, step: DialogueStep) -> Cues {
        match act {
            Act::Say(say) => Box::new([self.cue(
                &Move {
                    say: say.clone(),
                    end: (step == DialogueStep::Quit).then_some(ServerEnd::Close),
                    ..Move::default()
                },
                step,
            )]),
            Act::Moves(moves) => moves.iter().map(|one| self.cue(one, step)).collect(),
        }
    }

    fn cue(&self, one: &Move, step: DialogueStep) -> Cue {
        let drip = if one.drip_ms == 0 {
            self.drip_ms
        } else {
            one.drip_ms
        };
        Cue {
            wait: Duration::from_millis(one.wait_ms + self.latency_ms),
            say: self.bytes(&one.say, step),
            drip: Duration::from_millis(drip),
            times: match one.repeat {
                None => 1,
                Some(Repeat::Times(times)) => times,
                Some(Repeat::Word(_)) => u64::MAX,
            },
            end: one.end,
        }
    }

    /// Fills in the names and writes each character up to U+00FF as its byte.
    fn bytes(&self, say: &str, step: DialogueStep) -> Box<[u8]> {
        let mut text = say.replace("{name}", self.name);
        if text.contains("{ip}") {
            text = text.replace("{ip}", &self.ip.to_string());
        }
        if text.contains("{default}")
            && let Act::Say(plain) = self.plain(step)
        {
            text = text.replace("{default}", &plain);
        }
        let mut bytes = Vec::with_capacity(text.len());
        for character in text.chars() {
            match u8::try_from(u32::from(character)) {
                Ok(byte) => bytes.push(byte),
                Err(_) => bytes.extend(character.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        bytes.into()
    }
}

fn multi_line(name: &str, keywords: &[&str]) -> String {
    let mut reply = String::with_capacity(128);
    let mut line = name;
    for keyword in keywords {
        reply.push_str("250-");
        reply.push_str(line);
        reply.push_str("\r\n");
        line = keyword;
    }
    reply.push_str("250 ");
    reply.push_str(line);
    reply.push_str("\r\n");
    reply
}

#[cfg(test)]
mod tests {
    use super::super::world::{WorldItem, parse};
    use super::*;

    const FIRST: Arrival = Arrival {
        number: 1,
        after: None,
        others: 0,
    };

    fn script(fields: &str) -> Script {
        let line = format!(r#"{{"type":"server","ip":"127.0.0.9","name":"a.test"{fields}}}"#);
        match parse(line.as_bytes()).unwrap().unwrap() {
            WorldItem::Server(server) => Script::new(&server),
            _ => unreachable!(),
        }
    }

    fn said(script: &Script, step: DialogueStep, arrival: Arrival) -> String {
        let cues = script.cues(step, arrival).unwrap();
        cues.iter()
            .map(|cue| String::from_utf8_lossy(&cue.say))
            .collect()
    }

    #[test]
    fn a_plain_server_and_one_with_tls() {
        let plain = script("");
        assert_eq!(
            said(&plain, DialogueStep::Banner, FIRST),
            "220 a.test ESMTP\r\n"
        );
        assert!(!said(&plain, DialogueStep::Ehlo, FIRST).contains("STARTTLS"));
        assert!(said(&plain, DialogueStep::Starttls, FIRST).starts_with("502"));
        let tls = script(r#","tls":"valid","capabilities":["SIZE"]"#);
        assert_eq!(
            said(&tls, DialogueStep::Ehlo, FIRST),
            "250-a.test\r\n250-SIZE\r\n250 STARTTLS\r\n"
        );
        assert_eq!(
            said(&tls, DialogueStep::Inside, FIRST),
            "250-a.test\r\n250 SIZE\r\n"
        );
        assert!(tls.cues(DialogueStep::Handshake, FIRST).is_none());
    }

    #[test]
    fn bytes_and_fillings() {
        let odd = script(r#","steps":{"banner":[{"say":"{ip} \u00ff {default}"}]}"#);
        let cues = odd.cues(DialogueStep::Banner, FIRST).unwrap();
        assert_eq!(&*cues[0].say, b"127.0.0.9 \xff 220 a.test ESMTP\r\n");
    }

    #[test]
    fn steps_that_depend_on_the_connection() {
        let grey = script(
            r#","when":[{"to":1,"steps":{"ehlo":"451 later\r\n"}},{"within_ms":100,"steps":{"ehlo":"421 fast\r\n"}}]"#,
        );
        assert_eq!(said(&grey, DialogueStep::Ehlo, FIRST), "451 later\r\n");
        let second = |ms| Arrival {
            number: 2,
            after: Some(Duration::from_millis(ms)),
            others: 0,
        };
        assert_eq!(said(&grey, DialogueStep::Ehlo, second(50)), "421 fast\r\n");
        assert!(said(&grey, DialogueStep::Ehlo, second(150)).starts_with("250-"));
    }
}
