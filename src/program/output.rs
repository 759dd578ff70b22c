//! Standard output: the one writer of the stages, which takes whole lines and flushes when nothing more is waiting, and the plain one of
//! the other programs. Only here is it known that whoever reads us is gone; a broken pipe anywhere else is an error.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::fd::AsFd;
use std::thread;

use tokio::sync::{mpsc, oneshot};

/// Standard output as a plain writer, buffered.
#[derive(Debug)]
pub struct Stdout(BufWriter<File>);

/// Whoever reads standard output has seen enough.
#[derive(Debug, thiserror::Error)]
#[error("standard output is closed")]
struct ClosedStdout;

impl Stdout {
    /// Opens it.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn open() -> io::Result<Self> {
        Ok(Self(BufWriter::with_capacity(64 << 10, file()?)))
    }
}

/// The descriptor itself: std's `Stdout` would look for line ends in every chunk and flush at each.
fn file() -> io::Result<File> {
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(closed)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(closed)
    }
}

fn closed(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::BrokenPipe => io::Error::new(ErrorKind::BrokenPipe, ClosedStdout),
        _ => error,
    }
}

/// Whether an error, whatever it was wrapped in since, says that standard output is closed.
pub fn is_closed_stdout(error: &anyhow::Error) -> bool {
    error.chain().any(says_closed)
}

/// An [`io::Error`] names what is in it as its source only from the second on.
fn says_closed(error: &(dyn std::error::Error + 'static)) -> bool {
    let inner = (error.downcast_ref::<io::Error>()).and_then(io::Error::get_ref);
    error.is::<ClosedStdout>() || inner.is_some_and(|inner| says_closed(inner))
}

/// Chunks of lines on their way to the writer: with the largest records some 64 MiB, usually far less.
const QUEUE: usize = 256;

/// Where lines go. Dropping it, then awaiting [`Output::finish`], ends the writer.
#[derive(Debug)]
pub struct Output {
    queue: mpsc::Sender<Vec<u8>>,
    end: oneshot::Receiver<io::Result<()>>,
}

/// Nobody reads any more.
#[derive(Debug)]
pub struct Gone;

impl Output {
    /// A writer on standard output.
    pub fn stdout() -> io::Result<Self> {
        Ok(Self::new(file()?))
    }

    fn new(file: impl Write + Send + 'static) -> Self {
        let (queue, chunks) = mpsc::channel(QUEUE);
        let (done, end) = oneshot::channel();
        thread::spawn(move || {
            // The receiver of `done` outlives this thread, or nobody wants to know.
            let _ = done.send(write(BufWriter::with_capacity(64 << 10, file), chunks));
        });
        Self { queue, end }
    }

    /// Hands whole lines to the writer; waits while its queue is full.
    pub async fn send(&self, lines: Vec<u8>) -> Result<(), Gone> {
        if lines.is_empty() {
            return Ok(());
        }
        self.queue.send(lines).await.map_err(|_| Gone)
    }

    /// Waits until everything is written. `Ok(false)`: the reader closed the pipe before.
    pub async fn finish(self) -> io::Result<bool> {
        drop(self.queue);
        match self.end.await {
            Ok(Ok(())) => Ok(true),
            Ok(Err(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(io::Error::other("the writer stopped")),
        }
    }

    /// Waits until the reader of the pipe is gone.
    pub async fn closed(&self) {
        self.queue.closed().await;
    }
}

fn write(mut to: BufWriter<impl Write>, mut chunks: mpsc::Receiver<Vec<u8>>) -> io::Result<()> {
    while let Some(chunk) = chunks.blocking_recv() {
        to.write_all(&chunk)?;
        while let Ok(chunk) = chunks.try_recv() {
            to.write_all(&chunk)?;
        }
        to.flush()?;
    }
    to.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r9_a_broken_pipe_is_a_closed_output_only_where_it_is_ours() {
        use anyhow::Context as _;
        let broken = || io::Error::from(ErrorKind::BrokenPipe);
        for ours in [
            anyhow::Error::from(closed(broken())),
            anyhow::Error::from(closed(broken())).context("writing"),
            anyhow::Error::from(io::Error::other(closed(broken()))),
        ] {
            assert!(is_closed_stdout(&ours), "{ours:?}");
        }
        let worker = Err::<(), _>(broken()).context("a worker's orders");
        for other in [worker.unwrap_err(), anyhow::Error::from(broken())] {
            assert!(!is_closed_stdout(&other), "{other:?}");
        }
        let full = closed(io::Error::from(ErrorKind::StorageFull));
        assert!(!is_closed_stdout(&anyhow::Error::from(full)));
    }

    #[tokio::test]
    async fn lines_come_out_in_order_and_a_closed_pipe_is_no_error() {
        let (reader, writer) = io::pipe().unwrap();
        let output = Output::new(writer);
        output.send(b"one\n".to_vec()).await.unwrap();
        output.send(b"two\n".to_vec()).await.unwrap();
        assert!(output.finish().await.unwrap());
        assert_eq!(io::read_to_string(reader).unwrap(), "one\ntwo\n");

        let (reader, writer) = io::pipe().unwrap();
        let output = Output::new(writer);
        drop(reader);
        output.send(b"one\n".to_vec()).await.unwrap();
        output.closed().await;
        assert!(!output.finish().await.unwrap());
    }
}
