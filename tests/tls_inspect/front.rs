//! A front that speaks SMTP as far as STARTTLS and then hands the connection on: to OpenSSL's `s_server`, which has no
//! STARTTLS of its own, or to a script.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::certificates::file;
use crate::harness::{Server, wait_for};
use crate::peers::loopback::Loopback;

/// A mail server on loopback, as far as STARTTLS; ends with the test.
pub struct Front {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

/// The greeting and the answer to STARTTLS of a connection, by its number.
type Words = fn(usize) -> (&'static str, &'static str);

fn usual(_: usize) -> (&'static str, &'static str) {
    ("220 mx.example.test ESMTP\r\n", "220 ready\r\n")
}

impl Front {
    /// Hands every connection on to a port.
    pub fn to(port: u16) -> Self {
        Self::with(move |stream, _| splice(stream, port))
    }

    /// The same, at an address and port of its own.
    pub fn at(address: SocketAddr, port: u16) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let serve = move |_, stream, _| splice(stream, port);
        let mut fronts = Self::on(vec![listener], usual, serve);
        fronts.remove(0)
    }

    /// Hands every connection, numbered from 1, to `serve` right behind the 220 to STARTTLS.
    pub fn with(serve: impl Fn(TcpStream, usize) + Send + Sync + 'static) -> Self {
        let mut fronts = Self::many(1, move |_, stream, number| serve(stream, number));
        fronts.remove(0)
    }

    /// As many servers, each told apart by its position.
    pub fn many(
        count: usize,
        serve: impl Fn(usize, TcpStream, usize) + Send + Sync + 'static,
    ) -> Vec<Self> {
        Self::saying(usual, count, serve)
    }

    /// The same with a greeting and an answer to STARTTLS for each connection, numbered from 1.
    pub fn saying(
        words: Words,
        count: usize,
        serve: impl Fn(usize, TcpStream, usize) + Send + Sync + 'static,
    ) -> Vec<Self> {
        let listen = |_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        Self::on((0..count).map(listen).collect(), words, serve)
    }

    /// The same, each at an address of its own (127.0.7.1 and on), so that none waits for another.
    pub fn apart(
        words: Words,
        count: u8,
        serve: impl Fn(usize, TcpStream, usize) + Send + Sync + 'static,
    ) -> Vec<Self> {
        let listen = |last| TcpListener::bind((Ipv4Addr::new(127, 0, 7, last), 0)).unwrap();
        Self::on((1..=count).map(listen).collect(), words, serve)
    }

    fn on(
        listeners: Vec<TcpListener>,
        words: Words,
        serve: impl Fn(usize, TcpStream, usize) + Send + Sync + 'static,
    ) -> Vec<Self> {
        let fronts: Vec<Self> = listeners
            .iter()
            .map(|listener| Self {
                address: listener.local_addr().unwrap(),
                connections: Arc::default(),
            })
            .collect();
        let counters: Vec<_> = fronts
            .iter()
            .map(|front| front.connections.clone())
            .collect();
        let serve = Arc::new(serve);
        for listener in &listeners {
            listener.set_nonblocking(true).unwrap();
        }
        thread::spawn(move || {
            loop {
                for (position, listener) in listeners.iter().enumerate() {
                    let Ok((stream, _)) = listener.accept() else {
                        continue;
                    };
                    let number = counters[position].fetch_add(1, Ordering::SeqCst) + 1;
                    let serve = serve.clone();
                    thread::spawn(move || {
                        // A client that goes away ends its own connection only.
                        let ready = stream
                            .set_nonblocking(false)
                            .and_then(|()| converse(stream, words(number)));
                        if let Ok(stream) = ready {
                            serve(position, stream, number);
                        }
                    });
                }
                thread::sleep(Duration::from_millis(1));
            }
        });
        fronts
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// The greeting, 250, the answer to STARTTLS.
fn converse(
    mut stream: TcpStream,
    (greeting, go_ahead): (&str, &str),
) -> std::io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    stream.write_all(greeting.as_bytes())?;
    // One byte at a time: what follows STARTTLS is not ours to read.
    let mut read = BufReader::with_capacity(1, stream.try_clone()?);
    let mut line = String::new();
    while read.read_line(&mut line)? > 0 {
        match line.trim_end() {
            "STARTTLS" => {
                stream.write_all(go_ahead.as_bytes())?;
                return Ok(stream);
            }
            _ => stream.write_all(b"250-mx.example.test\r\n250-SIZE 1000\r\n250 STARTTLS\r\n")?,
        }
        line.clear();
    }
    Err(std::io::ErrorKind::UnexpectedEof.into())
}

/// Hands a connection on to a port.
pub fn splice(stream: TcpStream, port: u16) {
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else {
        return;
    };
    let _ = server.set_nodelay(true);
    let pump = |mut from: TcpStream, mut to: TcpStream| {
        let mut buffer = [0; 16_384];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    };
    let (from, to) = (stream.try_clone().unwrap(), server.try_clone().unwrap());
    let other = thread::spawn(move || pump(from, to));
    pump(server, stream);
    let _ = other.join();
}

/// `openssl s_server` with a certificate of [`super::certificates`].
pub struct Openssl {
    port: u16,
    _server: Server,
}

impl Openssl {
    pub fn start(certificate: &str, arguments: &[&str]) -> Self {
        Self::spawn(certificate, arguments, |_| {})
    }

    /// One that answers EHLO and QUIT, by what it is told on its standard input.
    pub fn speaking_smtp(certificate: &str) -> Self {
        Self::spawn(certificate, &[], |child| {
            let mut say = child.stdin.take().unwrap();
            let mut hear = BufReader::new(child.stdout.take().unwrap());
            thread::spawn(move || {
                let mut line = String::new();
                while hear.read_line(&mut line).is_ok_and(|length| length > 0) {
                    let said = line.trim_end();
                    let answer = if said.starts_with("EHLO") {
                        "250-mx.example.test\r\n250-SIZE 1000\r\n250 AUTH PLAIN\r\n"
                    } else if said == "QUIT" {
                        "221 bye\r\n"
                    } else {
                        ""
                    };
                    if say
                        .write_all(answer.as_bytes())
                        .and_then(|()| say.flush())
                        .is_err()
                    {
                        break;
                    }
                    line.clear();
                }
            });
        })
    }

    fn spawn(certificate: &str, arguments: &[&str], with: impl FnOnce(&mut Child)) -> Self {
        let chain = file(&format!("{certificate}.pem"));
        let above = file(&format!("{certificate}.above"));
        let key = file(&format!("{certificate}.key"));
        let port = free_port();
        let mut command = Command::new("openssl");
        command
            .args(["s_server", "-accept", &format!("127.0.0.1:{port}")])
            .args(["-cert", &chain, "-key", &key, "-quiet"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        if std::fs::metadata(&above).is_ok_and(|above| above.len() > 0) {
            command.args(["-cert_chain", &above]);
        }
        let mut child = command.spawn().expect("openssl");
        with(&mut child);
        let server = Self {
            port,
            _server: Server(child),
        };
        wait_for("s_server", Duration::from_secs(10), || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
        });
        server
    }

    pub fn port(&self) -> u16 {
        self.port
    }
}

/// A port that nobody has, nor gets by asking the system for any: a front might, before the server is up.
pub fn free_port() -> u16 {
    let port = || Loopback::new().port;
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    std::iter::repeat_with(port).find(is_free).unwrap()
}
