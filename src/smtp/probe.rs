//! Asks one server: from the connection to the goodbye, and on to a `smtp` record.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use tokio::net::TcpStream;

use crate::net::connect::{self, Connector};
use crate::record::{
    NamedCounts, Outcome, Phase, Reason, Samples, Smtp, Starttls, Text, Timings, now, timestamp,
};

use super::dialogue::{Dialogue, Transcript};
use super::helo::HeloName;
use super::session::{Connected, Patience, Session, Upgrade};
use super::software;
use super::targets::SmtpTarget;

/// Distinct host names kept of the samples of one address.
const HOSTS_LIMIT: usize = 16;

/// When to send STARTTLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Always: advertisement is a poor indicator of what a server does.
    Always,
    /// Where the reply to EHLO offers it, as RFC 3207 §4 has it.
    Advertised,
}

/// How to ask servers.
#[derive(Debug)]
pub struct Prober {
    /// Connects.
    pub connector: Connector,
    /// Our name.
    pub helo: HeloName,
    /// How long to wait for each reply.
    pub patience: Patience,
    /// How long one connection may take in all.
    pub session: Duration,
    /// When to send STARTTLS.
    pub ask: Ask,
    /// Whether to keep all that is said.
    pub keeps_transcript: bool,
}

impl Prober {
    /// One connection, from the SYN to the goodbye.
    pub async fn converse(&self, to: SocketAddr) -> Conversation {
        let mut conversation = Conversation::begin(self.keeps_transcript);
        let result = self.dialogue(to, &mut conversation).await;
        conversation.outcome = result.err().unwrap_or_else(Outcome::ok);
        conversation.dialogue.timings.total_ms = Some(milliseconds(conversation.began));
        conversation
    }

    async fn dialogue(
        &self,
        to: SocketAddr,
        conversation: &mut Conversation,
    ) -> Result<(), Outcome> {
        let Conversation {
            began, dialogue, ..
        } = conversation;
        let mut stream = self.connector.connect(to).await?;
        let round_trip = began.elapsed();
        dialogue.timings.connect_ms = Some(milliseconds(*began));
        let until = (*began + self.session).into();
        let session = Session::new(&mut stream, self.patience, until, dialogue);
        match self.ask_for_tls(session).await {
            Err(outcome) => Err(connect::with_ending(outcome, &stream, round_trip).await),
            Ok(()) => Ok(()),
        }
    }

    async fn ask_for_tls(
        &self,
        session: Session<'_, &mut TcpStream, Connected>,
    ) -> Result<(), Outcome> {
        let session = session.greet().await?.introduce(self.helo.as_str()).await?;
        if self.ask == Ask::Advertised && session.dialogue().starttls.advertised != Some(true) {
            session.quit().await;
            return Err(Outcome::new(Phase::Starttls, Reason::NotAdvertised));
        }
        match session.starttls().await? {
            // A QUIT in clear would be a TLS error in the server's log; closing says the same.
            Upgrade::Ready { .. } => {}
            Upgrade::Refused(session) => drop(session.quit().await),
        }
        Ok(())
    }
}

/// One connection and what it showed.
#[derive(Clone, Debug)]
pub struct Conversation {
    /// How it ended.
    pub outcome: Outcome,
    /// What was learned.
    pub dialogue: Dialogue,
    /// When it began, for pacing.
    pub began: Instant,
    /// The same as time of day.
    pub connected: OffsetDateTime,
}

impl Conversation {
    /// A connection that begins now; `keeps_transcript`: all that is said is kept.
    pub fn begin(keeps_transcript: bool) -> Self {
        Self {
            outcome: Outcome::new(Phase::Connect, Reason::Interrupted),
            dialogue: if keeps_transcript {
                Dialogue::with_transcript()
            } else {
                Dialogue::default()
            },
            began: Instant::now(),
            connected: OffsetDateTime::now_utc(),
        }
    }
}

impl Conversation {
    /// How much it showed.
    fn reach(&self) -> impl Ord + use<> {
        let Dialogue {
            esmtp, starttls, ..
        } = &self.dialogue;
        let facts = [*esmtp, starttls.advertised, starttls.accepted];
        (self.outcome.is_ok(), facts.iter().flatten().count())
    }
}

