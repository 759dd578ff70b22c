//! A small DNS with every corner case: NSD has authority for signed and unsigned zones from the root down, Unbound
//! resolves and validates, with a trust anchor of our own.

use std::fmt::Write as _;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::peers::loopback::Loopback;
use crate::peers::namespace::{Daemon, open_directory};

/// The servers, while they run.
pub struct World {
    /// Unbound.
    pub resolver: SocketAddr,
    /// NSD, which does not recurse.
    pub authority: SocketAddr,
    _nsd: Daemon,
    _unbound: Daemon,
    _directories: [TempDir; 2],
    /// A server that takes questions and stays silent.
    _silent: UdpSocket,
}

impl World {
    pub fn start() -> Self {
        for (program, package) in [
            ("nsd", "nsd"),
            ("unbound", "unbound"),
            ("ldns-signzone", "ldnsutils"),
        ] {
            let found = Command::new("sh")
                .args(["-c", "command -v \"$0\" || ls /usr/sbin/\"$0\"", program])
                .output();
            assert!(
                found.unwrap().status.success(),
                "{program} is not here: apt-get install {package}"
            );
        }
        let loopback = Loopback::new();
        let [authority, resolver, silent] = [1, 2, 3].map(|host| loopback.address(host));
        let directories = [open_directory(), open_directory()];
        let anchor = sign_zones(directories[0].path());
        std::fs::write(directories[1].path().join("anchor"), anchor).unwrap();
        Self {
            resolver,
            authority,
            _nsd: start_nsd(directories[0].path(), authority),
            _unbound: start_unbound(directories[1].path(), resolver, authority, silent),
            _directories: directories,
            _silent: UdpSocket::bind(silent).unwrap(),
        }
    }
}

/// How a zone is signed.
#[derive(Clone, Copy, PartialEq)]
enum Signed {
    No,
    Nsec,
    Nsec3,
    /// A record was changed afterwards.
    Bogus,
    /// Signatures ran out in 2020.
    Expired,
}

const ZONES: &[(&str, Signed)] = &[
    ("plain.test", Signed::No),
    ("nsec3.test", Signed::Nsec3),
    ("bogus.test", Signed::Bogus),
    ("expired.test", Signed::Expired),
    ("test", Signed::Nsec),
    (".", Signed::Nsec),
];

/// Writes and signs the zones, children first; the trust anchor.
fn sign_zones(directory: &Path) -> String {
    let mut below = String::new();
    let mut anchor = String::new();
    for &(zone, signed) in ZONES {
        let records = match zone {
            "." => below.clone(),
            "test" => format!("ns A 127.0.0.1\n{SECURE}{}", std::mem::take(&mut below)),
            "plain.test" => plain(),
            _ => format!("@ MX 10 mx\nmx A 11.0.0.9\ntlsa TLSA 3 1 1 {:064}\n", 9),
        };
        let origin = if zone == "." {
            zone.into()
        } else {
            format!("{zone}.")
        };
        let text = format!(
            "$ORIGIN {origin}\n$TTL 300\n@ SOA ns.test. hostmaster.test. 1 3600 600 86400 60\n@ NS ns.test.\n{records}"
        );
        std::fs::write(directory.join(format!("{zone}.zone")), text).unwrap();
        let ds = match signed {
            Signed::No => String::new(),
            _ => sign(directory, zone, signed),
        };
        match zone {
            "." => anchor = ds,
            _ => write!(below, "{origin} NS ns.test.\n{ds}").unwrap(),
        }
    }
    anchor
}

/// Signs a zone in place; its DS record.
fn sign(directory: &Path, zone: &str, signed: Signed) -> String {
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(directory)
            .output();
        let output =
            output.unwrap_or_else(|error| panic!("{program} (apt-get install ldnsutils): {error}"));
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let key = run("ldns-keygen", &["-k", "-a", "ECDSAP256SHA256", zone]);
    let file = format!("{zone}.zone");
    let mut arguments = vec!["-o", zone, "-f", "signed"];
    match signed {
        Signed::Nsec3 => arguments.push("-n"),
        Signed::Expired => arguments.extend(["-i", "20200101000000", "-e", "20200201000000"]),
        _ => {}
    }
    arguments.extend([file.as_str(), key.as_str()]);
    run("ldns-signzone", &arguments);
    let mut text = std::fs::read_to_string(directory.join("signed")).unwrap();
    if signed == Signed::Bogus {
        text = text
            .replace("11.0.0.9", "11.0.0.66")
            .replace("MX\t10", "MX\t11");
        text = text.replace(&format!("{:064}", 9), &format!("{:064}", 8));
    }
    std::fs::write(directory.join(file), text).unwrap();
    std::fs::read_to_string(directory.join(format!("{key}.ds"))).unwrap()
}

