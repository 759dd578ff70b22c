//! The name servers that questions go to: round robin by measured health, a token bucket for each, back-off and
//! return. Pure: the time is an argument.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Questions a second to a server that is not our own. The large public resolvers allow some 1500 to an address.
const PUBLIC_RATE: f64 = 1000.0;
/// So many tries in a row without an answer make a server rest.
const PATIENCE: u32 = 10;
/// The first rest; each further one is twice as long, to [`LONGEST_REST`].
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(60);
/// A server back from its rest has so long to answer one question before it gets a second.
const TRIAL: Duration = Duration::from_secs(10);
/// One in so many questions goes to the server in turn, however it does.
const FORGIVEN: usize = 50;
/// What a bucket may give at once: timers are not finer than a millisecond.
const BURST: Duration = Duration::from_millis(50);
/// Weight of the newest observation in the moving averages.
const NEW: f64 = 0.05;

/// Every name server, with its health.
pub struct Pool {
    servers: Vec<Server>,
    cursor: AtomicUsize,
    start: Instant,
}

struct Server {
    address: SocketAddr,
    /// Between two questions; `None`: as fast as it goes.
    interval: Option<Duration>,
    state: Mutex<State>,
}

#[derive(Clone)]
struct State {
    in_flight: u32,
    /// `None`: never heard from.
    latency_ms: Option<f64>,
    lost: f64,
    servfail: f64,
    failures_in_a_row: u32,
    duty: Duty,
    /// When the bucket would have been empty: the next question may not go before this, less the burst.
    paced_to: Option<Instant>,
}

#[derive(Clone, Copy, PartialEq)]
enum Duty {
    Working,
    /// Silent for too long: left alone for `length`.
    Resting {
        until: Instant,
        length: Duration,
    },
    /// Asked one question after its rest.
    OnTrial {
        until: Instant,
        length: Duration,
    },
}

/// How a try ended, as far as the server's health goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// An answer, after this long.
    Answered(Duration),
    /// SERVFAIL: it lives, but could not find out.
    Servfail(Duration),
    /// Nothing, rubbish, or REFUSED.
    Failed,
}

/// A server chosen for one try. What is not [told](Self::tell) counts as no observation.
pub struct Ticket<'a> {
    server: &'a Server,
    /// Its position in the pool.
    pub index: usize,
    /// Its address.
    pub address: SocketAddr,
    /// Its bucket is empty for so long: wait before sending.
    pub wait: Duration,
}

impl Pool {
    /// A pool of `servers`, each asked at most `rate` times a second. Without a rate, one that suits public resolvers;
    /// loopback then has none.
    pub fn new(servers: &[SocketAddr], rate: Option<f64>) -> Self {
        let interval = |address: &SocketAddr| {
            let is_own = address.ip().to_canonical().is_loopback();
            let rate = rate.unwrap_or(if is_own { 0.0 } else { PUBLIC_RATE });
            (rate > 0.0).then(|| Duration::from_secs_f64(1.0 / rate.max(0.001)))
        };
        let state = State {
            in_flight: 0,
            latency_ms: None,
            lost: 0.0,
            servfail: 0.0,
            failures_in_a_row: 0,
            duty: Duty::Working,
            paced_to: None,
        };
        let servers = servers.iter().map(|&address| Server {
            address,
            interval: interval(&address),
            state: Mutex::new(state.clone()),
        });
        Self {
            servers: servers.collect(),
            cursor: AtomicUsize::new(0),
            start: Instant::now(),
        }
    }

    /// How many servers there are.
    pub fn len(&self) -> usize {
        self.servers.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.servers.is_empty()
    }

    /// How many are not resting.
    pub fn healthy(&self) -> usize {
        let works = |server: &&Server| server.lock().duty == Duty::Working;
        self.servers.iter().filter(works).count()
    }

    /// The address of a server.
    pub fn address(&self, index: usize) -> SocketAddr {
        self.servers[index].address
    }

    /// What became of a try.
    pub fn tell(&self, index: usize, sign: Sign, now: Instant) {
        self.servers[index].lock().learn(sign, now);
    }