/// A server that is asked, over all its tries.
#[derive(Debug)]
pub struct SmtpJob {
    /// The server.
    pub target: SmtpTarget,
    /// How the tries before ended.
    pub earlier: Vec<Outcome>,
    /// Connections that they took.
    pub connections: u32,
    /// How the handshakes of those tries ended that got so far (`--tls`), and the connections that they took.
    pub handshakes: (Vec<Outcome>, u32),
    /// The one of them that showed most.
    furthest: Option<Conversation>,
}

impl SmtpJob {
    /// A server that was not asked yet.
    pub fn new(target: SmtpTarget) -> Self {
        Self {
            target,
            earlier: Vec::new(),
            connections: 0,
            handshakes: (Vec::new(), 0),
            furthest: None,
        }
    }

    /// The same after one more try.
    pub fn again(mut self, tried: &ProbedConnections) -> Self {
        let shown = tried.shown();
        self.connections += tried.count();
        self.earlier.push(shown.outcome.clone());
        if !self.shows_more_than(shown) {
            self.furthest = Some(shown.clone());
        }
        self
    }

    fn shows_more_than(&self, conversation: &Conversation) -> bool {
        let furthest = self.furthest.as_ref();
        furthest.is_some_and(|furthest| furthest.reach() > conversation.reach())
    }

    /// The record of the server: what the last try found, or an earlier one that showed more.
    pub fn record(&self, asked: &ProbedConnections, attempt: u32, run: &str) -> Smtp {
        let connections = self.connections + asked.count();
        let connected = Some(timestamp(asked.last().connected));
        let samples = asked.samples();
        let mut earlier = self.earlier.clone();
        let shown = match &self.furthest {
            Some(furthest) if self.shows_more_than(asked.shown()) => {
                if let Some(at) = earlier.iter().position(|it| *it == furthest.outcome) {
                    earlier.remove(at);
                }
                earlier.push(asked.shown().outcome.clone());
                furthest
            }
            _ => asked.shown(),
        };
        let Conversation {
            outcome, dialogue, ..
        } = shown.clone();
        Smtp {
            outcome,
            esmtp: dialogue.esmtp,
            flags: dialogue.flags(),
            software: software::named(dialogue.banner.as_ref(), dialogue.capabilities.as_ref())
                .map(str::to_owned),
            starttls: dialogue.starttls,
            banner: dialogue.banner,
            ehlo: dialogue.ehlo,
            helo: dialogue.helo,
            capabilities: dialogue.capabilities,
            connections,
            attempts: attempt,
            earlier,
            samples,
            timings: dialogue.timings,
            transcript: dialogue
                .transcript
                .map_or_else(Vec::new, Transcript::into_lines),
            connected,
            ..unasked(&self.target, Reason::Interrupted, run)
        }
    }
}

/// The record of a server that is not connected to, and why.
pub fn unasked(target: &SmtpTarget, reason: Reason, run: &str) -> Smtp {
    Smtp {
        ip: target.ip,
        port: target.port,
        cause: target.cause.clone(),
        outcome: Outcome::new(Phase::Input, reason),
        esmtp: None,
        starttls: Starttls::default(),
        banner: None,
        ehlo: None,
        helo: None,
        capabilities: None,
        software: None,
        flags: Vec::new(),
        connections: 0,
        attempts: 0,
        earlier: Vec::new(),
        samples: None,
        timings: Timings::default(),
        transcript: Vec::new(),
        tls: None,
        connected: None,
        time: now(),
        run: run.to_owned(),
    }
}

/// The connections of one try: one, or several where an address is sampled (`--samples`).
#[derive(Debug)]
pub struct ProbedConnections {
    first: Conversation,
    others: Vec<Conversation>,
}

impl ProbedConnections {
    /// The first connection.
    pub fn first(first: Conversation) -> Self {
        Self {
            first,
            others: Vec::new(),
        }
    }

