//! mail-lab: every behaviour as a client sees it, through the real program.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;
use tempfile::TempDir;

/// A lab that runs until it is dropped or stopped.
pub struct Lab {
    child: Child,
    pub dns: SocketAddr,
    pub port: u16,
    pub roots: PathBuf,
    directory: TempDir,
}

const SOON: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(10);

impl Lab {
    pub fn new(world: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("world.ndjson");
        std::fs::write(&path, world).unwrap();
        let mut child = program()
            .args(["--port", "0", "--dns-port", "0", "--counters"])
            .arg(directory.path().join("seen"))
            .arg(path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut variable = |name: &str| {
            let mut line = String::new();
            output.read_line(&mut line).unwrap();
            let (variable, value) = line.trim_end().split_once('=').expect("the lab is up");
            assert_eq!(variable, name);
            value.to_string()
        };
        Self {
            dns: variable("MAIL_LAB_DNS").parse().unwrap(),
            port: variable("MAIL_LAB_PORT").parse().unwrap(),
            roots: variable("MAIL_LAB_ROOTS").into(),
            child,
            directory,
        }
    }

    /// A lab with one server of a named behaviour at 127.0.0.1.
    fn with(behaviour: &str) -> Self {
        Self::new(&format!(
            r#"{{"type":"server","ip":"127.0.0.1","as":"{behaviour}","name":"a.test"}}"#
        ))
    }

    fn connect(&self) -> Client {
        self.connect_to([127, 0, 0, 1])
    }

    fn connect_to(&self, ip: impl Into<IpAddr>) -> Client {
        let stream = TcpStream::connect((ip.into(), self.port)).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        Client(BufReader::new(stream))
    }

    fn ask(&self, name: &str, kind: RecordType) -> Message {
        let mut question = Message::new(9, MessageType::Query, OpCode::Query);
        question.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(LONG)).unwrap();
        socket
            .send_to(&question.to_vec().unwrap(), self.dns)
            .unwrap();
        let mut buffer = [0; 4096];
        let length = socket.recv(&mut buffer).unwrap();
        Message::from_vec(&buffer[..length]).unwrap()
    }

    /// Ends it; what the addresses saw.
    pub fn seen(mut self) -> Vec<Value> {
        self.terminate();
        let seen = std::fs::read_to_string(self.directory.path().join("seen")).unwrap();
        seen.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn terminate(&mut self) {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.terminate();
        }
    }
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_mail-lab"))
}

/// An SMTP client that waits for what it expects.
struct Client(BufReader<TcpStream>);

impl Client {
    fn line(&mut self) -> String {
        let mut line = Vec::new();
        self.0.read_until(b'\n', &mut line).unwrap();
        line.into_iter().map(char::from).collect()
    }

    fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let line = self.line();
            reply.push_str(&line);
            if line.as_bytes().get(3) != Some(&b'-') {
                return reply;
            }
        }
    }

    fn say(&mut self, command: &str) {
        self.0
            .get_mut()
            .write_all(format!("{command}\r\n").as_bytes())
            .unwrap();
    }

    fn ask(&mut self, command: &str) -> String {
        self.say(command);
        self.reply()
    }

    fn ehlo(&mut self) -> String {
        assert!(self.reply().starts_with("220 "));
        self.ask("EHLO probe.test")
    }

    fn starttls(&mut self) {
        assert!(self.ehlo().contains("STARTTLS"));
        assert!(self.ask("STARTTLS").starts_with("220 "));
    }

    /// How it ends: what comes until then, and whether it ends with a RST.
    fn rest(mut self) -> (Vec<u8>, bool) {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => (rest, false),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => (rest, true),
            Err(error) => panic!("{error}"),
        }
    }

    /// Whether nothing comes for a while.
    fn is_silent(&mut self) -> bool {
        self.0.get_ref().set_read_timeout(Some(SOON)).unwrap();
        let read = self.0.read(&mut [0]);
        self.0.get_ref().set_read_timeout(Some(LONG)).unwrap();
        read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    fn handshake(
        self,
        config: ClientConfig,
    ) -> std::io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let name = ServerName::try_from("mx.lab.test").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = StreamOwned::new(connection, self.0.into_inner());
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(stream)
    }
}

