//! OpenSSL's `s_server` behind a small STARTTLS front, which it lacks: every version, suite and chain that it serves.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;

use super::certificates::Identity;
use super::loopback::is_listening;
use super::namespace::open_directory;
use crate::harness::{Server, wait_for};

/// A mail server whose TLS is OpenSSL's. Inside TLS it sends every line back reversed, which is no SMTP.
#[derive(Debug)]
pub struct Front {
    _server: Server,
    _directory: TempDir,
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    said: Arc<Mutex<Vec<String>>>,
}

impl Front {
    /// Listens on `address`; `s_server` listens on the port above. `options` are those of `s_server`: versions, suites.
    pub fn start(address: SocketAddr, identity: &Identity, options: &[&str]) -> Self {
        let directory = open_directory();
        let [key, certificate, above] =
            ["key", "certificate", "above"].map(|name| directory.path().join(name));
        std::fs::write(&key, &identity.key).unwrap();
        std::fs::write(&certificate, &identity.certificate).unwrap();
        std::fs::write(&above, &identity.above).unwrap();
        let behind = SocketAddr::new(address.ip(), address.port() + 1);
        let log = std::fs::File::create(directory.path().join("openssl.log")).unwrap();
        let mut command = Command::new("openssl");
        command
            .args(["s_server", "-rev", "-accept", &behind.to_string()])
            .arg("-key")
            .arg(key)
            .arg("-cert")
            .arg(certificate)
            .args(options);
        if !identity.above.is_empty() {
            command.arg("-cert_chain").arg(above);
        }
        let server = command
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let server = Server(server);
        let what = format!("openssl s_server {options:?}");
        wait_for(&what, Duration::from_secs(30), || is_listening(behind));

        let ended = Arc::new(AtomicBool::new(false));
        let said = Arc::new(Mutex::new(Vec::new()));
        let listener = TcpListener::bind(address).unwrap();
        std::thread::spawn({
            let (ended, said) = (ended.clone(), said.clone());
            move || {
                for stream in listener.incoming() {
                    if ended.load(Ordering::Relaxed) {
                        return;
                    }
                    let said = said.clone();
                    std::thread::spawn(move || {
                        drop(stream.and_then(|s| converse(s, behind, &said)))
                    });
                }
            }
        });
        Self {
            _server: server,
            _directory: directory,
            address,
            ended,
            said,
        }
    }

    /// What clients said in clear.
    pub fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // Wakes the listener; whether it still listens does not matter.
        drop(TcpStream::connect(self.address));
    }
}

/// SMTP as far as STARTTLS, then bytes both ways.
fn converse(client: TcpStream, behind: SocketAddr, said: &Mutex<Vec<String>>) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut reader = BufReader::new(client.try_clone()?);
    let mut writer = client.try_clone()?;
    writer.write_all(b"220 front.test ESMTP\r\n")?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        let command = line.trim_end().to_owned();
        line.clear();
        said.lock().unwrap().push(command.clone());
        match command.split(' ').next().unwrap_or_default() {
            "EHLO" => writer.write_all(b"250-front.test\r\n250-8BITMIME\r\n250 STARTTLS\r\n")?,
            "STARTTLS" => {
                writer.write_all(b"220 2.0.0 ready\r\n")?;
                return splice(client, &reader, TcpStream::connect(behind)?);
            }
            "QUIT" => return writer.write_all(b"221 2.0.0 bye\r\n"),
            _ => writer.write_all(b"502 5.5.1 no such command\r\n")?,
        }
    }
    Ok(())
}

fn splice(client: TcpStream, read: &BufReader<TcpStream>, mut server: TcpStream) -> io::Result<()> {
    server.set_nodelay(true)?;
    server.write_all(read.buffer())?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    let forth = std::thread::spawn(move || {
        let copied = io::copy(&mut from_client, &mut to_server);
        // Either side may be gone already.
        let _ = to_server.shutdown(Shutdown::Write);
        copied
    });
    let mut to_client = client;
    let copied = io::copy(&mut server, &mut to_client);
    let _ = to_client.shutdown(Shutdown::Both);
    let _ = forth.join();
    copied.map(drop)
}
