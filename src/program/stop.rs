//! Signals: the first SIGINT or SIGTERM asks a program to begin nothing more, the second ends it at once.
//!
//! A thread of its own hears them from before the program's arguments are acted on until its end, so that none is lost while the
//! program is starting, computing, or waiting for a reader or a writer. SIGPIPE stays ignored, as Rust's runtime leaves it.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tokio::sync::watch;

/// Signals that come so soon after the first are the same one: timeout(1) sends its signal to a process and to its group.
pub const SAME: Duration = Duration::from_millis(50);

/// What asked a program to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT, as from Ctrl-C: the whole process group has it.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

/// What is to be done at a signal.
type Call = Box<dyn FnOnce() + Send>;

/// Whether a signal has asked the program to end.
#[derive(Clone)]
pub struct Stop {
    asked: watch::Receiver<Option<Signal>>,
    then: Calls,
    at_last: Calls,
}

/// What is to be done, once.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<Call>>>);

impl Calls {
    fn locked(&self) -> MutexGuard<'_, Vec<Call>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does all of it.
    fn call(&self) {
        let calls = std::mem::take(&mut *self.locked());
        calls.into_iter().for_each(|call| call());
    }
}

impl Stop {
    /// Hears signals from now on; calls `second` when another comes behind the first.
    ///
    /// # Errors
    ///
    /// Handlers or a thread that the system refuses.
    pub(super) fn hear(second: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let (ask, asked) = watch::channel(None);
        let stop = Self {
            asked,
            then: Calls::default(),
            at_last: Calls::default(),
        };
        let then = stop.then.clone();
        thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                let mut first: Option<Instant> = None;
                for signal in signals.forever() {
                    match first {
                        None => {
                            first = Some(Instant::now());
                            ask.send_replace(Some(match signal {
                                SIGTERM => Signal::Terminate,
                                _ => Signal::Interrupt,
                            }));
                            then.call();
                        }
                        Some(first) if first.elapsed() < SAME => {}
                        Some(_) => break,
                    }
                }
                second();
                // Whoever asks for the first one later finds it.
                drop(ask);
            })?;
        Ok(stop)
    }

    /// One that is never asked: for tests.
    pub fn never() -> Self {
        Self {
            asked: watch::channel(None).1,
            then: Calls::default(),
            at_last: Calls::default(),
        }
    }

    /// Whether a first signal has come.
    pub fn is_asked(&self) -> bool {
        self.signal().is_some()
    }

    /// The first signal, if it has come.
    pub fn signal(&self) -> Option<Signal> {
        *self.asked.borrow()
    }

    /// Waits for the first signal and says which it was; for ever, if none comes.
    pub async fn asked(&self) -> Signal {
        let mut asked = self.asked.clone();
        match asked.wait_for(Option::is_some).await.map(|signal| *signal) {
            Ok(Some(signal)) => signal,
            _ => std::future::pending().await,
        }
    }

    /// Calls `call` at the first signal, on the thread that hears it; at once, if it has come already.
    pub fn then(&self, call: impl FnOnce() + Send + 'static) {
        let mut calls = self.then.locked();
        if self.is_asked() {
            drop(calls);
            call();
        } else {
            calls.push(Box::new(call));
        }
    }

    /// Calls `call` at the second signal, right before the program ends by it.
    pub fn at_last(&self, call: impl FnOnce() + Send + 'static) {
        self.at_last.locked().push(Box::new(call));
    }

    /// Does what was left for the second signal.
    pub(super) fn end(&self) {
        self.at_last.call();
    }
}

impl std::fmt::Debug for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stop")
            .field("is_asked", &self.is_asked())
            .finish_non_exhaustive()
    }
}
