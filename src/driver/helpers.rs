//! Threads beside the driver's own: each has a runtime of its own, with the sockets that are opened on it, so that what an observation
//! waits for wakes no other thread. Observations are dealt out in turn.

use std::io;
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The threads; they end with this.
#[derive(Debug, Default)]
pub(super) struct Helpers {
    all: Vec<Helper>,
    next: usize,
}

#[derive(Debug)]
struct Helper {
    runtime: Handle,
    /// The thread waits for its end.
    _end: oneshot::Sender<()>,
}

impl Helpers {
    /// So many threads; for one, none: the driver's own does all of the work.
    ///
    /// # Errors
    ///
    /// A thread or a reactor that the system refuses.
    pub(super) fn start(threads: usize) -> io::Result<Self> {
        let count = if threads > 1 { threads } else { 0 };
        let all = (0..count).map(|_| Helper::start());
        Ok(Self {
            all: all.collect::<io::Result<_>>()?,
            next: 0,
        })
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Whose turn it is, by position; `None` without any.
    pub(super) fn next(&mut self) -> Option<usize> {
        let turn = self.next.checked_rem(self.all.len())?;
        self.next = turn + 1;
        Some(turn)
    }

    /// Where the helper at this position does its work.
    pub(super) fn runtime(&self, position: usize) -> &Handle {
        &self.all[position].runtime
    }
}

/// As much as a main thread has: a policy includes others, one within the other.
const STACK: usize = 8 << 20;

impl Helper {
    fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (_end, end) = oneshot::channel();
        thread::Builder::new()
            .name("observe".into())
            .stack_size(STACK)
            .spawn(move || {
                // The sender is dropped, never used.
                let _ = runtime.block_on(end);
                runtime.shutdown_background();
            })?;
        Ok(Self {
            runtime: handle,
            _end,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn work_is_dealt_out_in_turn_and_for_one_thread_not_at_all() {
        assert!(Helpers::start(1).unwrap().next().is_none());
        let mut helpers = Helpers::start(3).unwrap();
        let mut threads = Vec::new();
        for _ in 0..6 {
            let (tell, told) = std::sync::mpsc::channel();
            let turn = helpers.next().unwrap();
            helpers.runtime(turn).spawn(async move {
                let _ = tell.send(thread::current().id());
            });
            threads.push(format!("{:?}", told.recv().unwrap()));
        }
        assert_eq!(threads[..3], threads[3..]);
        assert_eq!(threads.iter().collect::<BTreeSet<_>>().len(), 3);
    }
}
