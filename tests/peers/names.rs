//! Name servers: NSD is authoritative for `test.`, Unbound resolves by asking it.

use std::net::SocketAddr;
use std::path::PathBuf;

use tempfile::TempDir;

use super::certificates::Authority;
use super::loopback::Loopback;
use super::namespace::{Daemon, open_directory};

/// NSD on the first address of a network, Unbound on the second.
#[derive(Debug)]
pub struct Names {
    _nsd: Daemon,
    _unbound: Daemon,
    _directories: [TempDir; 2],
    /// Unbound, for `--nameserver`.
    pub resolver: SocketAddr,
    /// NSD, which answers with authority.
    pub authority: SocketAddr,
    /// Unbound over TLS and over HTTPS.
    pub encrypted: [String; 2],
    /// Who vouches for these two, in PEM.
    pub authority_file: PathBuf,
}

impl Names {
    /// Serves these records of the zone `test.`, in presentation form.
    pub fn start(loopback: &Loopback, records: &str) -> Self {
        let [authority, resolver] = [loopback.address(1), loopback.address(2)];
        let directories = [open_directory(), open_directory()];
        let [nsd, unbound] = &directories;
        let certifier = Authority::new("names");
        let identity = certifier.certify(&resolver.ip().to_string());
        for (name, text) in [
            ("key.pem", identity.key.as_str()),
            ("chain.pem", &identity.chain),
            ("authority.pem", certifier.pem()),
        ] {
            std::fs::write(unbound.path().join(name), text).unwrap();
        }
        let (tls, https) = (resolver.port() + 1, resolver.port() + 2);
        Self {
            _nsd: start_nsd(nsd, authority, records),
            _unbound: start_unbound(unbound, resolver, authority, [tls, https]),
            authority_file: unbound.path().join("authority.pem"),
            _directories: directories,
            resolver,
            authority,
            encrypted: [
                format!("tls://{}:{tls}", resolver.ip()),
                format!("https://{}:{https}/dns-query", resolver.ip()),
            ],
        }
    }
}

fn start_nsd(directory: &TempDir, address: SocketAddr, records: &str) -> Daemon {
    let zone = format!(
        "$ORIGIN test.\n$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A {}\n{records}",
        address.ip()
    );
    std::fs::write(directory.path().join("test.zone"), zone).unwrap();
    let here = directory.path().display();
    let configuration = format!(
        r#"
server:
    ip-address: {}@{}
    server-count: 1
    username: ""
    zonesdir: "{here}"
    database: ""
    pidfile: "{here}/nsd.pid"
    zonelistfile: "{here}/zone.list"
    xfrdfile: "{here}/xfrd.state"
    xfrdir: "{here}"
remote-control:
    control-enable: no
zone:
    name: test
    zonefile: test.zone
"#,
        address.ip(),
        address.port()
    );
    std::fs::write(directory.path().join("nsd.conf"), configuration).unwrap();
    Daemon::start(
        "NSD",
        directory.path(),
        "exec nsd -d -c nsd.conf",
        &[address],
    )
}

fn start_unbound(
    directory: &TempDir,
    address: SocketAddr,
    authority: SocketAddr,
    [tls, https]: [u16; 2],
) -> Daemon {
    let here = directory.path().display();
    // Nothing is asked beyond this machine: the root stands where nobody listens.
    let nobody = "127.0.0.1@9";
    // `test.` is a special-use name (RFC 6761), which Unbound would answer by itself.
    let configuration = format!(
        r#"
server:
    interface: {0}@{1}
    interface: {0}@{tls}
    interface: {0}@{https}
    tls-port: {tls}
    https-port: {https}
    tls-service-key: "{here}/key.pem"
    tls-service-pem: "{here}/chain.pem"
    access-control: 127.0.0.0/8 allow
    do-not-query-localhost: no
    local-zone: "test." nodefault
    domain-insecure: "test."
    module-config: "iterator"
    num-threads: 1
    so-sndbuf: 0
    so-rcvbuf: 0
    username: ""
    chroot: ""
    directory: "{here}"
    pidfile: ""
    use-syslog: no
remote-control:
    control-enable: no
stub-zone:
    name: "test."
    stub-addr: {2}@{3}
stub-zone:
    name: "."
    stub-addr: {nobody}
"#,
        address.ip(),
        address.port(),
        authority.ip(),
        authority.port()
    );
    std::fs::write(directory.path().join("unbound.conf"), configuration).unwrap();
    let script = "exec unbound -d -c unbound.conf";
    Daemon::start("Unbound", directory.path(), script, &[address])
}