/// In the signed zone `test.`.
const SECURE: &str = "\
secure MX 10 mx.secure
mx.secure A 11.0.0.1
mx.secure AAAA 2a00::1
_25._tcp.mx.secure TLSA 3 1 1 0000000000000000000000000000000000000000000000000000000000000001
securealias MX 10 alias.secure
alias.secure CNAME mx.secure
ownbase MX 10 alias.ownbase
alias.ownbase CNAME target.ownbase
target.ownbase A 11.0.0.2
_25._tcp.alias.ownbase TLSA 3 1 1 0000000000000000000000000000000000000000000000000000000000000002
outalias MX 10 alias.outalias
alias.outalias CNAME mx.plain
_25._tcp.alias.outalias TLSA 3 1 1 0000000000000000000000000000000000000000000000000000000000000003
notlsa MX 10 mx.notlsa
mx.notlsa A 11.0.0.3
brokentlsa MX 10 mx.brokentlsa
mx.brokentlsa A 11.0.0.4
_25._tcp.mx.brokentlsa CNAME tlsa.bogus.test.
mixed MX 10 mx.plain
tocnamenx MX 10 gone
gone CNAME nothing.secure
";

/// In the unsigned zone `plain.test.`.
fn plain() -> String {
    let label = "a".repeat(63);
    let mut zone = String::from(
        "\
mx A 11.0.1.1
mx AAAA 2a00::1:1
a A 11.0.1.2
b A 11.0.1.3
equal MX 10 b
equal MX 10 a
order MX 30 a
order MX 5 mx
order MX 20 b
implicit A 11.0.1.4
implicit6 AAAA 2a00::1:4
nomail TXT nothing
null MX 0 .
nullmixed MX 0 .
nullmixed MX 10 mx
nullpreference MX 10 .
tocname MX 10 alias
alias CNAME mx
literal MX 10 192.0.2.1.
dangling MX 10 nothing
dangling A 11.0.1.5
private MX 10 mx.private
mx.private A 10.1.2.3
tolocalhost MX 10 localhost.
xn--bcher-kva MX 10 mx
*.wild MX 10 mx
*.wild A 11.0.1.6
cname CNAME equal
cnameimplicit CNAME implicit
cnamenx CNAME nothing
cnamechain CNAME cnamechain1
cnamechain1 CNAME cnamechain2
cnamechain2 CNAME equal
loop1 CNAME loop2
loop2 CNAME loop1
below.ent A 11.0.1.7
twice MX 10 mx
twice MX 20 mx
underscore MX 10 _mx
_mx A 11.0.1.8
many MX 10 mx.many
manymx A 11.0.1.9
",
    );
    writeln!(zone, "{label} MX 10 mx").unwrap();
    for number in 0..500 {
        writeln!(zone, "mx.many A 12.0.{}.{}", number / 250, number % 250 + 1).unwrap();
    }
    for number in 0..150 {
        writeln!(zone, "manymx MX {number} mx{number}.manymx").unwrap();
        writeln!(zone, "mx{number}.manymx A 12.1.0.{}", number + 1).unwrap();
    }
    writeln!(
        zone,
        "{} MX 10 mx",
        longest().trim_end_matches(".plain.test")
    )
    .unwrap();
    zone
}

/// A name of 253 octets below `plain.test`.
pub fn longest() -> String {
    let label = "l".repeat(63);
    format!(
        "{}.{label}.{label}.{label}.plain.test",
        "l".repeat(253 - 3 * 64 - 11)
    )
}

fn start_nsd(directory: &Path, address: SocketAddr) -> Daemon {
    let here = directory.display();
    let mut configuration = format!(
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
    rrl-ratelimit: 0
remote-control:
    control-enable: no
"#,
        address.ip(),
        address.port()
    );
    // A zone whose file is not there: SERVFAIL.
    for (zone, _) in ZONES.iter().chain(&[("lame.test", Signed::No)]) {
        write!(
            configuration,
            "zone:\n    name: {zone}\n    zonefile: {zone}.zone\n"
        )
        .unwrap();
    }
    std::fs::write(directory.join("nsd.conf"), configuration).unwrap();
    Daemon::start(
        "NSD (apt-get install nsd)",
        directory,
        "exec nsd -d -c nsd.conf",
        &[address],
    )
}

fn start_unbound(
    directory: &Path,
    address: SocketAddr,
    authority: SocketAddr,
    silent: SocketAddr,
) -> Daemon {
    // The survey's own configuration, on another address and with another anchor.
    let survey = Path::new(env!("CARGO_MANIFEST_DIR")).join("etc/unbound.conf");
    let survey = std::fs::read_to_string(survey).unwrap();
    let [place, anchor] = ["127.0.0.1@5353", "auto-trust-anchor-file: \"root.key\""];
    assert!(survey.contains(place) && survey.contains(anchor));
    let survey = survey
        .replace(place, &format!("{}@{}", address.ip(), address.port()))
        .replace(anchor, "trust-anchor-file: \"anchor\"");
    let stub = |zone: &str, server: SocketAddr| {
        format!(
            "stub-zone:\n    name: \"{zone}\"\n    stub-addr: {}@{}\n",
            server.ip(),
            server.port()
        )
    };
    let world = "\
server:
    do-not-query-localhost: no
    local-zone: \"test.\" nodefault
    local-zone: \"refused.test.\" always_refuse
";
    let mut configuration = survey + world;
    // Servers that a delegation names are asked on port 53; these listen elsewhere.
    for (zone, _) in ZONES {
        configuration += &stub(zone, authority);
    }
    configuration += &stub("silent.test", silent);
    configuration += &stub("lame.test", authority);
    std::fs::write(directory.join("unbound.conf"), configuration).unwrap();
    Daemon::start(
        "Unbound (apt-get install unbound)",
        directory,
        "exec unbound -d -c unbound.conf",
        &[address],
    )
}
