//! The one writer: whole lines in the order they are given, flushed when nothing more is waiting.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::fd::AsFd;
use std::thread;

use tokio::sync::{mpsc, oneshot};

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
        // The descriptor itself: `Stdout` would look for line ends in every chunk and flush at each.
        let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        Ok(Self::new(file))
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