fn trusting(lab: &Lab) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_file_iter(&lab.roots).unwrap() {
        roots.add(root.unwrap()).unwrap();
    }
    ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

#[test]
fn plain() {
    let lab = Lab::with("plain");
    let mut client = lab.connect();
    assert_eq!(client.reply(), "220 a.test ESMTP\r\n");
    let reply = client.ask("EHLO probe.test");
    assert!(
        reply.starts_with("250-a.test\r\n") && !reply.contains("STARTTLS"),
        "{reply}"
    );
    assert!(client.ask("STARTTLS").starts_with("502 "));
    assert!(client.ask("QUIT").starts_with("221 "));
    assert_eq!(client.rest(), (vec![], false));
}

#[test]
fn tls_with_a_valid_chain_and_smtp_inside() {
    let lab = Lab::with("tls");
    let mut client = lab.connect();
    client.starttls();
    let mut inside = client.handshake(trusting(&lab)).unwrap();
    inside.write_all(b"EHLO probe.test\r\nQUIT\r\n").unwrap();
    let mut reply = String::new();
    inside.read_to_string(&mut reply).unwrap();
    assert!(
        reply.contains("250-a.test") && reply.contains("221 "),
        "{reply}"
    );
    assert!(!reply.contains("STARTTLS"));
}

#[test]
fn certificates_of_every_class() {
    for (class, error) in [
        ("valid", None),
        ("wildcard", None),
        ("expired", Some("Expired")),
        ("not-yet-valid", Some("NotValidYet")),
        ("self-signed", Some("UnknownIssuer")),
        ("unknown-issuer", Some("UnknownIssuer")),
        ("incomplete", Some("UnknownIssuer")),
        ("wrong-name", Some("NotValidForName")),
        ("cn-only", Some("NotValidForName")),
    ] {
        let lab = Lab::new(&format!(
            r#"{{"type":"server","ip":"127.0.0.1","tls":{{"certificate":"{class}","key":"p384"}}}}"#
        ));
        let mut client = lab.connect();
        client.starttls();
        let outcome = client.handshake(trusting(&lab));
        match error {
            None => assert!(outcome.is_ok(), "{class}: {:?}", outcome.err()),
            Some(error) => {
                let said = format!("{:?}", outcome.err());
                assert!(said.contains(error), "{class}: {said}");
            }
        }
    }
}

#[test]
fn tls_versions_and_keys() {
    for (key, version) in [
        ("rsa2048", "TLSv1.2"),
        ("ed25519", "TLSv1.3"),
        ("p521", "TLSv1.2"),
    ] {
        let lab = Lab::new(&format!(
            r#"{{"type":"server","ip":"::1","tls":{{"key":"{key}","versions":["{version}"]}}}}"#
        ));
        let mut client = lab.connect_to(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]));
        client.starttls();
        let stream = client.handshake(trusting(&lab)).unwrap();
        let spoken = format!("{:?}", stream.conn.protocol_version().unwrap());
        assert_eq!(spoken.replace('_', "."), version, "{key}");
    }
}

#[test]
fn listeners_that_are_none() {
    let lab = Lab::new(
        r#"{"type":"server","ip":"127.0.0.1","as":"refused"}
        {"type":"server","ip":"127.0.0.2","as":"blackhole"}
        {"type":"server","ip":"127.0.0.3","as":"silent"}"#,
    );
    let connect =
        |last| TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, last], lab.port)), SOON);
    assert_eq!(connect(1).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    assert_eq!(connect(2).unwrap_err().kind(), ErrorKind::TimedOut);
    assert!(lab.connect_to([127, 0, 0, 3]).is_silent());
}

#[test]
fn banners() {
    for (behaviour, banner) in [
        ("banner-554", "554 5.3.2 a.test takes no mail\r\n"),
        ("banner-421", "421 4.3.2 a.test too busy\r\n"),
        (
            "ansi",
            "220 \u{1b}]0;owned\u{7}\u{1b}[31ma.test\u{1b}[2J ESMTP\r\n",
        ),
        ("html", "220 <script>alert(1)</script> a.test ESMTP\r\n"),
        ("binary", "220 a.test \u{ff}\u{fe}\0\u{80} ESMTP\r\n"),
        ("bare-lf", "220 a.test ESMTP\n"),
        ("http", "HTTP/1.1 400 Bad Request\r\n"),
    ] {
        let lab = Lab::with(behaviour);
        assert_eq!(lab.connect().line(), banner, "{behaviour}");
    }
}

