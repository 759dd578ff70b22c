//! The contract between the programs (`mx-survey.7`): what holds for every stage, and for the whole pipe.

use std::collections::HashSet;
use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Ran, program, run, shell, timeless, wait_for};
use crate::mail_lab::Lab;
use crate::peers::loopback;

/// A world: `count` domains, each with a server of its own, of these behaviours in turn.
fn world(count: usize, behaviours: &[&str]) -> String {
    let mut world = String::new();
    for (number, behaviour) in (0..count).zip(behaviours.iter().cycle()) {
        let ip = format!("127.9.{}.{}", number / 250, number % 250 + 1);
        let lines = [
            json!({"type": "name", "name": format!("d{number}.test"), "mx": [[10, format!("mx.d{number}.test")]]}),
            json!({"type": "name", "name": format!("mx.d{number}.test"), "a": [ip]}),
            serde_json::from_str(&behaviour.replace("IP", &ip)).unwrap(),
        ];
        for line in lines {
            world += &format!("{line}\n");
        }
    }
    world
}

fn domains(count: usize) -> String {
    (0..count)
        .map(|number| format!("d{number}.test\n"))
        .collect()
}

/// Quick ones, of which one in five makes the client wait a little: a run takes time enough to be disturbed.
const MIXED: &[&str] = &[
    r#"{"type": "server", "ip": "IP", "as": "plain"}"#,
    r#"{"type": "server", "ip": "IP", "as": "tls"}"#,
    r#"{"type": "server", "ip": "IP", "as": "expired", "latency_ms": 150}"#,
    r#"{"type": "server", "ip": "IP", "as": "banner-421"}"#,
    r#"{"type": "server", "ip": "IP", "as": "refused"}"#,
    r#"{"type": "server", "ip": "IP", "as": "self-signed"}"#,
];

/// The arguments of a stage over a lab, without spacing and retries.
fn arguments(stage: &str, lab: &Lab) -> Vec<String> {
    let own = match stage {
        "mx-lookup" => format!("--nameserver {}", lab.dns),
        "smtp-probe" => format!("--port {}", lab.port),
        "tls-inspect" => format!("--roots lab={}", lab.roots.display()),
        other => panic!("{other}"),
    };
    let manners = "--helo probe.example.org --allow 127.0.0.0/8 --spacing 0 --retries 0";
    let all = match stage {
        "mx-lookup" => own,
        _ => format!("{own} {manners}"),
    };
    all.split(' ').map(str::to_owned).collect()
}

const NETWORK_STAGES: [&str; 3] = ["mx-lookup", "smtp-probe", "tls-inspect"];

fn run_stage(stage: &str, lab: &Lab, input: &str) -> Ran {
    let arguments = arguments(stage, lab);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    run(stage, &arguments, input)
}

/// What `stage` reads when everything before it has ended well.
fn input_of(stage: &str, lab: &Lab, count: usize) -> String {
    let before = NETWORK_STAGES.iter().take_while(|&&before| before != stage);
    before.fold(domains(count), |input, before| {
        run_stage(before, lab, &input).expect(0).stdout
    })
}

/// The observations in a stream: without what passes, and without provenance, in an order of their own.
fn observations(ran: &Ran) -> Vec<String> {
    let mut observations: Vec<String> = (ran.records().into_iter())
        .filter(|record| record["type"] != "run")
        .map(|record| timeless(record).to_string())
        .collect();
    observations.sort_unstable();
    observations
}

// --- killed, and gone on with ---------------------------------------------------------------------------------