    /// The next server in turn that is neither resting nor in `asked`, or the one behind it if that does much better;
    /// failing that, one that was asked already; failing that, the one whose rest ends first. Waiting is the caller's.
    pub fn pick(&self, asked: &[usize], now: Instant) -> Ticket<'_> {
        let turn = self.cursor.fetch_add(1, Ordering::Relaxed);
        let count = self.servers.len();
        let first = turn % count;
        // Now and then a slow server is heard again: it may have recovered.
        let is_forgiving = turn.is_multiple_of(FORGIVEN);
        let mut best: Option<(Grade, usize)> = None;
        for index in (first..count).chain(0..first) {
            let server = self.servers[index].lock();
            let grade = server.grade(asked.contains(&index), now, self.start);
            match (best, grade) {
                (Some((Grade::Fit(in_turn), _)), Grade::Fit(next)) => {
                    if next < in_turn / 2.0 && !is_forgiving {
                        best = Some((grade, index));
                    }
                    break;
                }
                (Some((other, _)), _) if other <= grade => {}
                _ => best = Some((grade, index)),
            }
        }
        // `best` is set: a pool has servers, or there is no client.
        let index = best.map_or(first, |(_, index)| index);
        let server = &self.servers[index];
        let wait = server.lock().take(server.interval, now);
        Ticket {
            server,
            index,
            address: server.address,
            wait,
        }
    }
}

/// How good a choice a server is; less is better.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum Grade {
    Fit(f64),
    AskedAlready(f64),
    Away(f64),
}

impl Server {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // The state is plain numbers, whole at every step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn grade(&self, asked: bool, now: Instant, start: Instant) -> Grade {
        match self.duty {
            Duty::Resting { until, .. } | Duty::OnTrial { until, .. } if until > now => {
                return Grade::Away((until - start).as_secs_f64());
            }
            // Its turn to show whether it lives.
            Duty::Resting { .. } | Duty::OnTrial { .. } => return Grade::Fit(0.0),
            Duty::Working => {}
        }
        let cost = self.latency_ms.unwrap_or(0.1)
            * f64::from(1 + self.in_flight)
            * (1.0 + 4.0 * self.servfail)
            / (1.0 - self.lost).max(0.05);
        if asked {
            Grade::AskedAlready(cost)
        } else {
            Grade::Fit(cost)
        }
    }

    fn take(&mut self, interval: Option<Duration>, now: Instant) -> Duration {
        self.in_flight += 1;
        match self.duty {
            Duty::Resting { until, length } | Duty::OnTrial { until, length } if until <= now => {
                self.duty = Duty::OnTrial {
                    until: now + TRIAL,
                    length,
                };
            }
            _ => {}
        }
        let Some(interval) = interval else {
            return Duration::ZERO;
        };
        let at = self.paced_to.map_or(now, |paced_to| paced_to.max(now));
        self.paced_to = Some(at + interval);
        (at - now).saturating_sub(BURST)
    }

    fn learn(&mut self, sign: Sign, now: Instant) {
        let (latency, servfail) = match sign {
            Sign::Answered(latency) => (latency, 0.0),
            Sign::Servfail(latency) => (latency, 1.0),
            Sign::Failed => return self.fail(now),
        };
        let latency_ms = latency.as_secs_f64() * 1e3;
        let before = self.latency_ms.unwrap_or(latency_ms);
        self.latency_ms = Some(before + NEW * (latency_ms - before));
        self.lost -= NEW * self.lost;
        self.servfail += NEW * (servfail - self.servfail);
        self.failures_in_a_row = 0;
        self.duty = Duty::Working;
    }

    fn fail(&mut self, now: Instant) {
        self.lost += NEW * (1.0 - self.lost);
        self.failures_in_a_row += 1;
        let length = match self.duty {
            Duty::Working if self.failures_in_a_row < PATIENCE => return,
            Duty::Working => FIRST_REST,
            // The tries that were in flight when it fell silent: no news.
            Duty::Resting { .. } => return,
            Duty::OnTrial { length, .. } => (length * 2).min(LONGEST_REST),
        };
        self.duty = Duty::Resting {
            until: now + length,
            length,
        };
    }
}