#[test]
fn floods() {
    let lab = Lab::with("no-crlf");
    let mut bytes = vec![0; 4 + (10 << 20)];
    lab.connect().0.read_exact(&mut bytes).unwrap();
    assert!(!bytes.contains(&b'\n'));
    let lab = Lab::with("endless");
    let mut client = lab.connect();
    assert!(client.reply().starts_with("220 "));
    client.say("EHLO probe.test");
    for _ in 0..100_000 {
        assert_eq!(client.line(), "250-X-AGAIN and again\r\n");
    }
}

#[test]
fn slowness() {
    let lab = Lab::new(
        r#"{"type":"server","ip":"127.0.0.1","name":"a.test","drip_ms":20}
        {"type":"server","ip":"127.0.0.2","name":"a.test","steps":{"banner":[{"say":"220-a.test\r\n"},{"wait_ms":400,"say":"{default}"}]}}
        {"type":"server","ip":"127.0.0.3","latency_ms":200}"#,
    );
    let begin = Instant::now();
    assert_eq!(lab.connect().reply(), "220 a.test ESMTP\r\n");
    assert!(begin.elapsed() >= Duration::from_millis(18 * 20));
    let mut postscreen = lab.connect_to([127, 0, 0, 2]);
    assert_eq!(postscreen.line(), "220-a.test\r\n");
    assert!(postscreen.is_silent());
    assert_eq!(postscreen.line(), "220 a.test ESMTP\r\n");
    let begin = Instant::now();
    lab.connect_to([127, 0, 0, 3]).ehlo();
    assert!(begin.elapsed() >= Duration::from_millis(400));
}

#[test]
fn names_that_are_refused() {
    let lab = Lab::with("helo-only");
    let mut client = lab.connect();
    assert!(client.ehlo().starts_with("502 "));
    assert!(client.ask("HELO probe.test").starts_with("250 "));
    let lab = Lab::with("no-helo");
    let mut client = lab.connect();
    assert!(client.ehlo().starts_with("550 "));
    assert!(client.ask("HELO probe.test").starts_with("550 "));
    let lab = Lab::with("needs-domain");
    let mut client = lab.connect();
    client.reply();
    assert!(client.ask("EHLO localhost").starts_with("550 "));
    assert!(client.ask("EHLO [127.0.0.1]").starts_with("550 "));
    assert!(client.ask("EHLO probe.test").starts_with("250-"));
}

#[test]
fn replies_that_break_the_rules() {
    let lab = Lab::with("code-change");
    let mut client = lab.connect();
    assert!(client.ehlo().contains("550-PIPELINING"));
    let lab = Lab::with("half-ehlo");
    let mut client = lab.connect();
    client.reply();
    client.say("EHLO probe.test");
    assert_eq!(client.line(), "250-a.test\r\n");
    let mut half = [0; 8];
    client.0.read_exact(&mut half).unwrap();
    assert!(client.is_silent());
}

#[test]
fn throttling() {
    let lab = Lab::new(
        r#"{"type":"server","ip":"127.0.0.1","as":"limit"}
        {"type":"server","ip":"127.0.0.2","as":"one-in-30s"}
        {"type":"server","ip":"127.0.0.3","as":"one-at-once"}
        {"type":"server","ip":"127.0.0.4","as":"greylist"}
        {"type":"server","ip":"127.0.0.5","as":"greylist-banner"}"#,
    );
    let code = |last: u8| lab.connect_to([127, 0, 0, last]).reply()[..3].to_string();
    assert_eq!(
        [code(1), code(1), code(1), code(1)],
        ["220", "220", "220", "421"]
    );
    assert_eq!([code(2), code(2)], ["220", "421"]);
    let mut held = lab.connect_to([127, 0, 0, 3]);
    held.ehlo();
    assert_eq!(code(3), "421");
    held.ask("QUIT");
    assert_eq!(held.rest(), (vec![], false));
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(code(3), "220");
    assert!(lab.connect_to([127, 0, 0, 4]).ehlo().starts_with("451 "));
    assert!(lab.connect_to([127, 0, 0, 4]).ehlo().contains("STARTTLS"));
    assert_eq!([code(5), code(5)], ["451", "220"]);
}

