//! A bound on the memory that servers choose, for all connections together.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The octets that a connection may hold without asking: more than the flight of any usual server.
pub(super) const FREE: usize = 32 << 10;
/// How many connections may hold more at once.
const LARGE: usize = 32;

/// Room for the few flights that are large. Those that find none wait for it, within their time.
#[derive(Clone, Debug)]
pub struct Memory(Arc<Semaphore>);

impl Default for Memory {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LARGE)))
    }
}

/// Room for a large flight, until it is dropped.
#[derive(Debug)]
pub(super) struct FlightRoom {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Memory {
    /// Waits for room.
    pub(super) async fn room(&self) -> FlightRoom {
        FlightRoom {
            // Never closed, and if it were, the bound on each connection would still stand.
            _permit: self.0.clone().acquire_owned().await.ok(),
        }
    }
}
