//! Signals: the first SIGINT or SIGTERM asks a program to begin nothing more, the second ends it at once.
//!
//! A thread of its own hears them from before the program's arguments are acted on until its end, so that none is lost while the
//! program is starting, computing, or waiting for a reader or a writer. SIGPIPE stays ignored, as Rust's runtime leaves it.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tokio::sync::watch;

/// Signals that come so soon after the first are the same one: timeout(1) sends its signal to a process and to its group.
const SAME: Duration = Duration::from_millis(50);

/// What asked a program to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT, as from Ctrl-C: the whole process group has it.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

/// What is to be done at the first signal.
type Call = Box<dyn FnOnce() + Send>;

/// Whether a signal has asked the program to end.
#[derive(Clone)]
pub struct Stop {
    asked: watch::Receiver<Option<Signal>>,
    then: Arc<Mutex<Vec<Call>>>,
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
            then: Arc::default(),
        };
        let then = Arc::clone(&stop.then);
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
                            let calls = std::mem::take(
                                &mut *then.lock().unwrap_or_else(PoisonError::into_inner),
                            );
                            calls.into_iter().for_each(|call| call());
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
            then: Arc::default(),
        }
    }

    /// Whether a first signal has come.
    pub fn is_asked(&self) -> bool {
        self.asked.borrow().is_some()
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
        let mut calls = self.then.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_asked() {
            drop(calls);
            call();
        } else {
            calls.push(Box::new(call));
        }
    }
}

impl std::fmt::Debug for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stop")
            .field("is_asked", &self.is_asked())
            .finish_non_exhaustive()
    }
}
