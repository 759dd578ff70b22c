//! Signals, for programs without a loop of their own.

use std::io;

/// Calls `then` on a thread of its own at each SIGINT and SIGTERM, which do not end the program any more.
pub fn on_signal(then: impl Fn() + Send + 'static) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        )
    };
    std::thread::spawn(move || {
        runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => then(),
                    _ = terminate.recv() => then(),
                }
            }
        });
    });
    Ok(())
}
