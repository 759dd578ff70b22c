//! Mail servers that follow a script, step by step, each on a loopback port of its own.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

/// What a server does, in its order.
#[derive(Clone, Debug)]
pub enum Step {
    Say(Vec<u8>),
    /// One byte at a time, with a pause before each.
    Drip(&'static str, u64),
    /// Reads a line.
    Hear,
    Wait(u64),
    /// RST instead of FIN.
    Reset,
    /// Says no more, and still hears.
    Shut,
    /// Stays until the client closes.
    Hold,
    /// The same bytes again and again, until the client has enough.
    Flood(&'static [u8]),
}

pub use Step::{Drip, Flood, Hear, Hold, Reset, Shut, Wait};

pub fn say(text: &str) -> Step {
    Step::Say(text.as_bytes().to_vec())
}

/// A server: the n-th connection gets the n-th script, later ones the last.
pub struct Scripted {
    pub to: SocketAddr,
    pub seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
pub struct Seen {
    /// Commands, connection after connection.
    pub heard: Vec<String>,
    pub connections: usize,
    pub open: usize,
    pub most_open: usize,
    pub from: BTreeSet<IpAddr>,
    pub began: Vec<Instant>,
}

impl Scripted {
    pub fn new(address: &str, scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind((address, 0)).unwrap();
        let to = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = seen.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let mut seen = shared.lock().unwrap();
                let script = scripts[seen.connections.min(scripts.len() - 1)].clone();
                seen.connections += 1;
                seen.open += 1;
                seen.most_open = seen.most_open.max(seen.open);
                seen.from.insert(stream.peer_addr().unwrap().ip());
                seen.began.push(Instant::now());
                drop(seen);
                let shared = shared.clone();
                thread::spawn(move || {
                    let heard = play(stream, script);
                    let mut seen = shared.lock().unwrap();
                    seen.heard.extend(heard);
                    seen.open -= 1;
                });
            }
        });
        Self { to, seen }
    }

    pub fn heard(&self) -> Vec<String> {
        // The server may be a moment behind its client.
        super::super::harness::wait_for("the server", Duration::from_secs(5), || {
            self.seen.lock().unwrap().open == 0
        });
        self.seen.lock().unwrap().heard.clone()
    }
}

/// Plays a script; what the client said, to the end.
pub fn play(mut stream: TcpStream, script: Vec<Step>) -> Vec<String> {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut heard = Vec::new();
    for step in script {
        let done = match step {
            Step::Say(bytes) => stream.write_all(&bytes),
            Drip(text, pause) => text.bytes().try_for_each(|byte| {
                thread::sleep(Duration::from_millis(pause));
                stream.write_all(&[byte])
            }),
            Hear => {
                let mut line = String::new();
                let read = reader.read_line(&mut line);
                if !line.is_empty() {
                    heard.push(line.trim_end().to_owned());
                }
                read.map(drop)
            }
            Wait(pause) => {
                thread::sleep(Duration::from_millis(pause));
                Ok(())
            }
            Reset => {
                let socket = Socket::from(stream.try_clone().unwrap());
                socket.set_linger(Some(Duration::ZERO)).unwrap();
                return heard;
            }
            Shut => stream.shutdown(std::net::Shutdown::Write),
            Hold => {
                let mut rest = String::new();
                let read = reader.read_to_string(&mut rest).map(drop);
                heard.extend(rest.lines().map(str::to_owned));
                read
            }
            Flood(bytes) => loop {
                if let Err(error) = stream.write_all(bytes) {
                    break Err(error);
                }
            },
        };
        if done.is_err() {
            break;
        }
    }
    heard
}

/// A listener whose queue is full: Linux answers no SYN then.
pub fn deaf(address: &str, port: u16) -> (SocketAddr, Vec<Socket>) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.set_reuse_address(true).unwrap();
    let to: SocketAddr = format!("{address}:{port}").parse().unwrap();
    listener.bind(&to.into()).unwrap();
    listener.listen(0).unwrap();
    let to = listener.local_addr().unwrap().as_socket().unwrap();
    let mut sockets = vec![listener];
    for _ in 0..3 {
        let client = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        client.set_nonblocking(true).unwrap();
        let _ = client.connect(&to.into());
        sockets.push(client);
    }
    (to, sockets)
}
