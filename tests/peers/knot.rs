//! Knot, which signs `test.` while it answers: every name is NOERROR, and its NSEC stands at the name itself (compact denial; of RFC 9824's
//! NXNAME Debian's Knot knows nothing).

use std::net::SocketAddr;
use std::path::Path;

use tempfile::TempDir;

use super::loopback::Loopback;
use super::namespace::{Daemon, open_directory};

const PROGRAM: &str = "/usr/sbin/knotd";

/// Knot on the first address of a network.
#[derive(Debug)]
pub struct Knot {
    _daemon: Daemon,
    _directory: TempDir,
    /// Where it answers, with authority.
    pub address: SocketAddr,
}

impl Knot {
    /// Serves these records of the zone `test.`, in presentation form; none, with a word, where there is no Knot.
    pub fn start(loopback: &Loopback, records: &str) -> Option<Self> {
        if !Path::new(PROGRAM).exists() {
            eprintln!("skipped: no {PROGRAM} (tests/peers/setup installs knot)");
            return None;
        }
        let address = loopback.address(1);
        let directory = open_directory();
        let here = directory.path().display();
        let zone = format!(
            "$ORIGIN test.\n$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A {}\n{records}",
            address.ip()
        );
        std::fs::write(directory.path().join("test.zone"), zone).unwrap();
        let configuration = format!(
            r#"
server:
    rundir: "{here}"
    listen: {}@{}
database:
    storage: "{here}/keys"
log:
  - target: stderr
    any: warning
zone:
  - domain: test
    storage: "{here}"
    file: test.zone
    module: mod-onlinesign
"#,
            address.ip(),
            address.port()
        );
        std::fs::write(directory.path().join("knot.conf"), configuration).unwrap();
        let script = format!("mkdir -p keys; exec {PROGRAM} -c knot.conf");
        Some(Self {
            _daemon: Daemon::start("Knot", directory.path(), &script, &[address]),
            _directory: directory,
            address,
        })
    }
}
