//! Exim as Debian builds it, with GnuTLS.

use std::net::SocketAddr;

use tempfile::TempDir;

use super::certificates::Identity;
use super::namespace::{Daemon, open_directory, unpacked};

/// A running Exim.
#[derive(Debug)]
pub struct Exim {
    _daemon: Daemon,
    directory: TempDir,
}

impl Exim {
    /// Listens on `address`, with STARTTLS.
    pub fn start(address: SocketAddr, name: &str, identity: &Identity) -> Self {
        let directory = open_directory();
        let here = directory.path().display();
        let (key, chain) = identity.write(directory.path(), "server");
        let configuration = format!(
            "exim_user = Debian-exim
             exim_group = Debian-exim
             primary_hostname = {name}
             spool_directory = {here}/spool
             log_file_path = {here}/log/%slog
             pid_file_path = {here}/exim.pid
             local_interfaces = {}
             daemon_smtp_ports = {}
             tls_advertise_hosts = *
             tls_privatekey = {}
             tls_certificate = {}
             host_lookup =
             rfc1413_query_timeout = 0s
             keep_environment =
             acl_smtp_rcpt = no_mail
             begin acl
             no_mail:
               deny
            ",
            address.ip(),
            address.port(),
            key.display(),
            chain.display(),
        );
        let configuration = configuration.replace("\n             ", "\n");
        std::fs::write(directory.path().join("exim.conf"), configuration).unwrap();
        let script = format!(
            "mkdir spool log && chown Debian-exim spool log && exec {} -C $PWD/exim.conf -bdf",
            unpacked("usr/sbin/exim4").display()
        );
        let daemon = Daemon::start("Exim", directory.path(), &script, &[address]);
        Self {
            _daemon: daemon,
            directory,
        }
    }

    /// What it logged: connections that ended badly, and why.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log/mainlog")).unwrap_or_default()
    }
}
