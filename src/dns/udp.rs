//! UDP to one name server: many questions in flight over a socket that is renewed as it is used, so that ids and
//! source ports stay hard to guess (RFC 5452).

use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use hashbrown::HashMap;
use socket2::{Domain, Protocol, Socket as RawSocket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::task::AbortHandle;

use super::message::{self, Question, Response, Unfit};

/// Questions over one socket before another port is taken.
const QUESTIONS: u32 = 8192;
/// In flight over one socket; beyond that, guessing an id gets too easy.
const IN_FLIGHT: usize = 16_384;
/// Asked of the system, which may grant less: answers come in bursts.
const RECEIVE_BUFFER: usize = 4 << 20;
/// Packets read in a row before other tasks get their turn.
const BATCH: usize = 64;

/// Threads that have sockets of their own, so that an answer wakes no other thread; more than these share them.
const LANES: usize = 4;

/// The number of this thread among those that ask.
fn lane() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static LANE: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    LANE.with(|lane| lane % LANES)
}

/// The sockets towards one server. Connected: the kernel drops what comes from any other address.
pub struct Udp {
    server: SocketAddr,
    sockets: Box<[Mutex<Option<Arc<Socket>>>]>,
    cursor: AtomicUsize,
}

/// A question that waits, on however many sockets.
pub struct Pending {
    /// What was asked.
    pub question: Question,
    /// Something came under its id from the server it went to that was no answer to it.
    pub spoiled: AtomicBool,
}

/// Why a try ended without an answer.
#[derive(Debug)]
pub enum LostTry {
    /// The packet could not be sent, or ICMP told that nobody is there.
    Io(io::Error),
    /// An answer that cannot be read.
    Malformed,
}

type Outcome = Result<Response, LostTry>;

impl Udp {
    /// `sockets` sockets towards `server`, opened when they are needed.
    pub fn new(server: SocketAddr, sockets: usize) -> Self {
        Self {
            server,
            sockets: (0..sockets.max(1)).map(|_| Mutex::new(None)).collect(),
            cursor: AtomicUsize::new(0),
        }
    }

    /// Sends a question. The answer, if any, is awaited on what is returned; dropping that forgets the question.
    pub async fn ask(&self, pending: &Arc<Pending>, edns: bool) -> Result<InFlight, LostTry> {
        let socket = self.socket().map_err(LostTry::Io)?;
        let id = socket.inner.register(pending);
        let in_flight = InFlight { id, socket };
        let io = &in_flight.socket.inner.io;
        // There is nearly always room: the packet need not outlive this step.
        match io.try_send(&pending.question.packet(id, edns)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(LostTry::Io(error)),
            Ok(_) => return Ok(in_flight),
        }
        let packet = pending.question.packet(id, edns).to_vec();
        match Box::pin(io.send(&packet)).await {
            Ok(_) => Ok(in_flight),
            Err(error) => Err(LostTry::Io(error)),
        }
    }

    fn socket(&self) -> io::Result<Arc<Socket>> {
        let turn = self.cursor.fetch_add(1, Ordering::Relaxed);
        let own = match self.sockets.len() / LANES {
            0 => &self.sockets[..],
            each => &self.sockets[lane() * each..][..each],
        };
        let mut slot = lock(&own[turn % own.len()]);
        if let Some(socket) = &*slot
            && socket.asked.fetch_add(1, Ordering::Relaxed) < QUESTIONS
            && lock(&socket.inner.waiting).len() < IN_FLIGHT
        {
            return Ok(Arc::clone(socket));
        }
        // The old socket lives until the last question in flight over it has let go of it.
        let socket = Arc::new(Socket::open(self.server)?);
        *slot = Some(Arc::clone(&socket));
        Ok(socket)
    }
}

/// A question in flight.
pub struct InFlight {
    id: u16,
    socket: Arc<Socket>,
}

impl InFlight {
    /// Waits for the answer, as long as it takes.
    pub async fn answer(&mut self) -> Outcome {
        poll_fn(|context| self.socket.inner.poll(self.id, context)).await
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        lock(&self.socket.inner.waiting).remove(&self.id);
    }
}

/// A socket and the task that reads it. The task ends with the last holder of the socket.
struct Socket {
    inner: Arc<Inner>,
    reader: AbortHandle,
    asked: AtomicU32,
}