/// Kills a stage when it has written so many lines; what it wrote is in `part`.
fn kill_after(stage: &str, arguments: &[String], input: &str, lines: usize, part: &Path) {
    let mut child = Command::new(program(stage))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(File::create(part).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let input = input.to_owned();
    // The end of the input stays away, so that it does not end before it is killed.
    let writer = std::thread::spawn(move || (pipe.write_all(input.as_bytes()), pipe));
    let written = || {
        std::fs::read(part)
            .unwrap()
            .iter()
            .filter(|&&byte| byte == b'\n')
            .count()
    };
    wait_for(
        &format!("line {lines} of {stage}"),
        Duration::from_secs(60),
        || written() >= lines,
    );
    child.kill().unwrap();
    child.wait().unwrap();
    drop(writer);
}

/// An undisturbed run and one that was killed and resumed say the same.
fn survives_a_kill(stage: &str) {
    const DOMAINS: usize = 120;
    let lab = Lab::new(&world(DOMAINS, MIXED));
    let input = input_of(stage, &lab, DOMAINS);
    let whole = run_stage(stage, &lab, &input).expect(0);
    let lines = whole.stdout.lines().count();
    let directory = tempfile::tempdir().unwrap();
    let part = directory.path().join("part.ndjson");
    for cut in [0, 7] {
        // The last line stays away while the input is open.
        let moment = rand::random_range(1..lines - 1);
        println!("{stage}: killed at line {moment} of {lines}, {cut} bytes torn off");
        kill_after(stage, &arguments(stage, &lab), &input, moment, &part);
        let file = File::options().write(true).open(&part).unwrap();
        file.set_len(file.metadata().unwrap().len() - cut).unwrap();

        let mut arguments = arguments(stage, &lab);
        arguments.extend(["--resume".to_owned(), part.display().to_string()]);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let resumed = run(stage, &arguments, &input).expect(0);
        assert_eq!(observations(&whole), observations(&resumed));
        let end = &resumed.of_type("run").pop().unwrap();
        assert_eq!(end["event"], "end");
        if moment > lines / 2 && stage == "mx-lookup" {
            assert!(
                crate::harness::by_name(&end["counts"])["resumed"].as_u64() > Some(0),
                "{end}"
            );
        }
    }
}

#[test]
fn a_killed_mx_lookup_goes_on_where_it_was() {
    survives_a_kill("mx-lookup");
}

#[test]
fn a_killed_smtp_probe_goes_on_where_it_was() {
    survives_a_kill("smtp-probe");
}

#[test]
fn a_killed_tls_inspect_goes_on_where_it_was() {
    survives_a_kill("tls-inspect");
}

#[test]
fn a_killed_to_sqlite_goes_on_where_it_was() {
    const DOMAINS: usize = 120;
    let lab = Lab::new(&world(DOMAINS, MIXED));
    let stream = run_stage("tls-inspect", &lab, &input_of("tls-inspect", &lab, DOMAINS))
        .expect(0)
        .stdout;
    let directory = tempfile::tempdir().unwrap();
    let whole = directory.path().join("whole.db");
    run("to-sqlite", &[whole.to_str().unwrap()], &stream).expect(0);

    let killed = directory.path().join("killed.db");
    let lines: Vec<&str> = stream.split_inclusive('\n').collect();
    let moment = rand::random_range(1..lines.len());
    println!("to-sqlite: killed at line {moment} of {}", lines.len());
    let mut child = Command::new(program("to-sqlite"))
        .arg(&killed)
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(lines[..moment].concat().as_bytes()).unwrap();
    // Idle for a second it commits; before, in, and after that are moments too.
    std::thread::sleep(Duration::from_millis(rand::random_range(0..2_000)));
    child.kill().unwrap();
    child.wait().unwrap();

    run("to-sqlite", &[killed.to_str().unwrap()], &stream).expect(0);
    assert_eq!(contents(&whole), contents(&killed));
}

#[test]
fn a_pipe_with_a_killed_stage_goes_on_from_its_database() {
    const DOMAINS: usize = 120;
    let lab = Lab::new(&world(DOMAINS, MIXED));
    let directory = tempfile::tempdir().unwrap();
    let whole = directory.path().join("whole.db");
    let stream = run_stage("tls-inspect", &lab, &input_of("tls-inspect", &lab, DOMAINS))
        .expect(0)
        .stdout;
    run("to-sqlite", &[whole.to_str().unwrap()], &stream).expect(0);

    for killed in NETWORK_STAGES.into_iter().chain(["to-sqlite"]) {
        let database = directory.path().join(format!("{killed}.db"));
        let mut pipe = Pipe::start(&lab, &database, &[]);
        pipe.say(&domains(DOMAINS));
        std::thread::sleep(Duration::from_millis(rand::random_range(100..1_500)));
        pipe.kill(killed);
        let (statuses, said) = pipe.end();
        let last = if killed == "to-sqlite" { -9 } else { 1 };
        assert_eq!(
            statuses[3], last,
            "what was cut is noticed: {statuses:?} {said}"
        );

        let resume = ["--resume", database.to_str().unwrap()];
        let mut pipe = Pipe::start(&lab, &database, &resume);
        pipe.say(&domains(DOMAINS));
        let (statuses, said) = pipe.end();
        assert_eq!(statuses, [0, 0, 0, 0], "{said}");
        assert_eq!(contents(&whole), contents(&database), "{killed} killed");
    }
}

/// What a database says of the world, without times and runs.
fn contents(database: &Path) -> Vec<String> {
    let connection = rusqlite::Connection::open(database).unwrap();
    let questions = [
        "SELECT * FROM server",
        "SELECT * FROM mail_route",
        "SELECT * FROM tls_of_domains",
        "SELECT * FROM status_of_domains",
        "SELECT * FROM cipher_of_servers",
        "SELECT sha256, subject, not_after FROM certificate",
        "SELECT n.name, d.phase, d.reason, d.implicit_mx FROM domain d JOIN name n USING (id)",
        "SELECT n.name, e.rank FROM entry e JOIN name n ON n.id = e.domain",
    ];
    let mut rows = Vec::new();
    for question in questions {
        let mut statement = connection.prepare(question).unwrap();
        let columns = statement.column_count();
        let mut found = statement.query([]).unwrap();
        while let Some(row) = found.next().unwrap() {
            let values = (0..columns).map(|column| format!("{:?}", row.get_ref(column).unwrap()));
            rows.push(format!(
                "{question}: {}",
                values.collect::<Vec<_>>().join(" ")
            ));
        }
    }
    rows.sort_unstable();
    rows
}

// --- the whole pipe -------------------------------------------------------------------------------------------

/// `mx-lookup | smtp-probe | tls-inspect | to-sqlite DATABASE`, in a process group of its own.
struct Pipe {
    stages: Vec<(&'static str, Child)>,
    input: Option<ChildStdin>,
    said: tempfile::NamedTempFile,
}

impl Pipe {
    /// `more` are arguments of each network stage.
    fn start(lab: &Lab, database: &Path, more: &[&str]) -> Self {
        let said = tempfile::NamedTempFile::new().unwrap();
        let stderr = || File::options().append(true).open(said.path()).unwrap();
        let mut stages: Vec<(&'static str, Child)> = Vec::new();
        let mut group = 0;
        for stage in NETWORK_STAGES.into_iter().chain(["to-sqlite"]) {
            let mut command = Command::new(program(stage));
            if stage == "to-sqlite" {
                command.arg(database).stdout(Stdio::null());
            } else {
                command
                    .args(arguments(stage, lab))
                    .args(more)
                    .stdout(Stdio::piped());
            }
            let stdin = match stages.last_mut() {
                Some((_, before)) => Stdio::from(before.stdout.take().unwrap()),
                None => Stdio::piped(),
            };
            let child = command
                .stdin(stdin)
                .stderr(stderr())
                .process_group(group)
                .spawn()
                .unwrap();
            if stages.is_empty() {
                group = i32::try_from(child.id()).unwrap();
            }
            stages.push((stage, child));
        }
        let input = stages[0].1.stdin.take();
        Self {
            stages,
            input,
            said,
        }
    }

    /// Input for the first stage, which stays open.
    fn say(&mut self, text: &str) {
        self.input
            .as_mut()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
    }

    fn kill(&mut self, stage: &str) {
        let (_, child) = self
            .stages
            .iter_mut()
            .find(|(name, _)| *name == stage)
            .unwrap();
        child.kill().unwrap();
    }

    /// What Ctrl-C does.
    fn interrupt(&self) {
        let group = format!("-{}", self.stages[0].1.id());
        let status = Command::new("kill")
            .args(["-INT", "--", &group])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// What they said so far.
    fn said(&self) -> String {
        std::fs::read_to_string(self.said.path()).unwrap()
    }

    /// Waits for all; their statuses, and what they said.
    fn end(mut self) -> (Vec<i32>, String) {
        drop(self.input.take());
        let statuses = self.stages.iter_mut().map(|(_, child)| {
            let status = child.wait().unwrap();
            status.code().unwrap_or_else(|| -status.signal().unwrap())
        });
        let statuses = statuses.collect();
        (statuses, std::fs::read_to_string(self.said.path()).unwrap())
    }
}

#[test]
fn ctrl_c_loses_nothing_that_is_in_flight() {
    const SERVERS: usize = 1_000;
    // They greet when all are connected to, and the signal has come.
    let slow = r#"{"type": "server", "ip": "IP", "as": "tls", "steps": {"banner": [{"wait_ms": 15000}, {"say": "220 slow.test ESMTP\r\n"}]}}"#;
    let lab = Lab::new(&world(SERVERS, &[slow]));
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("out.db");
    let mut pipe = Pipe::start(&lab, &database, &[]);
    pipe.say(&domains(SERVERS));
    let in_flight = || loopback::connections_to(lab.port);
    wait_for("1,000 probes in flight", Duration::from_secs(60), || {
        in_flight() == SERVERS
    });
    pipe.interrupt();
    // A source whose input ends before it hears of the signal has nothing to interrupt.
    wait_for("mx-lookup to hear of it", Duration::from_secs(10), || {
        pipe.said().contains("mx-lookup: interrupted")
    });
    let (statuses, said) = pipe.end();
    // mx-lookup was a source that ended early; tls-inspect began nothing.
    assert_eq!(statuses[3], 0, "{statuses:?} {said}");

    let connection = rusqlite::Connection::open(&database).unwrap();
    let count = |question: &str| {
        connection
            .query_row(question, [], |row| row.get::<_, usize>(0))
            .unwrap()
    };
    assert_eq!(count("SELECT count(*) FROM domain"), SERVERS);
    assert_eq!(
        count("SELECT count(*) FROM smtp WHERE esmtp AND advertised AND accepted"),
        SERVERS
    );
    assert_eq!(
        count("SELECT count(*) FROM run WHERE ended IS NOT NULL AND interrupted"),
        3,
        "{said}"
    );
    assert_eq!(count("SELECT count(*) FROM cut_runs"), 0);
}

/// Lines written in pieces are torn where several programs of a pipe say something at once, as they do at Ctrl-C.
#[test]
fn a_line_that_a_program_says_is_written_whole() {
    let lab = Lab::new(&world(1, MIXED));
    for stage in NETWORK_STAGES {
        // What is written at once arrives as one datagram.
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let mut child = Command::new(program(stage))
            .args(arguments(stage, &lab))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(OwnedFd::from(theirs))
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(b"{\n\xff{\n").unwrap();
        drop(input);
        assert_eq!(child.wait().unwrap().code(), Some(1), "{stage}");
        let mut said = Vec::new();
        let mut datagram = [0; 4096];
        while let Ok(length) = ours.recv(&mut datagram) {
            said.push(String::from_utf8(datagram[..length].to_vec()).unwrap());
        }
        assert!(!said.is_empty(), "{stage} says nothing");
        for line in &said {
            let is_whole = line.starts_with(&format!("{stage}: ")) && line.ends_with('\n');
            assert!(is_whole && line.lines().count() == 1, "{said:#?}");
        }
    }
}

#[test]
fn a_second_ctrl_c_stops_at_once() {
    const SERVERS: usize = 50;
    let slow =
        r#"{"type": "server", "ip": "IP", "as": "tls", "steps": {"banner": [{"wait_ms": 50000}]}}"#;
    let lab = Lab::new(&world(SERVERS, &[slow]));
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("out.db");
    let mut pipe = Pipe::start(&lab, &database, &[]);
    pipe.say(&domains(SERVERS));
    let in_flight = || loopback::connections_to(lab.port);
    wait_for("probes in flight", Duration::from_secs(60), || {
        in_flight() == SERVERS
    });
    let start = Instant::now();
    pipe.interrupt();
    std::thread::sleep(Duration::from_millis(500));
    pipe.interrupt();
    let (statuses, said) = pipe.end();
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?} {said}",
        start.elapsed()
    );
    assert_eq!(statuses[1..], [1, 1, 1], "{said}");
    let connection = rusqlite::Connection::open(&database).unwrap();
    let sound: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sound, "ok");
}

#[test]
fn a_killed_upstream_is_told_by_all_below() {
    let lab = Lab::new(&world(60, MIXED));
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("out.db");
    let mut pipe = Pipe::start(&lab, &database, &[]);
    pipe.say(&domains(60));
    let probed = || {
        let connection = rusqlite::Connection::open(&database);
        let question = "SELECT count(*) FROM smtp";
        let count =
            connection.and_then(|c| c.query_row(question, [], |row| row.get::<_, usize>(0)));
        count.is_ok_and(|count| count > 0)
    };
    wait_for("a first record", Duration::from_secs(60), probed);
    pipe.kill("smtp-probe");
    let (statuses, said) = pipe.end();
    assert_eq!(statuses, [0, -9, 1, 1], "{said}");
    let connection = rusqlite::Connection::open(&database).unwrap();
    let question = "SELECT run FROM run WHERE stage = 'smtp-probe' AND ended IS NULL";
    let cut: String = connection
        .query_row(question, [], |row| row.get(0))
        .unwrap();
    for program in ["tls-inspect", "to-sqlite"] {
        let told = |line: &&str| {
            line.starts_with(program) && line.contains(&cut) && line.contains("smtp-probe")
        };
        assert!(
            said.lines().any(|line| told(&line)),
            "{program} names run {cut} of smtp-probe:\n{said}"
        );
    }
}

// --- every stage ----------------------------------------------------------------------------------------------

#[test]
fn a_reader_that_has_seen_enough_ends_a_source_at_once() {
    let lab = Lab::new(&world(1, MIXED));
    let directory = tempfile::tempdir().unwrap();
    let script = format!(
        "seq -f 'd%g.test' 1000000 | mx-lookup --nameserver {} | head -n 3; echo ${{PIPESTATUS[@]}}",
        lab.dns
    );
    // The best of three: other tests run beside this one.
    let fastest = (0..3).map(|_| {
        let start = Instant::now();
        let ran = shell(&script, directory.path()).expect(0);
        let last = ran.stdout.lines().last().unwrap();
        // seq may die of the closed pipe.
        assert!(last.ends_with(" 0 0"), "{last} {}", ran.stderr);
        assert_eq!(ran.stdout.lines().count(), 4);
        start.elapsed()
    });
    let fastest = fastest.min().unwrap();
    assert!(fastest < Duration::from_secs(1), "{fastest:?}");
}

#[test]
fn unknown_types_and_fields_pass_byte_for_byte_and_in_order() {
    let lab = Lab::new(&world(6, MIXED));
    let foreign = [
        r#"{"type":"policy","domain":"d1.test","spf":{"record":"v=spf1 -all"},"n":1e400,"x":0.10}"#,
        r#"{ "a" : [ 1 , 2 ],	"type" : "f\u0075ture" , "text":"\ud83d\ude00 \/ \u001b" }"#,
        r#"{"type":"hop","message":"00","hop":1,"big":123456789012345678901234567890}"#,
        r#"{"unheard":["of"],"type":"domain","domain":"done.test","outcome":{"phase":"dns","reason":"nxdomain","code":3},"implicit_mx":null,"null_mx":null,"mx":[],"dnssec":null,"questions":1,"time":"2026-01-01T00:00:00.000Z","elapsed_ms":1,"run":"earlier"}"#,
        r#"{"unheard":["of"],"type":"smtp","ip":"192.0.2.1","port":25,"outcome":{"phase":"connect","reason":"timeout"},"esmtp":null,"starttls":{"advertised":null,"accepted":null,"xyz":0},"connections":1,"attempts":1,"timings":{},"connected":null,"time":"2026-01-01T00:00:00.000Z","run":"earlier"}"#,
        r#"{"type":"cert","type2":"tls","sha256":"zz"}"#,
    ];
    for stage in NETWORK_STAGES {
        let own = input_of(stage, &lab, 6);
        let mut own: Vec<&str> = own.lines().collect();
        // Among what the stage works on, not only around it.
        for (number, line) in foreign.iter().enumerate() {
            own.insert((number * 2).min(own.len()), line);
        }
        let input = own.join("\n") + "\n";
        let ran = run_stage(stage, &lab, &input);
        let passed: Vec<&str> = ran
            .stdout
            .lines()
            .filter(|line| foreign.contains(line))
            .collect();
        assert_eq!(passed, foreign, "{stage}: {}", ran.stderr);
        // What came as NDJSON is all there, in its order.
        let mut output = ran.stdout.lines();
        for line in own.iter().filter(|line| line.starts_with('{')) {
            assert!(
                output.any(|written| written == *line),
                "{stage} lost or moved {line}"
            );
        }
    }
}

#[test]
fn causes_come_before_their_effects() {
    let lab = Lab::new(&world(60, MIXED));
    let stream = run_stage("tls-inspect", &lab, &input_of("tls-inspect", &lab, 60)).expect(0);
    let mut domains = HashSet::new();
    let mut servers = HashSet::new();
    let mut certificates = HashSet::new();
    let mut runs = HashSet::new();
    for record in stream.records() {
        let text = |field: &str| record[field].as_str().unwrap_or_default().to_owned();
        if record["type"] != "listed" && record["type"] != "run" {
            assert!(
                runs.contains(&text("run")),
                "before the start of its run: {record}"
            );
        }
        match record["type"].as_str().unwrap() {
            "run" => drop(runs.insert(text("id"))),
            "domain" => drop(domains.insert(text("domain"))),
            "smtp" => {
                let cause = record["for"]["domain"].as_str().unwrap();
                assert!(domains.contains(cause), "before its domain: {record}");
                servers.insert(text("ip"));
            }
            "cert" => assert!(certificates.insert(text("sha256")), "twice: {record}"),
            "tls" => {
                assert!(servers.contains(&text("ip")), "before its smtp: {record}");
                let chain = record["chain"].as_array().cloned().unwrap_or_default();
                let known = |hash: &Value| certificates.contains(hash.as_str().unwrap());
                assert!(chain.iter().all(known), "before a certificate: {record}");
            }
            _ => {}
        }
    }
    assert_eq!((domains.len(), servers.len()), (60, 60));
    assert!(!certificates.is_empty());
}

#[test]
fn what_is_no_record_is_named_and_the_rest_is_there() {
    let lab = Lab::new(&world(3, MIXED));
    for stage in ["smtp-probe", "tls-inspect"] {
        let good = input_of(stage, &lab, 3);
        let clean = run_stage(stage, &lab, &good).expect(0);
        let (first, rest) = good.split_once('\n').unwrap();
        let input = format!("{first}\n[1,2]\n{{\"type\":7}}\n{rest}{{\"type\":\"smtp\",\n");
        let ran = run_stage(stage, &lab, &input).expect(1);
        let last = input.lines().count();
        for number in [2, 3, last] {
            let name = format!("line {number}");
            assert!(
                ran.stderr.contains(&name),
                "{stage}, {name}: {}",
                ran.stderr
            );
        }
        assert!(
            ran.stderr.lines().all(|line| line.starts_with(stage)),
            "{}",
            ran.stderr
        );
        assert_eq!(observations(&clean), observations(&ran), "{stage}");
    }
}

/// One record ends no run: it is named, left out, and the rest is measured.
#[test]
fn a4_a_record_that_cannot_be_read_is_named_and_the_rest_is_measured() {
    let lab = Lab::new(&world(3, MIXED));
    for stage in NETWORK_STAGES {
        let good = input_of(stage, &lab, 3);
        let clean = run_stage(stage, &lab, &good).expect(0);
        let (own, kind) = match stage {
            "mx-lookup" => ("domain", "poll"),
            "smtp-probe" => ("smtp", "domain"),
            _ => ("tls", "smtp"),
        };
        // A lone surrogate, a key twice, and a record of its own type without a key.
        let faults = [
            format!(r#"{{"type":"{kind}","domain":"\ud800.test","ip":"\ud800"}}"#),
            format!(
                r#"{{"type":"{kind}","domain":"a.test","domain":"b.test","ip":"127.0.0.1","ip":"127.0.0.2"}}"#
            ),
            format!(r#"{{"type":"{own}","domain":"\ud800","ip":5}}"#),
        ];
        let input = format!("{good}{}\n", faults.join("\n"));
        let before = good.lines().count();
        let ran = run_stage(stage, &lab, &input).expect(1);
        for number in 1..=faults.len() {
            let name = format!("{stage}: line {}: ", before + number);
            assert!(ran.stderr.contains(&name), "{name}: {}", ran.stderr);
        }
        assert_eq!(ran.stderr.lines().count(), faults.len(), "{}", ran.stderr);
        for fault in &faults {
            assert!(!ran.stdout.contains(fault), "{stage}: {fault}");
        }
        assert_eq!(observations(&clean), observations(&ran), "{stage}");
    }
}

/// An answer of an earlier run that cannot be read is named with its file and line, and its subject measured again.
#[test]
fn a4_a_line_to_resume_that_cannot_be_read_is_named_and_its_subject_is_measured() {
    let lab = Lab::new(&world(3, MIXED));
    let directory = tempfile::tempdir().unwrap();
    let part = directory.path().join("part.ndjson");
    let part = part.to_str().unwrap();
    for stage in NETWORK_STAGES {
        let input = input_of(stage, &lab, 3);
        let whole = run_stage(stage, &lab, &input).expect(0);
        let own = match stage {
            "mx-lookup" => "domain",
            "smtp-probe" => "smtp",
            _ => "tls",
        };
        // The first answer of three is spoilt in turn in three ways.
        for (spoil, with) in [
            (r#""outcome":{"#, r#""outcome":5,"was":{"#),
            (
                r#""outcome":{"#,
                r#""outcome":{"phase":"\ud800"},"outcome":{"#,
            ),
            (r#""type":"#, r#""type":"x","type":"#),
        ] {
            let lines: Vec<&str> = whole.stdout.lines().collect();
            let place = lines
                .iter()
                .position(|line| line.starts_with(&format!(r#"{{"type":"{own}""#)))
                .unwrap();
            let spoilt = lines[place].replacen(spoil, with, 1);
            assert_ne!(spoilt, lines[place]);
            let mut earlier: Vec<&str> = lines.clone();
            earlier[place] = &spoilt;
            std::fs::write(part, earlier.join("\n") + "\n{\"torn").unwrap();
            let mut arguments = arguments(stage, &lab);
            arguments.extend(["--resume".to_owned(), part.to_owned()]);
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let ran = run(stage, &arguments, &input).expect(1);
            let named = format!("{stage}: {part}: line {}: ", place + 1);
            assert!(ran.stderr.starts_with(&named), "{named}: {}", ran.stderr);
            assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
            assert_eq!(observations(&ran), observations(&whole), "{stage}");
        }
    }
}

#[test]
fn what_is_resumed_must_fit() {
    let lab = Lab::new(&world(3, MIXED));
    let directory = tempfile::tempdir().unwrap();
    for stage in NETWORK_STAGES {
        let input = input_of(stage, &lab, 3);
        let whole = run_stage(stage, &lab, &input).expect(0);
        let part = directory.path().join("part.ndjson");
        std::fs::write(&part, &whole.stdout).unwrap();
        std::fs::write(directory.path().join("input"), &input).unwrap();

        let own = format!(
            "{stage} {} --resume part.ndjson <input >>part.ndjson",
            arguments(stage, &lab).join(" ")
        );
        let ran = shell(&own, directory.path()).expect(2);
        assert!(
            ran.stderr
                .contains("part.ndjson is this program's own output"),
            "{}",
            ran.stderr
        );
        assert_eq!(
            std::fs::read_to_string(&part).unwrap(),
            whole.stdout,
            "{stage}"
        );

        let mut arguments = arguments(stage, &lab);
        match stage {
            "mx-lookup" => arguments.push("--tlsa".into()),
            _ => {
                *arguments
                    .iter_mut()
                    .find(|name| *name == "probe.example.org")
                    .unwrap() = "other.example.org".into()
            }
        }
        arguments.extend(["--resume".to_owned(), part.display().to_string()]);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let ran = run(stage, &arguments, &input).expect(2);
        let setting = if stage == "mx-lookup" { "tlsa" } else { "helo" };
        assert!(
            ran.stderr.contains(setting) && ran.stderr.contains("--force"),
            "{}",
            ran.stderr
        );
        assert_eq!(ran.stdout, "", "{stage}");
        let forced: Vec<&str> = arguments.iter().copied().chain(["--force"]).collect();
        let ran = run(stage, &forced, &input).expect(0);
        assert_eq!(observations(&ran), observations(&whole), "{stage}");
    }
}

#[test]
fn a_closed_output_is_no_failure() {
    let lab = Lab::new(&world(3, MIXED));
    let directory = tempfile::tempdir().unwrap();
    for stage in NETWORK_STAGES {
        std::fs::write(
            directory.path().join("input"),
            input_of(stage, &lab, 3).repeat(500),
        )
        .unwrap();
        let script = format!(
            "{stage} {} <input | true; echo ${{PIPESTATUS[@]}}",
            arguments(stage, &lab).join(" ")
        );
        let ran = shell(&script, directory.path()).expect(0);
        assert_eq!(
            (ran.stdout.as_str(), ran.stderr.as_str()),
            ("0 0\n", ""),
            "{stage}"
        );
    }
}

// --- manners --------------------------------------------------------------------------------------------------

#[test]
fn servers_are_asked_gently() {
    const BEHAVIOURS: &[&str] = &[
        r#"{"type": "server", "ip": "IP", "as": "plain"}"#,
        r#"{"type": "server", "ip": "IP", "as": "tls"}"#,
        r#"{"type": "server", "ip": "IP", "as": "one-at-once"}"#,
        r#"{"type": "server", "ip": "IP", "as": "greylist"}"#,
        r#"{"type": "server", "ip": "IP", "as": "helo-only"}"#,
        r#"{"type": "server", "ip": "IP", "as": "starttls-454"}"#,
        r#"{"type": "server", "ip": "IP", "as": "alert"}"#,
    ];
    const COUNT: usize = 28;
    let mut world = world(COUNT, BEHAVIOURS);
    // All of them serve one more domain.
    let exchanges: Vec<_> = (0..COUNT)
        .map(|number| json!([10, format!("mx.d{number}.test")]))
        .collect();
    world += &format!(
        "{}\n",
        json!({"type": "name", "name": "all.test", "mx": exchanges})
    );
    let lab = Lab::new(&world);
    let list = format!("{}all.test\n", domains(COUNT));
    let polite = |stage: &str, input: &str| {
        let mut arguments = arguments(stage, &lab);
        arguments.retain(|argument| {
            argument != "--spacing" && argument != "--retries" && argument != "0"
        });
        arguments.extend(["--retry-after", "2s"].map(str::to_owned));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        run(stage, &arguments, input).expect(0).stdout
    };
    let found = run_stage("mx-lookup", &lab, &list).expect(0).stdout;
    polite("tls-inspect", &polite("smtp-probe", &found));
    let seen = lab.seen();
    let addresses: Vec<&Value> = seen
        .iter()
        .filter(|line| line["type"] == "address")
        .collect();
    assert_eq!(addresses.len(), COUNT);
    for address in addresses {
        let count = |field: &str| address[field].as_u64().unwrap_or(0);
        assert_eq!(count("at_once"), 1, "{address}");
        // smtp-probe 1, tls-inspect 2, each two more after a 4xx.
        assert!((1..=7).contains(&count("connections")), "{address}");
        // Default spacing: one second, less what the clocks of two programs may disagree by.
        let gap = address["start_gap_ms"].as_u64();
        assert!(gap.is_none_or(|gap| gap >= 950), "{address}");
        assert_eq!(
            count("without_quit") + count("early_talkers") + count("clear_after_starttls"),
            0,
            "{address}"
        );
        assert!(
            address["improper"]
                .as_object()
                .is_none_or(serde_json::Map::is_empty),
            "{address}"
        );
        assert_eq!(address["ehlo_name"], "probe.example.org", "{address}");
    }
}

/// The first survey of the README, in `directory`: its stream in `out.ndjson`; then `more` while the world stands.
fn first_survey(directory: &Path, more: &str) -> super::harness::Ran {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/first");
    for name in ["world.ndjson", "domains"] {
        std::fs::copy(example.join(name), directory.join(name)).unwrap();
    }
    let script = format!(
        "mail-lab --port 0 --dns-port 0 world.ndjson -- bash -euo pipefail -c '
            at=\"--allow 127.0.0.0/8 --helo probe.example.org --retries 0\"
            mx-lookup --nameserver $MAIL_LAB_DNS < domains |
                smtp-probe --port $MAIL_LAB_PORT $at |
                tls-inspect $at --roots lab=$MAIL_LAB_ROOTS > out.ndjson
            {more}'"
    );
    shell(&script, directory)
}

#[test]
fn what_stands_in_a_file_is_not_measured_again() {
    let directory = tempfile::tempdir().unwrap();
    let more = "mx-lookup --nameserver $MAIL_LAB_DNS < out.ndjson > mx.ndjson
        smtp-probe --port $MAIL_LAB_PORT $at < out.ndjson > smtp.ndjson
        tls-inspect $at --roots lab=$MAIL_LAB_ROOTS < out.ndjson > tls.ndjson";
    first_survey(directory.path(), more).expect(0);
    let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
    let lines = read("out.ndjson").lines().count();
    for name in ["mx.ndjson", "smtp.ndjson", "tls.ndjson"] {
        // Beside the lines of the run, nothing is new.
        assert_eq!(read(name).lines().count(), lines + 2, "{name}");
        let end: Value = serde_json::from_str(read(name).lines().last().unwrap()).unwrap();
        let counts = &crate::harness::by_name(&end["counts"]);
        assert!(counts["connections"].as_u64().unwrap_or(0) == 0, "{end}");
        assert!(counts["questions"].as_u64().unwrap_or(0) == 0, "{end}");
    }
}

#[test]
fn a_survey_without_tls_inspect_says_so_before_its_numbers() {
    let directory = tempfile::tempdir().unwrap();
    let more =
        "grep -v -e type...tls -e type...cert -e tls-inspect out.ndjson | to-sqlite --quiet out.db
        report out.db --table overview
        report out.db --format html > out.html";
    let ran = first_survey(directory.path(), more).expect(0);
    let caution = "servers that accept STARTTLS were not asked for TLS by tls-inspect";
    // What was made up is told first, then what is missing, then the numbers.
    let place = |text: &str| {
        ran.stdout
            .find(text)
            .unwrap_or_else(|| panic!("{}", ran.stdout))
    };
    assert_eq!(place("SYNTHETIC: "), 0);
    assert!(place("CAUTION: 3 of 3 ") < place("THE OVERALL PICTURE"));
    assert!(ran.stdout.contains(caution), "{}", ran.stdout);
    let page = std::fs::read_to_string(directory.path().join("out.html")).unwrap();
    // No percentage stands alone where most is unknown.
    assert!(
        page.contains(caution) && page.contains("<b>0 to "),
        "{page}"
    );
}

#[test]
fn what_cannot_be_meant_is_refused_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("domains"), "example.org\n").unwrap();
    for (script, says) in [
        (
            "gzip -c domains | mx-lookup --nameserver 127.0.0.1:9",
            "zcat it",
        ),
        ("gzip -c domains | to-sqlite x.db", "zcat it"),
        (
            "mx-lookup --nameserver 127.0.0.1:9 --resume domains < domains",
            "no run in it",
        ),
        (
            "smtp-probe --helo a.example.org --bind 192.0.2.1 < domains",
            "--bind 192.0.2.1",
        ),
    ] {
        let ran = shell(script, directory.path()).expect(2);
        assert!(ran.stderr.contains(says), "{script}: {}", ran.stderr);
    }
    let dead = "mx-lookup --nameserver 127.0.0.1:9 --timeout 2s < domains";
    let ran = shell(dead, directory.path()).expect(2);
    assert!(
        ran.stderr.contains("no name server answered"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.of_type("domain").len(), 1);
}

/// What each filter needs to begin, where nothing on its input is for it.
const FILTERS: &[(&str, &str)] = &[
    ("mx-lookup", "--nameserver 127.0.0.1:9"),
    ("policy-fetch", "--nameserver 127.0.0.1:9"),
    ("policy-lookup", "--nameserver 127.0.0.1:9"),
    ("smtp-probe", "--helo probe.example.org"),
    ("tls-inspect", "--helo probe.example.org"),
    ("to-sqlite", "out.db"),
];

#[test]
fn d6_files_are_read_one_behind_the_other_and_complaints_name_them() {
    let directory = tempfile::tempdir().unwrap();
    let line = |number| format!("{{\"type\":\"x\",\"number\":{number}}}");
    // A last line without its end is joined to nothing, and a mark at the head of any file is no part of it.
    std::fs::write(directory.path().join("one.ndjson"), line(1)).unwrap();
    let three = format!("\u{feff}{}\n{{\n{}\n", line(3), line(4));
    std::fs::write(directory.path().join("three.ndjson"), three).unwrap();
    std::fs::write(directory.path().join("packed"), b"\x1f\x8b\x08\0\0").unwrap();
    for (filter, needs) in FILTERS {
        let script = format!(
            "echo '{}' | {filter} {needs} one.ndjson - three.ndjson",
            line(2)
        );
        let ran = shell(&script, directory.path()).expect(1);
        assert!(
            ran.stderr
                .contains(": three.ndjson:2: an object over several lines"),
            "{filter}: {}",
            ran.stderr
        );
        let numbers: Vec<_> = match *filter {
            "to-sqlite" => shell(
                "sqlite3 out.db 'SELECT line FROM unknown ORDER BY rowid'",
                directory.path(),
            ),
            _ => ran,
        }
        .of_type("x")
        .iter()
        .map(|record| record["number"].as_u64().unwrap())
        .collect();
        assert_eq!(numbers, [1, 2, 3, 4], "{filter}");

        let ran = shell(
            &format!("{filter} {needs} one.ndjson packed"),
            directory.path(),
        )
        .expect(2);
        assert!(
            ran.stderr.contains("packed: it is compressed (gzip)"),
            "{}",
            ran.stderr
        );
        let ran = shell(
            &format!("{filter} {needs} one.ndjson nowhere"),
            directory.path(),
        )
        .expect(2);
        assert!(
            ran.stderr.contains("nowhere: No such file"),
            "{}",
            ran.stderr
        );
        // Nothing has begun.
        assert_eq!(ran.stdout, "");
    }
}

#[test]
fn d6_a_domain_in_the_place_of_a_file_is_told_what_to_type() {
    let directory = tempfile::tempdir().unwrap();
    for (script, line) in [
        ("mx-lookup example.com", "mx-lookup"),
        (
            "policy-fetch example.com",
            "mx-lookup | policy-lookup | policy-fetch",
        ),
        ("smtp-probe example.com", "mx-lookup | smtp-probe"),
        (
            "tls-inspect example.com",
            "mx-lookup | smtp-probe | tls-inspect",
        ),
        (
            "to-sqlite out.db example.com",
            "mx-lookup | smtp-probe | tls-inspect | to-sqlite out.db",
        ),
    ] {
        let ran = shell(script, directory.path()).expect(2);
        let program = script.split(' ').next().unwrap();
        assert_eq!(
            ran.stderr,
            format!("{program}: example.com is no file; for a domain: echo example.com | {line}\n")
        );
    }
    assert!(!directory.path().join("out.db").exists());
}

/// The whole pipe, from a resolver that says nothing to the page.
#[test]
fn d6_a_dead_resolver_ends_the_pipe_and_the_report_says_so_first() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(
        directory.path().join("domains"),
        "a.example\nb.example\nc.example\n",
    )
    .unwrap();
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let dead = silent.local_addr().unwrap();
    let script = format!(
        "mx-lookup --nameserver {dead} --timeout 2s --try-timeout 500ms domains | smtp-probe --helo probe.example.org |
         tls-inspect --helo probe.example.org | to-sqlite --quiet out.db; echo ${{PIPESTATUS[*]}}"
    );
    let ran = shell(&script, directory.path()).expect(0);
    assert_eq!(ran.stdout, "2 0 0 0\n", "{}", ran.stderr);
    assert!(
        ran.stderr.contains("mx-lookup: no name server answered"),
        "{}",
        ran.stderr
    );
    let report = shell("report out.db", directory.path()).expect(0).stdout;
    let told = report.find("No question to the DNS was answered").unwrap();
    let begin: String = report[..told].to_owned();
    assert!(!begin.contains('%') && begin.lines().count() < 6, "{begin}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let directory = tempfile::tempdir().unwrap();
    for script in [
        "mail-lab --generate 2014-small --list adobe --shorten 100",
        "mail-lab --behaviours",
        "report --list",
    ] {
        let ran = shell(&format!("{script} | head -1"), directory.path()).expect(0);
        assert_eq!(
            (ran.stdout.lines().count(), &*ran.stderr),
            (1, ""),
            "{script}"
        );
    }
}

// --- two signals ----------------------------------------------------------------------------------------------

/// Whatever a program is doing, a second signal ends it, with 1.
#[test]
fn a_second_signal_ends_every_program_with_1() {
    let lab = Lab::new(&world(1, MIXED));
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("out.db").display().to_string();
    let world = directory.path().join("world.ndjson");
    std::fs::write(&world, "{\"type\":\"name\",\"name\":\"a.test\"}\n").unwrap();
    let mut programs: Vec<(&str, Vec<String>)> = NETWORK_STAGES
        .iter()
        .map(|&stage| (stage, arguments(stage, &lab)))
        .collect();
    let lab_arguments = [
        "--port",
        "0",
        "--dns-port",
        "0",
        world.to_str().unwrap(),
        "--",
        "sleep",
        "60",
    ];
    programs.push(("to-sqlite", vec![database]));
    programs.push(("report", Vec::new()));
    programs.push(("leak-count", Vec::new()));
    programs.push(("header-trace", Vec::new()));
    programs.push(("mail-lab", lab_arguments.map(str::to_owned).to_vec()));
    let asking = || ["--nameserver", "127.0.0.1:9"].map(str::to_owned).to_vec();
    programs.push(("policy-lookup", asking()));
    programs.push(("policy-fetch", asking()));
    let folder = directory.path().join("survey").display().to_string();
    let survey = ["run", "--out", &folder, "--helo", "probe.example.org"].map(str::to_owned);
    programs.push(("mx-survey", [survey.to_vec(), asking()].concat()));
    assert_eq!(programs.len(), 11, "a program is missing");
    for (name, arguments) in programs {
        // A source that hears of the first before it began to wait for its input ends by it, and rightly.
        let ended = (0..10).find_map(|_| ended_by_two_signals(name, &arguments));
        assert_eq!(ended, Some(1), "{name}");
    }
}

/// The exit status of a program that was interrupted until it ended; none where the first signal did it.
fn ended_by_two_signals(name: &str, arguments: &[String]) -> Option<i32> {
    let mut child = Command::new(program(name))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Its standard input stays open: it waits for more until it is ended.
    let input = child.stdin.take().unwrap();
    let hears = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        u64::from_str_radix(caught.unwrap().trim(), 16).unwrap() & 2 != 0
    };
    wait_for("its handlers", Duration::from_secs(20), hears);
    let id = child.id().to_string();
    // A busy machine may merge signals; two that arrive are enough.
    let mut sent = 0;
    wait_for("its end", Duration::from_secs(20), || {
        sent += 1;
        let _ = Command::new("kill").args(["-INT", &id]).status();
        std::thread::sleep(Duration::from_millis(200));
        child.try_wait().unwrap().is_some()
    });
    let status = child.wait().unwrap();
    drop(input);
    (sent > 1).then(|| status.code().unwrap_or(-1))
}

/// timeout(1) sends its signal to a process and to its group: that is one.
#[test]
fn a_signal_sent_twice_in_a_breath_is_one() {
    let script = "printf 'a@example.org\\n' > list; (cat list; sleep 3) | timeout -s INT 1 leak-count; echo $?";
    let directory = tempfile::tempdir().unwrap();
    let ran = shell(script, directory.path()).expect(0);
    assert!(ran.stdout.contains(r#""event":"end""#), "{}", ran.stdout);
}

// --- the front door -------------------------------------------------------------------------------------------

/// A byte order mark is no part of the first line, in whatever program.
#[test]
fn a_byte_order_mark_hides_no_record() {
    let lab = Lab::new(&world(1, MIXED));
    let directory = tempfile::tempdir().unwrap();
    for stage in NETWORK_STAGES {
        let input = input_of(stage, &lab, 1);
        // The record that causes work comes first.
        let cause = match stage {
            "smtp-probe" => r#"{"type":"domain""#,
            "tls-inspect" => r#"{"type":"smtp""#,
            _ => "d0",
        };
        let mut lines: Vec<&str> = input.lines().collect();
        lines.sort_by_key(|line| !line.starts_with(cause));
        let input = lines.join("\n") + "\n";
        let plain = run_stage(stage, &lab, &input).expect(0);
        let marked = run_stage(stage, &lab, &format!("\u{feff}{input}")).expect(0);
        assert_eq!(observations(&plain), observations(&marked), "{stage}");
    }
    let stream = format!("\u{feff}{}", input_of("tls-inspect", &lab, 1));
    std::fs::write(directory.path().join("in"), stream).unwrap();
    shell("to-sqlite out.db < in", directory.path()).expect(0);
    shell("report < in", directory.path()).expect(0);
}

/// What is no text is named, with what makes text of it, and ends with 2.
#[test]
fn compressed_and_utf_16_input_is_named() {
    let lab = Lab::new(&world(1, MIXED));
    let directory = tempfile::tempdir().unwrap();
    let mail = "From: a@example.org\n\nbody\n";
    let script = "gzip | tee mail.gz | header-trace";
    let mut command = Command::new("bash");
    command
        .args(["-o", "pipefail", "-c", script])
        .env(
            "PATH",
            format!(
                "{}:{}",
                program("report").parent().unwrap().display(),
                std::env::var("PATH").unwrap()
            ),
        )
        .current_dir(directory.path());
    let ran = crate::harness::run_command(&mut command, mail.as_bytes()).expect(2);
    assert!(
        ran.stderr.contains("gzip") && ran.stderr.contains("zcat"),
        "{}",
        ran.stderr
    );
    assert!(ran.stdout.contains(r#""event":"end""#), "{}", ran.stdout);
    let utf16: Vec<u8> = "\u{feff}{}\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let gzip = std::fs::read(directory.path().join("mail.gz")).unwrap();
    let database = directory.path().join("out.db").display().to_string();
    let programs = NETWORK_STAGES.map(|stage| (stage, arguments(stage, &lab)));
    for (name, arguments) in programs.into_iter().chain([
        ("to-sqlite", vec![database]),
        ("report", Vec::new()),
        ("header-trace", Vec::new()),
        ("leak-count", Vec::new()),
        (
            "mail-lab",
            ["--port", "0", "--dns-port", "0", "-"]
                .map(str::to_owned)
                .to_vec(),
        ),
    ]) {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        for (bytes, word) in [(&gzip, "zcat"), (&utf16, "iconv")] {
            let ran = run(name, &arguments, bytes);
            assert_eq!(ran.status, 2, "{name}: {}", ran.stderr);
            assert!(ran.stderr.contains(word), "{name}: {}", ran.stderr);
        }
    }
}

#[test]
fn an_array_over_several_lines_gets_a_hint() {
    let lab = Lab::new(&world(1, MIXED));
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("out.db").display().to_string();
    let programs = NETWORK_STAGES.map(|stage| (stage, arguments(stage, &lab)));
    for (name, arguments) in programs.into_iter().chain([("to-sqlite", vec![database])]) {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let ran = run(name, &arguments, "[\n").expect(1);
        assert!(
            ran.stderr.contains("line 1: ") && ran.stderr.contains("jq -c '.[]'"),
            "{name}: {}",
            ran.stderr
        );
    }
}

/// What is not for a stage passes through it, and that is said.
#[test]
fn an_input_that_is_for_another_program_is_told() {
    let lab = Lab::new(&world(1, MIXED));
    let listed = r#"{"type":"listed","source":"x","domain":"a.test","users":1,"of":1,"share":1.0}"#;
    for stage in ["smtp-probe", "tls-inspect"] {
        let ran = run_stage(stage, &lab, &format!("{listed}\n").repeat(2000)).expect(1);
        assert_eq!(
            ran.stdout.lines().filter(|line| *line == listed).count(),
            2000
        );
        let said =
            "nothing in the first 1000 lines is what it reads; they look like `listed` records";
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        // Nobody had anything to say to it: that is no other input.
        let earlier = run("mx-lookup", &["--nameserver", &lab.dns.to_string()], "")
            .expect(0)
            .stdout;
        let probed = run_stage("smtp-probe", &lab, &earlier).expect(0).stdout;
        run_stage(stage, &lab, &probed).expect(0);
    }
}

/// A forged stream of beginnings takes bounded room, on stderr and in the last line.
#[test]
fn a11_forged_beginnings_are_told_ten_times_and_counted() {
    let lab = Lab::new(&world(1, MIXED));
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("out.db").display().to_string();
    let starts: String = (0..30_000)
        .map(|number| format!(r#"{{"type":"run","event":"start","id":"{number:x}","stage":"x","version":"","time":"2026-01-01T00:00:00Z"}}"#) + "\n")
        .collect();
    let ran = run_stage("mx-lookup", &lab, &starts).expect(1);
    assert!(ran.stderr.lines().count() <= 11, "{:.2000}", ran.stderr);
    let last = ran.of_type("run").pop().unwrap();
    assert_eq!(crate::harness::by_name(&last["counts"])["runs_cut"], 30_000);
    assert_eq!(last["cut"].as_array().unwrap().len(), 10);
    let ran = run("to-sqlite", &[&database], starts).expect(1);
    assert!(ran.stderr.lines().count() <= 13, "{:.2000}", ran.stderr);
}

/// Where, from what source, over what: a run says it.
#[test]
fn a_run_says_its_vantage_its_schema_and_a_digest_of_its_input() {
    use sha2::Digest as _;
    let lab = Lab::new(&world(2, MIXED));
    let mut arguments = arguments("mx-lookup", &lab);
    arguments.extend(["--vantage".to_owned(), "rack 7".to_owned()]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let list = domains(2);
    let ran = run("mx-lookup", &arguments, &list).expect(0);
    let runs = ran.of_type("run");
    assert_eq!(
        (&runs[0]["vantage"], &runs[0]["schema"]),
        (&json!("rack 7"), &json!(2))
    );
    assert!(runs[0].as_object().unwrap().contains_key("commit"));
    let digest = format!("{:x}", sha2::Sha256::digest(&list));
    assert_eq!(runs[1]["input_sha256"], digest);
    // The run lines of those before, a byte order mark and a missing line feed change nothing.
    let marked = format!("\u{feff}{}", list.trim_end());
    let ran = run("mx-lookup", &arguments, marked).expect(0);
    assert_eq!(ran.of_type("run")[1]["input_sha256"], digest);
}

#[test]
fn progress_for_programs_is_a_line_of_json_each_second_and_at_the_end() {
    let slow = r#"{"type": "server", "ip": "IP", "as": "tls", "steps": {"banner": [{"wait_ms": 2500}, {"say": "220 slow.test ESMTP\r\n"}]}}"#;
    let lab = Lab::new(&world(3, &[slow]));
    let input = input_of("smtp-probe", &lab, 3);
    let mut arguments = arguments("smtp-probe", &lab);
    arguments.push("--progress=json".to_owned());
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ran = run("smtp-probe", &arguments, &input).expect(0);
    let lines: Vec<Value> = (ran.stderr.lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(lines.len() >= 2, "{}", ran.stderr);
    let (first, last) = (&lines[0], &lines[lines.len() - 1]);
    assert_eq!(first["stage"], "smtp-probe");
    assert_eq!((&first["done"], &first["of"]), (&json!(0), &json!(3)));
    assert_eq!(
        (
            &last["done"],
            &last["of"],
            &last["in_flight"],
            &last["waiting"]
        ),
        (&json!(3), &json!(3), &json!(0), &json!(0))
    );
}

#[test]
fn progress_of_programs_that_read_is_json_too() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("out.db").display().to_string();
    let record = "{\"type\":\"listed\",\"source\":\"a\",\"domain\":\"example.org\",\"rank\":1,\"run\":\"r\"}\n";
    for (name, arguments, input, done) in [
        ("to-sqlite", vec![database.as_str()], record, 1),
        (
            "leak-count",
            vec!["--format", "plain"],
            "a@example.org\n",
            14,
        ),
        ("header-trace", vec![], "From: a@example.org\n\nhi\n", 1),
    ] {
        let arguments = [&arguments[..], &["--progress=json"]].concat();
        let ran = run(name, &arguments, input).expect(0);
        let is_json = |line: &&str| line.starts_with('{');
        let last = ran.stderr.lines().rfind(is_json).expect(&ran.stderr);
        let last: Value = serde_json::from_str(last).unwrap();
        assert_eq!(
            (&last["stage"], &last["done"], &last["in_flight"]),
            (&json!(name), &json!(done), &json!(0)),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn a_vantage_stands_in_every_run() {
    let mail = "From: a@example.org\n\nhi\n";
    for (name, input) in [("leak-count", "a@example.org\n"), ("header-trace", mail)] {
        let ran = run(name, &["--vantage", "office"], input).expect(0);
        for run in ran.of_type("run") {
            assert_eq!(run["vantage"], "office", "{name}");
        }
    }
}

/// Whoever sees a pipe stand still is told which of its stages waits, once, and for whom.
#[test]
fn a_stage_that_waits_for_servers_says_so_after_ten_seconds() {
    let slow = r#"{"type": "server", "ip": "IP", "as": "tls", "steps": {"banner": [{"wait_ms": 13000}, {"say": "220 slow.test ESMTP\r\n"}]}}"#;
    let lab = Lab::new(&world(2, &[slow]));
    let input = input_of("smtp-probe", &lab, 2);
    let said = |more: &[&str]| {
        let arguments = arguments("smtp-probe", &lab);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        run("smtp-probe", &[&arguments[..], more].concat(), &input)
            .expect(0)
            .stderr
    };
    std::thread::scope(|scope| {
        let quiet = scope.spawn(|| said(&["--quiet"]));
        assert_eq!(said(&[]), "smtp-probe: waits for 2 servers…\n");
        assert_eq!(quiet.join().unwrap(), "");
    });
}

/// An input of which nothing is what a program reads is told as such, with what it looks like.
#[test]
fn what_no_program_can_read_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("out.db").display().to_string();
    let list = "example.org\n".repeat(1_200);
    let ran = run("to-sqlite", &[&database], &list).expect(1);
    let told = "nothing in the first 1000 lines is what it reads; they look like a plain list";
    assert_eq!(ran.stderr.matches(told).count(), 1, "{}", ran.stderr);
    let ran = run("to-sqlite", &[&database], "example.org\n").expect(1);
    assert!(
        ran.stderr
            .contains("nothing in the first 1 lines is what it reads"),
        "{}",
        ran.stderr
    );
    let ran = run("header-trace", &[], &list).expect(1);
    assert!(
        ran.stderr
            .contains("standard input: no field of a message in it; it looks like a plain list"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.of_type("hop").len(), 0);
    // A message whose fields have no blank behind the colon is one.
    let ran = run("header-trace", &[], "From:a@example.org\n\nhi\n").expect(0);
    assert_eq!(
        crate::harness::by_name(&ran.of_type("run")[1]["counts"])["messages"],
        1
    );
}

#[test]
fn a10_with_too_few_open_files_no_program_begins() {
    let directory = tempfile::tempdir().unwrap();
    for (name, arguments, limit) in [
        ("leak-count", "", 8),
        ("header-trace", "", 8),
        ("smtp-probe", "--helo a.example.org", 8),
        ("tls-inspect", "--helo a.example.org", 20),
        ("to-sqlite", "out.db", 20),
        ("report", "", 20),
        ("mail-lab", "/dev/null", 20),
        ("mx-survey", "check example.org", 20),
        ("mx-lookup", "--nameserver 127.0.0.1:1", 20),
        ("mx-lookup", "--nameserver 127.0.0.1:1", 100),
        ("policy-lookup", "--nameserver 127.0.0.1:1", 100),
        ("policy-fetch", "--nameserver 127.0.0.1:1", 100),
    ] {
        let path = program(name);
        let script = format!(
            "echo example.org > in; ulimit -n {limit}; exec {} {arguments} < in",
            path.display()
        );
        let ran = shell(&script, directory.path()).expect(2);
        let told = format!("{name}: {limit} open files are allowed here, and at least ");
        assert!(ran.stderr.starts_with(&told), "{name}: {}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{name}: {}", ran.stderr);
        assert_eq!(ran.stdout, "", "{name}");
    }
}

#[test]
fn a10_what_this_machine_could_not_do_is_told_with_status_1() {
    let directory = tempfile::tempdir().unwrap();
    let silent = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let targets: String = (2..42)
        .map(|last| format!("127.0.0.{last}:{port}\n"))
        .collect();
    std::fs::write(directory.path().join("in"), targets).unwrap();
    // The limit allows for 26 connections, but whoever started the program left it 66 open files.
    let probe = program("smtp-probe");
    let script = format!(
        "ulimit -n 90; for i in $(seq 20 85); do eval \"exec $i</dev/null\"; done; \
         exec {} --helo a.example.org --spacing 0s --allow 127.0.0.0/8 --banner-timeout 300ms < in",
        probe.display()
    );
    let mut bash = Command::new("bash");
    bash.args(["-c", &script]).current_dir(directory.path());
    let ran = crate::harness::run_command(&mut bash, b"").expect(1);
    let records = ran.of_type("smtp");
    let local = records
        .iter()
        .filter(|record| record["outcome"]["reason"] == "local");
    let local = local.count();
    assert_eq!(records.len(), 40);
    assert!((1..40).contains(&local), "{local}");
    let told = format!("smtp-probe: {local} not measured for want of something on this machine");
    assert!(ran.stderr.contains(&told), "{}", ran.stderr);
}
