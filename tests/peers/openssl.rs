//! OpenSSL's `s_server` behind the STARTTLS front of the tests of tls-inspect.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::certificates::Identity;
use super::loopback::is_listening;
use crate::harness::{Server, wait_for};
use crate::tls_inspect::front::{Front, free_port};

/// A mail server whose TLS is OpenSSL's. Inside TLS it sends every line back reversed, which is no SMTP.
pub struct OpenSsl {
    pub front: Front,
    _server: Server,
    _directory: TempDir,
}

impl OpenSsl {
    /// Listens on `address`. `options` are those of `s_server`: versions, suites.
    pub fn start(address: SocketAddr, identity: &Identity, options: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (key, chain) = identity.write(directory.path(), "server");
        let behind = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let server = Command::new("openssl")
            .args(["s_server", "-rev", "-accept", &behind.to_string(), "-key"])
            .arg(key)
            .arg("-cert")
            .arg(chain)
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Server(server);
        let what = format!("openssl s_server {options:?}");
        wait_for(&what, Duration::from_secs(30), || is_listening(behind));
        Self {
            front: Front::at(address, behind.port()),
            _server: server,
            _directory: directory,
        }
    }
}