struct Inner {
    io: UdpSocket,
    waiting: Mutex<HashMap<u16, Waiting>>,
}

struct Waiting {
    pending: Arc<Pending>,
    /// What came, until its asker takes it.
    answer: Option<Outcome>,
    /// Whom to wake.
    asker: Option<Waker>,
}

impl Waiting {
    /// Keeps the first answer; gives whom to wake, once the lock is let go.
    fn settle(&mut self, outcome: Outcome) -> Option<Waker> {
        if self.answer.is_some() {
            return None;
        }
        self.answer = Some(outcome);
        self.asker.take()
    }
}

impl Socket {
    fn open(server: SocketAddr) -> io::Result<Self> {
        let raw = RawSocket::new(
            Domain::for_address(server),
            Type::DGRAM,
            Some(Protocol::UDP),
        )?;
        raw.set_nonblocking(true)?;
        let _ = raw.set_recv_buffer_size(RECEIVE_BUFFER);
        // Port 0: the kernel picks one at random.
        let any = match server {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        raw.bind(&any.into())?;
        raw.connect(&server.into())?;
        let inner = Arc::new(Inner {
            io: UdpSocket::from_std(raw.into())?,
            waiting: Mutex::new(HashMap::new()),
        });
        let reader = tokio::spawn(Arc::clone(&inner).read()).abort_handle();
        Ok(Self {
            inner,
            reader,
            asked: AtomicU32::new(1),
        })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Inner {
    /// A random id that no question in flight over this socket has.
    fn register(&self, pending: &Arc<Pending>) -> u16 {
        let waiting = Waiting {
            pending: Arc::clone(pending),
            answer: None,
            asker: None,
        };
        let mut all = lock(&self.waiting);
        // At most IN_FLIGHT of 65536 ids are taken.
        let mut id = rand::random();
        while all.contains_key(&id) {
            id = rand::random();
        }
        all.insert(id, waiting);
        id
    }

    fn poll(&self, id: u16, context: &Context<'_>) -> Poll<Outcome> {
        let mut all = lock(&self.waiting);
        let Some(waiting) = all.get_mut(&id) else {
            return Poll::Ready(Err(LostTry::Io(io::ErrorKind::BrokenPipe.into())));
        };
        if let Some(outcome) = waiting.answer.take() {
            return Poll::Ready(outcome);
        }
        match &mut waiting.asker {
            Some(asker) => asker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        Poll::Pending
    }

    async fn read(self: Arc<Self>) {
        let mut buffer = vec![0; 65_536];
        loop {
            let Ok(ready) = self.io.ready(Interest::READABLE | Interest::ERROR).await else {
                return;
            };
            if ready.is_error() {
                if let Ok(Some(error)) = self.io.take_error() {
                    self.fail_all(&error);
                }
                // It is dealt with: wait for the next.
                let _ = self.io.try_io(Interest::ERROR, || -> io::Result<()> {
                    Err(io::ErrorKind::WouldBlock.into())
                });
            }
            for _ in 0..BATCH {
                match self.io.try_recv(&mut buffer) {
                    Ok(length) => self.take(&buffer[..length]),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => self.fail_all(&error),
                }
            }
            tokio::task::yield_now().await;
        }
    }

    fn take(&self, packet: &[u8]) {
        let Some(id) = message::id(packet) else {
            return;
        };
        let mut all = lock(&self.waiting);
        let Some(waiting) = all.get_mut(&id) else {
            return;
        };
        let outcome = match message::read(packet, &waiting.pending.question) {
            Ok(response) => Ok(response),
            Err(Unfit::Malformed) => Err(LostTry::Malformed),
            // The true answer may still come.
            Err(Unfit::NotOurs) => {
                waiting.pending.spoiled.store(true, Ordering::Relaxed);
                return;
            }
        };
        let asker = waiting.settle(outcome);
        drop(all);
        if let Some(asker) = asker {
            asker.wake();
        }
    }

    /// ICMP does not say which question it is about.
    fn fail_all(&self, error: &io::Error) {
        let again = || {
            error
                .raw_os_error()
                .map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
        };
        let askers: Vec<Waker> = lock(&self.waiting)
            .values_mut()
            .filter_map(|waiting| waiting.settle(Err(LostTry::Io(again()))))
            .collect();
        askers.into_iter().for_each(Waker::wake);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing here panics half way through a change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