#[test]
fn starttls_of_every_kind() {
    for (behaviour, advertised, reply) in [
        ("starttls-454", "STARTTLS", "454 "),
        ("starttls-501", "STARTTLS", "501 "),
        ("starttls-550", "STARTTLS", "550 "),
        ("masked", "XXXXXXXA", "500 "),
        ("injected", "STARTTLS", "220 2.0.0 go ahead\r\n"),
    ] {
        let lab = Lab::with(behaviour);
        let mut client = lab.connect();
        assert!(client.ehlo().contains(advertised), "{behaviour}");
        assert!(client.ask("STARTTLS").starts_with(reply), "{behaviour}");
    }
    for behaviour in ["unadvertised", "masked-works", "injected"] {
        let lab = Lab::with(behaviour);
        let mut client = lab.connect();
        client.ehlo();
        assert!(client.ask("STARTTLS").starts_with("220 "));
        if behaviour == "injected" {
            assert_eq!(client.line(), "250 injected\r\n");
        }
        assert!(client.handshake(trusting(&lab)).is_ok(), "{behaviour}");
    }
}

#[test]
fn what_follows_the_220() {
    for (behaviour, error) in [
        ("plaintext", "InvalidContentType"),
        ("alert", "HandshakeFailure"),
        ("close-handshake", "eof"),
        ("reset-handshake", "reset"),
        ("close-220", "eof"),
    ] {
        let lab = Lab::with(behaviour);
        let mut client = lab.connect();
        client.starttls();
        let said = format!("{:?}", client.handshake(trusting(&lab)).err().unwrap());
        let said = said.to_lowercase();
        let broken =
            behaviour == "close-220" && (said.contains("reset") || said.contains("broken"));
        assert!(
            broken || said.contains(&error.to_lowercase()),
            "{behaviour}: {said}"
        );
    }
    let lab = Lab::with("hang-handshake");
    let mut client = lab.connect();
    client.starttls();
    client.0.get_mut().write_all(&[22, 3, 1, 0, 0]).unwrap();
    assert!(client.is_silent());
}

#[test]
fn a_scripted_flight_of_old() {
    let lab = Lab::with("dhe-1024");
    // SSLv2-compatible and TLS 1.0: version, lengths, one suite (0x39), challenge.
    let sslv2 = [0x80, 15, 1, 3, 1, 0, 3, 0, 0, 0, 3, 0, 0, 0x39, 9, 9, 9];
    let mut client = lab.connect();
    client.starttls();
    client.0.get_mut().write_all(&sslv2).unwrap();
    let mut head = [0; 5];
    client.0.read_exact(&mut head).unwrap();
    assert_eq!(head[..3], [22, 3, 1]);
    let mut flight = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
    client.0.read_exact(&mut flight).unwrap();
    assert_eq!(
        (flight[0], &flight[flight.len() - 4..]),
        (2, &[14, 0, 0, 0][..])
    );
    client.0.get_mut().write_all(&[22, 3, 1, 0, 1, 16]).unwrap();
    assert_eq!(client.rest(), (vec![21, 3, 1, 0, 2, 2, 40], false));
    // A client of today offers nothing of this.
    let mut client = lab.connect();
    client.starttls();
    let said = format!("{:?}", client.handshake(trusting(&lab)).err().unwrap());
    assert!(said.contains("HandshakeFailure"), "{said}");
}