    /// One more.
    pub fn and(&mut self, conversation: Conversation) {
        self.others.push(conversation);
    }

    /// Connections so far.
    pub fn count(&self) -> u32 {
        1 + self.others.len() as u32
    }

    /// The last one.
    pub fn last(&self) -> &Conversation {
        self.others.last().unwrap_or(&self.first)
    }

    /// The one that the record shows: the first that came to an end, else the last.
    pub fn shown(&self) -> &Conversation {
        self.all()
            .find(|conversation| conversation.outcome.is_ok())
            .unwrap_or_else(|| self.last())
    }

    fn all(&self) -> impl Iterator<Item = &Conversation> + Clone {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The samples, where there are several.
    fn samples(&self) -> Option<Samples> {
        if self.others.is_empty() {
            return None;
        }
        let count = |fact: fn(&Dialogue) -> Option<bool>, value: bool| {
            self.all()
                .filter(|conversation| fact(&conversation.dialogue) == Some(value))
                .count() as u32
        };
        let facts: [fn(&Dialogue) -> Option<bool>; 3] = [
            |dialogue| dialogue.esmtp,
            |dialogue| dialogue.starttls.advertised,
            |dialogue| dialogue.starttls.accepted,
        ];
        let [esmtp, advertised, accepted] = facts.map(|fact| count(fact, true));
        let mut outcomes = NamedCounts::default();
        let mut hosts: Vec<Text> = Vec::new();
        for Conversation {
            outcome, dialogue, ..
        } in self.all()
        {
            outcomes.count(format!("{}/{}", outcome.phase, outcome.reason));
            let offered = dialogue.capabilities.as_ref();
            if let Some(host) = offered.and_then(|offered| offered.host.as_ref())
                && !hosts.contains(host)
                && hosts.len() < HOSTS_LIMIT
            {
                hosts.push(host.clone());
            }
        }
        Some(Samples {
            asked: self.count(),
            esmtp,
            advertised,
            accepted,
            // Not known is no answer: only a yes beside a no is a contradiction.
            inconsistent: facts
                .iter()
                .any(|&fact| count(fact, true) > 0 && count(fact, false) > 0),
            outcomes,
            hosts,
        })
    }
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversation(reason: Reason, accepted: Option<bool>) -> Conversation {
        let mut conversation = Conversation::begin(false);
        conversation.outcome = Outcome::new(Phase::Starttls, reason);
        conversation.dialogue.starttls.accepted = accepted;
        conversation
    }

    fn asked(conversations: &[(Reason, Option<bool>)]) -> ProbedConnections {
        let mut all = conversations
            .iter()
            .map(|&(reason, accepted)| conversation(reason, accepted));
        let mut asked = ProbedConnections::first(all.next().unwrap());
        all.for_each(|conversation| asked.and(conversation));
        asked
    }

    #[test]
    fn the_first_that_came_to_an_end_is_shown() {
        use Reason::{Closed, Deferred, Ok, Timeout};
        for (reasons, shown) in [
            (&[Ok, Timeout][..], Ok),
            (&[Timeout, Ok, Deferred], Ok),
            (&[Timeout, Closed], Closed),
            (&[Deferred], Deferred),
        ] {
            let pairs: Vec<_> = reasons.iter().map(|&reason| (reason, None)).collect();
            assert_eq!(asked(&pairs).shown().outcome.reason, shown);
            assert_eq!(asked(&pairs).shown().outcome.reason, shown);
        }
    }

    #[test]
    fn only_a_yes_beside_a_no_is_inconsistent() {
        let yes = (Reason::Ok, Some(true));
        let no = (Reason::Ok, Some(false));
        let unknown = (Reason::Timeout, None);
        let samples = |all: &[_]| asked(all).samples();
        assert_eq!(samples(&[yes]), None);
        assert!(!samples(&[yes, unknown, yes]).unwrap().inconsistent);
        let both = samples(&[no, unknown, yes]).unwrap();
        assert!(both.inconsistent);
        assert_eq!((both.asked, both.accepted), (3, 1));
        assert_eq!(both.outcomes.get("starttls/ok"), Some(2));
    }
}