impl Ticket<'_> {
    /// What became of the try.
    pub fn tell(&self, sign: Sign, now: Instant) {
        self.server.lock().learn(sign, now);
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.server.lock().in_flight -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(count: u8, rate: Option<f64>) -> Pool {
        let servers: Vec<_> = (1..=count)
            .map(|last| SocketAddr::from(([127, 0, 0, last], 53)))
            .collect();
        Pool::new(&servers, rate)
    }

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn servers_take_turns() {
        let (pool, now) = (pool(4, None), Instant::now());
        let mut asked = [0; 4];
        for _ in 0..400 {
            let ticket = pool.pick(&[], now);
            ticket.tell(Sign::Answered(MS), now);
            asked[ticket.index] += 1;
        }
        assert!(
            asked.iter().all(|count| (50..=150).contains(count)),
            "{asked:?}"
        );
    }

    #[test]
    fn another_server_is_taken_for_the_next_try_while_there_is_one() {
        let (pool, now) = (pool(3, None), Instant::now());
        let mut asked = Vec::new();
        for _ in 0..3 {
            let index = pool.pick(&asked, now).index;
            assert!(!asked.contains(&index));
            asked.push(index);
        }
        assert!(pool.pick(&asked, now).index < 3);
    }

    #[test]
    fn a_silent_server_rests_and_returns_on_trial() {
        let (pool, now) = (pool(2, None), Instant::now());
        let fail = |now| {
            for _ in 0..PATIENCE {
                let ticket = pool.pick(&[1], now);
                assert_eq!(ticket.index, 0);
                ticket.tell(Sign::Failed, now);
            }
        };
        fail(now);
        assert_eq!(pool.healthy(), 1);
        assert!((0..10).all(|_| pool.pick(&[], now).index == 1));
        let later = now + FIRST_REST;
        let trial = (0..2)
            .map(|_| pool.pick(&[], later))
            .find(|ticket| ticket.index == 0);
        let trial = trial.expect("it is asked again");
        assert!(
            (0..10).all(|_| pool.pick(&[], later).index == 1),
            "one question only"
        );
        trial.tell(Sign::Failed, later);
        assert!(
            (0..10).all(|_| pool.pick(&[], later + FIRST_REST).index == 1),
            "a longer rest"
        );
        let much_later = later + 2 * FIRST_REST;
        let trial = (0..2)
            .map(|_| pool.pick(&[], much_later))
            .find(|ticket| ticket.index == 0);
        trial
            .expect("and again")
            .tell(Sign::Answered(MS), much_later);
        assert_eq!(pool.healthy(), 2);
    }

    #[test]
    fn the_last_server_is_asked_even_at_rest() {
        let (pool, now) = (pool(1, None), Instant::now());
        for _ in 0..3 * PATIENCE {
            pool.pick(&[], now).tell(Sign::Failed, now);
        }
        assert_eq!((pool.healthy(), pool.pick(&[], now).index), (0, 0));
    }

    #[test]
    fn slow_and_failing_servers_get_less() {
        let (pool, now) = (pool(2, None), Instant::now());
        let mut asked = [0; 2];
        for _ in 0..1000 {
            let ticket = pool.pick(&[], now);
            asked[ticket.index] += 1;
            ticket.tell(
                if ticket.index == 0 {
                    Sign::Answered(50 * MS)
                } else {
                    Sign::Answered(MS)
                },
                now,
            );
        }
        assert!(asked[0] < asked[1] / 4, "{asked:?}");
    }

    #[test]
    fn a_bucket_makes_questions_wait_and_never_refuses_one() {
        let (pool, now) = (pool(1, Some(100.0)), Instant::now());
        let waits: Vec<_> = (0..106).map(|_| pool.pick(&[], now).wait).collect();
        assert_eq!(waits[0], Duration::ZERO);
        assert_eq!(waits[5], Duration::ZERO, "a burst");
        assert_eq!(waits[105], Duration::from_secs(1));
        assert_eq!(
            pool.pick(&[], now + Duration::from_secs(5)).wait,
            Duration::ZERO
        );
    }
}