#[test]
fn ends_at_every_step() {
    for (end, reset) in [("close", false), ("reset", true)] {
        let lab = Lab::with(&format!("{end}-banner"));
        assert_eq!(lab.connect().rest(), (vec![], reset), "{end}-banner");
        let lab = Lab::with(&format!("{end}-ehlo"));
        let mut client = lab.connect();
        client.reply();
        client.say("EHLO probe.test");
        assert_eq!(client.rest(), (vec![], reset), "{end}-ehlo");
        let lab = Lab::with(&format!("{end}-starttls"));
        let mut client = lab.connect();
        client.ehlo();
        client.say("STARTTLS");
        assert_eq!(client.rest(), (vec![], reset), "{end}-starttls");
    }
    for (behaviour, commands) in [("hang-ehlo", 1), ("hang-starttls", 2)] {
        let lab = Lab::with(behaviour);
        let mut client = lab.connect();
        client.reply();
        if commands == 2 {
            client.ask("EHLO probe.test");
        }
        client.say(["EHLO probe.test", "STARTTLS"][commands - 1]);
        assert!(client.is_silent(), "{behaviour}");
    }
}

#[test]
fn manners_are_counted() {
    let lab = Lab::with("tls");
    let mut polite = lab.connect();
    polite.ehlo();
    let mut rude = lab.connect();
    rude.reply();
    polite.ask("QUIT");
    polite.rest();
    drop(rude);
    std::thread::sleep(Duration::from_millis(100));
    let mut spammer = lab.connect();
    spammer.ehlo();
    spammer.ask("MAIL FROM:<a@b.test>");
    spammer.ask("VRFY root");
    spammer.ask("STARTTLS");
    spammer.say("QUIT");
    spammer.rest();
    let mut inside = lab.connect();
    inside.starttls();
    inside
        .handshake(trusting(&lab))
        .unwrap()
        .write_all(b"QUIT\r\n")
        .unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let seen = lab.seen();
    let counts = &seen[0];
    assert_eq!(counts["ip"], "127.0.0.1");
    for (count, expected) in [
        ("connections", 4),
        ("at_once", 2),
        ("idle_gap_ms", 0),
        ("quits", 1),
        ("quits_inside", 1),
        ("starttls", 2),
        ("handshakes", 1),
        ("handshakes_failed", 1),
        ("without_quit", 1),
        ("clear_after_starttls", 1),
    ] {
        assert_eq!(counts[count], expected, "{count} of {counts}");
    }
    assert_eq!(
        counts["improper"],
        serde_json::json!({"MAIL": 1, "VRFY": 1})
    );
    assert_eq!(counts["ehlo_name"], "probe.test");
    assert_eq!(seen[1]["type"], "dns");
}

#[test]
fn dns_over_udp_and_tcp() {
    let lab = Lab::new(
        r#"{"type":"name","name":"a.test","mx":[[10,"mx.a.test"]]}
        {"type":"name","name":"mx.a.test","a":["127.0.0.1"],"dns":{"answer":"truncate"}}
        {"type":"name","name":"_25._tcp.mx.a.test","tlsa":["3 1 1 @127.0.0.1"]}
        {"type":"name","name":"slow.test","a":["127.0.0.1"],"dns":{"delay_ms":300}}
        {"type":"name","name":"broken.test","dns":{"answer":"servfail"}}
        {"type":"server","ip":"127.0.0.1","as":"tls"}"#,
    );
    assert_eq!(lab.ask("a.test.", RecordType::MX).answers.len(), 1);
    assert_eq!(
        lab.ask("broken.test.", RecordType::MX).response_code,
        ResponseCode::ServFail
    );
    assert_eq!(
        lab.ask("b.test.", RecordType::MX).response_code,
        ResponseCode::NXDomain
    );
    let tlsa = lab.ask("_25._tcp.mx.a.test.", RecordType::TLSA);
    assert!(tlsa.answers[0].data.to_string().starts_with("3 1 1 "));
    let begin = Instant::now();
    assert_eq!(lab.ask("slow.test.", RecordType::A).answers.len(), 1);
    assert!(begin.elapsed() >= Duration::from_millis(300));

    assert!(lab.ask("mx.a.test.", RecordType::A).metadata.truncation);
    let mut question = Message::new(9, MessageType::Query, OpCode::Query);
    question.add_query(Query::query(
        Name::from_ascii("mx.a.test.").unwrap(),
        RecordType::A,
    ));
    let question = question.to_vec().unwrap();
    let mut stream = TcpStream::connect(lab.dns).unwrap();
    stream
        .write_all(&(question.len() as u16).to_be_bytes())
        .unwrap();
    stream.write_all(&question).unwrap();
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(Message::from_vec(&answer).unwrap().answers.len(), 1);
}

