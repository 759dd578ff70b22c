//! OpenSMTPD in clear: Debian's build of it fails at TLS.

use std::net::SocketAddr;

use tempfile::TempDir;

use super::namespace::{Daemon, open_directory, unpacked};

/// A running OpenSMTPD.
#[derive(Debug)]
pub struct OpenSmtpd {
    _daemon: Daemon,
    _directory: TempDir,
}

impl OpenSmtpd {
    /// Listens on `address`, without STARTTLS.
    pub fn start(address: SocketAddr, name: &str) -> Self {
        let directory = open_directory();
        let configuration = format!(
            "listen on {} port {} hostname {name}\nmatch from any for any reject\n",
            address.ip(),
            address.port()
        );
        std::fs::write(directory.path().join("smtpd.conf"), configuration).unwrap();
        // Its directories are compiled in.
        let script = format!(
            "mkdir -p lib/opensmtpd/empty spool
             chmod 711 spool
             mount --bind lib /var/lib
             mount --bind spool /var/spool
             exec {} -d -f smtpd.conf",
            unpacked("usr/sbin/smtpd").display()
        );
        let daemon = Daemon::start("OpenSMTPD", directory.path(), &script, &[address]);
        Self {
            _daemon: daemon,
            _directory: directory,
        }
    }
}