#[test]
fn a_command_gets_the_world_and_gives_its_status() {
    let directory = tempfile::tempdir().unwrap();
    let world = directory.path().join("world");
    std::fs::write(
        &world,
        r#"{"type":"name","name":"a.test","a":["127.0.0.1"]}"#,
    )
    .unwrap();
    let output = program()
        .args(["--port", "0", "--dns-port", "0"])
        .arg(&world)
        .args(["--", "sh", "-c"])
        .arg("echo $MAIL_LAB_DNS $MAIL_LAB_PORT; head -n 1 $MAIL_LAB_ROOTS; exit 7")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(7));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with("127.0.0.1:"), "{said}");
    assert!(said.ends_with("-----BEGIN CERTIFICATE-----\n"), "{said}");
}

#[test]
fn a_world_that_is_wrong_names_file_and_line() {
    let directory = tempfile::tempdir().unwrap();
    let world = directory.path().join("world");
    std::fs::write(
        &world,
        "{\"type\":\"world\"}\n\n{\"type\":\"server\",\"ip\":\"192.0.2.1\"}\n",
    )
    .unwrap();
    let output = program().arg(&world).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("world: line 3: 192.0.2.1 is neither a loopback address"),
        "{said}"
    );
}

#[test]
fn behaviours_are_listed() {
    let output = program().arg("--behaviours").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.lines().count() > 50 && said.contains("blackhole"),
        "{said}"
    );
}

#[test]
fn a_reader_that_has_read_enough_leaves_the_world_alone() {
    let directory = tempfile::tempdir().unwrap();
    let world = directory.path().join("world");
    std::fs::write(
        &world,
        r#"{"type":"name","name":"a.test","a":["127.0.0.1"]}"#,
    )
    .unwrap();
    let mut child = program()
        .args(["--port", "0", "--dns-port", "0"])
        .arg(&world)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    std::thread::sleep(LONG / 10);
    assert!(child.try_wait().unwrap().is_none());
    Command::new("kill")
        .arg(child.id().to_string())
        .status()
        .unwrap();
    assert!(child.wait().unwrap().success());
}

/// A made world: its truth, a line for each domain.
fn made(arguments: &[&str]) -> (TempDir, Vec<Value>) {
    let directory = tempfile::tempdir().unwrap();
    let status = program()
        .arg("--generate")
        .args(arguments)
        .arg("--out")
        .arg(directory.path())
        .status()
        .unwrap();
    assert!(status.success());
    let truth = std::fs::read_to_string(directory.path().join("truth.ndjson")).unwrap();
    let truth = truth
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    (directory, truth)
}

#[test]
fn the_small_world_of_2014_counts_as_the_study_counted() {
    let (directory, truth) = made(&["2014-small", "--shorten", "1000"]);
    assert_eq!(truth.len(), 20_000);
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/world-2014.json");
    let data: Value = serde_json::from_slice(&std::fs::read(data).unwrap()).unwrap();
    let answering: Vec<&Value> = truth.iter().filter(|one| one["answers"] == true).collect();
    let yes =
        |set: &[&Value], fact: &str| set.iter().filter(|one| one[fact] == true).count() as u64;
    let users = |set: &[&Value], list: &str| {
        set.iter()
            .map(|one| one[list].as_u64().unwrap())
            .sum::<u64>()
    };
    let up_to = |rank: u64| {
        let within = answering
            .iter()
            .filter(|one| one["rank"].as_u64().unwrap() <= rank);
        within.copied().collect::<Vec<_>>()
    };
    let with = |set: &[&'_ Value], fact: &str, value: &str| {
        set.iter().filter(|one| one[fact] == value).count() as u64
    };
    let whole = answering.len() as u64;
    let tls: Vec<&Value> = answering
        .iter()
        .copied()
        .filter(|one| one["tls"] == true)
        .collect();
    let valid: Vec<&Value> = tls
        .iter()
        .copied()
        .filter(|one| one["valid"] == true)
        .collect();
    let head = up_to(10_000);
    let mut checked = 0;
    for (question, expected) in data["expected"].as_object().unwrap() {
        let (kind, rest) = question.split_once(' ').unwrap();
        let found = match (kind, rest) {
            ("tls", "rank<=2000") => [yes(&up_to(2_000), "tls"), up_to(2_000).len() as u64],
            ("tls", "rank<=20000") => [yes(&answering, "tls"), whole],
            ("overall", "esmtp") => [yes(&answering, "esmtp"), whole],
            ("overall", "tls") => [tls.len() as u64, whole],
            ("overall", "valid") => [valid.len() as u64, whole],
            ("overall", "valid of tls") => [valid.len() as u64, tls.len() as u64],
            ("adobe" | "gawker", "all") => [users(&tls, kind), users(&answering, kind)],
            ("adobe" | "gawker", "valid") => [users(&valid, kind), users(&tls, kind)],
            ("table3", operator) => [with(&answering, "operator", operator), whole],
            ("pie", cipher) => [with(&head, "cipher", cipher), yes(&head, "tls")],
            ("table1", domain) => {
                let one = truth.iter().find(|one| one["domain"] == domain).unwrap();
                [one["adobe"].as_u64().unwrap(), 152_470_436]
            }
            _ => continue,
        };
        assert_eq!(serde_json::json!(found), expected["small"], "{question}");
        checked += 1;
    }
    assert_eq!(checked, 30);
    let lines = |file| {
        let file = std::fs::File::open(directory.path().join(file)).unwrap();
        BufReader::new(file).lines().count()
    };
    // Users in and outside the world, one in a thousand; all of the other list.
    assert_eq!(
        (lines("adobe.txt"), lines("gawker.txt")),
        (152_470, 500_000)
    );
    assert_eq!(lines("domains.csv"), 20_000);
    let world = std::fs::read_to_string(directory.path().join("world.ndjson")).unwrap();
    let servers = world
        .lines()
        .filter(|line| line.starts_with(r#"{"type":"server""#));
    assert_eq!(servers.count(), 8_993);
}

#[test]
fn random_worlds_are_the_same_for_a_seed_and_can_be_served() {
    let world = |seed| made(&["random", "--seed", seed, "--domains", "200"]);
    let read = |directory: &TempDir| {
        std::fs::read_to_string(directory.path().join("world.ndjson")).unwrap()
    };
    let ((one, truth), (again, _), (other, _)) = (world("7"), world("7"), world("8"));
    assert_eq!(read(&one), read(&again));
    assert_ne!(read(&one), read(&other));
    assert_eq!(truth.len(), 200);
    let lab = Lab::new(&read(&one));
    for fact in &truth {
        let name = format!("{}.", fact["domain"].as_str().unwrap());
        let code = lab.ask(&name, RecordType::MX).response_code;
        match fact["mail"].as_bool() {
            None => assert_ne!(code, ResponseCode::NoError, "{fact}"),
            Some(true) => assert_eq!(code, ResponseCode::NoError, "{fact}"),
            Some(false) => {}
        }
    }
}

/// Workers that die at once, before and while they are told what to do.
#[test]
fn a_lab_whose_worker_dies_at_once_says_so_and_ends_with_2() {
    for servers in [1, 3_000] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("world.ndjson");
        let world: String = (0..servers)
            .map(|nth| {
                let ip = format!("127.8.{}.{}", nth / 250, nth % 250 + 1);
                format!("{{\"type\":\"server\",\"ip\":\"{ip}\",\"as\":\"tls\"}}\n")
            })
            .collect();
        std::fs::write(&path, world).unwrap();
        let mut lab = program()
            .args(["--port", "0", "--dns-port", "0"])
            .arg(&path)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let began = std::time::Instant::now();
        while lab.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < Duration::from_secs(120), "it goes on");
            let parent = lab.id().to_string();
            let _ = Command::new("pkill")
                .args(["-KILL", "-P", &parent])
                .status();
        }
        let ended = lab.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(2), "{servers}: {said}");
        assert!(
            said.starts_with("mail-lab: ") && said.contains("a worker"),
            "{servers}: {said}"
        );
    }
}
