//! A name server that misbehaves by script, and what mx-lookup makes of it: by the first label of the question's name.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::rdata::{A, CNAME, MX, NS};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use serde_json::{Value, json};

use super::{by_name, covers, dns, ok};
use crate::harness::{Ran, program, run};
use crate::peers::loopback::Loopback;

/// The server; it ends with the test process.
pub struct Hostile {
    pub address: SocketAddr,
    /// How often each question was asked.
    asked: Arc<Mutex<HashMap<String, u32>>>,
}

impl Hostile {
    pub fn start() -> Self {
        let loopback = Loopback::new();
        let address = loopback.address(1);
        let socket = UdpSocket::bind(address).unwrap();
        let stranger = UdpSocket::bind(loopback.address(2)).unwrap();
        let listener = TcpListener::bind(address).unwrap();
        let asked: Arc<Mutex<HashMap<String, u32>>> = Arc::default();
        let counts = Arc::clone(&asked);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok((length, client)) = socket.recv_from(&mut buffer) {
                let question = Message::from_vec(&buffer[..length]).unwrap();
                let times = {
                    let mut counts = counts.lock().unwrap();
                    let count = counts.entry(question.queries[0].to_string()).or_insert(0);
                    *count += 1;
                    *count
                };
                for sent in over_udp(&question, times) {
                    match sent {
                        Sent::Packet(packet) => drop(socket.send_to(&packet, client)),
                        Sent::ByStranger(packet) => drop(stranger.send_to(&packet, client)),
                        Sent::Late(delay, packet) => {
                            let socket = socket.try_clone().unwrap();
                            std::thread::spawn(move || {
                                std::thread::sleep(delay);
                                drop(socket.send_to(&packet, client));
                            });
                        }
                    }
                }
            }
        });
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut length = [0; 2];
                stream.read_exact(&mut length).unwrap();
                let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
                stream.read_exact(&mut question).unwrap();
                let answer = over_tcp(&Message::from_vec(&question).unwrap());
                // Who hangs up has had enough.
                let _ = stream.write_all(&answer);
            }
        });
        Self { address, asked }
    }

    fn look_up(&self, options: &[&str], names: &[&str]) -> Ran {
        let server = self.address.to_string();
        let options = [&["--nameserver", server.as_str()], options].concat();
        run("mx-lookup", &options, names.join("\n")).expect(0)
    }

    /// The records of some names, by the patience of a test.
    fn records<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> HashMap<String, Value> {
        let names: Vec<_> = names.into_iter().collect();
        let options = ["--timeout", "6s", "--try-timeout", "400ms", "--tries", "3"];
        by_name(self.look_up(&options, &names).of_type("domain"))
    }

    fn record(&self, name: &str) -> Value {
        self.records([name]).remove(name).unwrap()
    }

    pub fn asked(&self, question: &str) -> u32 {
        let asked = self.asked.lock().unwrap();
        asked
            .iter()
            .filter(|(key, _)| key.contains(question))
            .map(|(_, count)| count)
            .sum()
    }
}

enum Sent {
    Packet(Vec<u8>),
    /// From another address than the question went to.
    ByStranger(Vec<u8>),
    Late(Duration, Vec<u8>),
}

/// The right answer: every name has the exchange `mx.example` or, if it is one, an address.
fn right(question: &Message) -> Message {
    answer_of(question, "mx.example.", [11, 0, 0, 1])
}

/// What an attacker would like to be believed.
fn wrong(question: &Message) -> Message {
    answer_of(question, "evil.example.", [11, 6, 6, 6])
}

fn answer_of(question: &Message, exchange: &str, address: [u8; 4]) -> Message {
    let mut answer = reply_to(question, ResponseCode::NoError);
    let query = &question.queries[0];
    let data = match query.query_type() {
        RecordType::MX => RData::MX(MX::new(10, exchange.parse().unwrap())),
        RecordType::A => RData::A(A(address.into())),
        _ => return answer,
    };
    answer.add_answer(Record::from_rdata(query.name().clone(), 60, data));
    answer
}

fn reply_to(question: &Message, code: ResponseCode) -> Message {
    let mut answer = question.clone();
    answer.metadata.message_type = MessageType::Response;
    answer.metadata.recursion_available = true;
    answer.metadata.authentic_data = false;
    answer.metadata.response_code = code;
    answer
}

fn record(name: &str, data: RData) -> Record {
    Record::from_rdata(name.parse().unwrap(), 60, data)
}

fn bytes(message: &Message) -> Vec<u8> {
    message.to_vec().unwrap()
}

/// The script. `times`: how often this question came, this one included.
fn over_udp(question: &Message, times: u32) -> Vec<Sent> {
    let query = question.queries[0].clone();
    let name = query.name().to_ascii();
    let is_mx = query.query_type() == RecordType::MX;
    let true_answer = || Sent::Packet(bytes(&right(question)));
    let changed = |change: &dyn Fn(&mut Message)| {
        let mut message = wrong(question);
        change(&mut message);
        Sent::Packet(bytes(&message))
    };
    let failed = |code| vec![Sent::Packet(bytes(&reply_to(question, code)))];
    let label = name.split('.').next().unwrap();
    let (what, number) = label.split_once('-').unwrap_or((label, "0"));
    match what {
        _ if !is_mx && what != "mx" => vec![true_answer()],
        "silent" if number != "0" => Vec::new(),
        "wrongid" => (1..100)
            .map(|step| {
                changed(&|message| message.metadata.id = message.metadata.id.wrapping_add(step))
            })
            .chain([true_answer()])
            .collect(),
        "wrongquestion" => vec![
            changed(&|message| {
                message.queries[0].set_name("other.example.".parse().unwrap());
            }),
            changed(&|message| {
                message.queries[0].set_query_type(RecordType::A);
            }),
            changed(&|message| message.metadata.message_type = MessageType::Query),
            true_answer(),
        ],
        "wrongaddress" => vec![Sent::ByStranger(bytes(&wrong(question))), true_answer()],
        "onlywrongquestion" => vec![changed(&|message| {
            message.queries[0].set_name("other.example.".parse().unwrap());
        })],
        "onlywrongaddress" => vec![Sent::ByStranger(bytes(&wrong(question)))],
        "malformed" => vec![Sent::Packet(malformed(question, number.parse().unwrap()))],
        "malformedonce" if times == 1 => vec![Sent::Packet(malformed(question, 0))],
        "truncated" | "truncatedrubbish" | "truncatedclosed" => {
            vec![changed(&|message| message.metadata.truncation = true)]
        }
        "stray" => {
            // The exchange's address comes along, and it is not true; so does an MX of somebody else.
            let mut answer = right(question);
            answer.add_answer(record(
                "other.example.",
                RData::MX(MX::new(1, "evil.example.".parse().unwrap())),
            ));
            answer.add_additional(record("mx.example.", RData::A(A([11, 6, 6, 6].into()))));
            vec![Sent::Packet(bytes(&answer))]
        }
        "strayalone" => {
            let mut answer = reply_to(question, ResponseCode::NoError);
            answer.add_answer(record(
                "other.example.",
                RData::MX(MX::new(1, "evil.example.".parse().unwrap())),
            ));
            vec![Sent::Packet(bytes(&answer))]
        }
        "noedns" if question.edns.is_some() => failed(ResponseCode::FormErr),
        "badvers" if question.edns.is_some() => failed(ResponseCode::BADVERS),
        // Every address is there, and AAAA is denied: by NXDOMAIN, as some load balancers do (RFC 4074 §4.2).
        "mx" if query.query_type() == RecordType::AAAA && name.contains("balancer") => {
            failed(ResponseCode::NXDomain)
        }
        "balancer" => {
            let answer = answer_of(question, "mx.balancer.example.", [11, 0, 0, 1]);
            vec![Sent::Packet(bytes(&answer))]
        }
        "servfailonce" if times == 1 => failed(ResponseCode::ServFail),
        "servfail" => failed(ResponseCode::ServFail),
        "refused" => failed(ResponseCode::Refused),
        "bareerror" => {
            let mut answer = reply_to(question, ResponseCode::Refused);
            answer.queries.clear();
            vec![Sent::Packet(bytes(&answer))]
        }
        "notauth" => failed(ResponseCode::NotAuth),
        "referral" => {
            let mut answer = reply_to(question, ResponseCode::NoError);
            answer.add_authority(record(
                "example.",
                RData::NS(NS("ns.example.".parse().unwrap())),
            ));
            vec![Sent::Packet(bytes(&answer))]
        }
        "late" => vec![Sent::Late(
            Duration::from_millis(1400),
            bytes(&right(question)),
        )],
        "silent" => Vec::new(),
        "endless" => {
            // CNAMEs without an end, one a question.
            let mut answer = reply_to(question, ResponseCode::NoError);
            let next: Name = format!("endless-{}.example.", number.parse::<u32>().unwrap() + 1)
                .parse()
                .unwrap();
            answer.add_answer(Record::from_rdata(
                query.name().clone(),
                60,
                RData::CNAME(CNAME(next)),
            ));
            vec![Sent::Packet(bytes(&answer))]
        }
        // One in a hundred is lost, one in twenty fails; by number and time, so that it is the same each run.
        "lossy" => match (number.parse::<u32>().unwrap() * 7 + times * 13) % 100 {
            0 => Vec::new(),
            1..=5 => failed(ResponseCode::ServFail),
            _ => vec![true_answer()],
        },
        _ => vec![true_answer()],
    }
}

fn over_tcp(question: &Message) -> Vec<u8> {
    let name = question.queries[0].name().to_ascii();
    let answer = match name.split('.').next().unwrap() {
        "truncatedrubbish" => malformed(question, 0),
        "truncatedclosed" => return vec![0],
        _ => bytes(&right(question)),
    };
    let mut framed = u16::try_from(answer.len()).unwrap().to_be_bytes().to_vec();
    framed.extend(answer);
    framed
}

/// Kinds of rubbish behind a header and a question that are right.
const MALFORMED: usize = 10;

fn malformed(question: &Message, kind: usize) -> Vec<u8> {
    let packet = bytes(&reply_to(question, ResponseCode::NoError));
    let end = 12 + question.queries[0].name().len() + 4;
    let mut packet = packet[..end.min(packet.len())].to_vec();
    packet[6..12].copy_from_slice(&[0, 1, 0, 0, 0, 0]);
    let tail: &[u8] = match kind {
        // Announced, and not there.
        0 => &[],
        // A name that points to itself.
        1 => &[0xc0, u8::try_from(end).unwrap()],
        // A name that points behind the packet.
        2 => &[0xff, 0xff, 0, 15, 0, 1, 0, 0, 0, 1, 0, 1, 0],
        // Data longer than the packet.
        3 => &[0xc0, 12, 0, 15, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0],
        // An MX of one octet.
        4 => &[0xc0, 12, 0, 15, 0, 1, 0, 0, 0, 1, 0, 1, 7],
        // An MX without a name.
        5 => &[0xc0, 12, 0, 15, 0, 1, 0, 0, 0, 1, 0, 2, 0, 10],
        // A reserved label type.
        6 => &[0x80, 12, 0, 15, 0, 1, 0, 0, 0, 1, 0, 3, 0, 10, 0],
        // A label that runs over the end.
        7 => &[63, b'a', b'b'],
        // Forward pointers in the data, round and round.
        8 => &[
            0xc0,
            12,
            0,
            15,
            0,
            1,
            0,
            0,
            0,
            1,
            0,
            4,
            0,
            10,
            0xc0,
            12 + 40,
        ],
        // An OPT record among the answers.
        _ => &[0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0],
    };
    packet.extend_from_slice(tail);
    packet
}

#[track_caller]
fn says(record: &Value, expected: Value) {
    assert!(covers(record, &expected), "{expected:#}\nof {record:#}");
}

fn the_right_answer() -> Value {
    json!({"outcome": ok(), "mx": [{"exchange": "mx.example", "addresses": [{"ip": "11.0.0.1"}]}]})
}

#[test]
fn forged_answers_are_passed_over_and_the_true_one_is_taken() {
    let server = Hostile::start();
    for name in [
        "wrongid.example",
        "wrongquestion.example",
        "wrongaddress.example",
    ] {
        let record = server.record(name);
        says(&record, the_right_answer());
        assert_eq!(record["questions"], 3, "each asked once: {record:#}");
    }
}

#[test]
fn forged_answers_alone_are_no_answer() {
    let server = Hostile::start();
    says(
        &server.record("onlywrongaddress.example"),
        json!({"outcome": dns("timeout")}),
    );
    says(
        &server.record("onlywrongquestion.example"),
        json!({"outcome": dns("malformed")}),
    );
}

#[test]
fn malformed_answers_of_every_kind_are_told() {
    let server = Hostile::start();
    let names: Vec<_> = (0..MALFORMED)
        .map(|kind| format!("malformed-{kind}.example"))
        .collect();
    let records = server.records(names.iter().map(String::as_str));
    assert_eq!(records.len(), MALFORMED);
    for record in records.values() {
        says(
            record,
            json!({"outcome": dns("malformed"), "implicit_mx": null, "null_mx": null}),
        );
    }
    says(&server.record("malformedonce.example"), the_right_answer());
}

#[test]
fn a_truncated_answer_is_asked_for_over_tcp() {
    let server = Hostile::start();
    says(&server.record("truncated.example"), the_right_answer());
    says(
        &server.record("truncatedrubbish.example"),
        json!({"outcome": dns("malformed")}),
    );
    says(
        &server.record("truncatedclosed.example"),
        json!({"outcome": {"phase": "dns", "reason": "closed"}}),
    );
}

#[test]
fn records_that_were_not_asked_for_do_not_count() {
    let server = Hostile::start();
    says(&server.record("stray.example"), the_right_answer());
    // No MX of its own: its own address stands in.
    says(
        &server.record("strayalone.example"),
        json!({"implicit_mx": true, "mx": [{"exchange": "strayalone.example"}]}),
    );
}

#[test]
fn a_server_without_edns_is_asked_without() {
    says(
        &Hostile::start().record("noedns.example"),
        the_right_answer(),
    );
}

#[test]
fn d4_a_server_of_another_version_of_edns_is_asked_without() {
    let server = Hostile::start();
    says(&server.record("badvers.example"), the_right_answer());
}

#[test]
fn d3_an_address_is_no_fault_though_the_other_family_is_denied() {
    let record = Hostile::start().record("balancer.example");
    says(
        &record,
        json!({"outcome": ok(), "mx": [{"addresses": [{"ip": "11.0.0.1"}], "ipv6": dns("nxdomain")}]}),
    );
    assert_eq!(record["mx"][0]["faults"], Value::Null);
}

#[test]
fn a5_silent_names_at_the_head_of_a_list_end_nothing_where_the_server_is_well() {
    let server = Hostile::start();
    let mut names: Vec<_> = (1..=1100)
        .map(|number| format!("silent-{number}.example"))
        .collect();
    names.push("well.example".into());
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let options = [
        "--timeout",
        "900ms",
        "--try-timeout",
        "100ms",
        "--tries",
        "1",
        "--concurrency",
        "1000",
    ];
    let ran = server.look_up(&options, &names);
    let records = by_name(ran.of_type("domain"));
    assert_eq!(records.len(), 1101);
    says(
        &records["silent-1.example"],
        json!({"outcome": dns("timeout")}),
    );
    says(&records["well.example"], json!({"outcome": ok()}));
    assert_eq!(ran.stderr, "");
}

/// Few silent names are no sign of anything, but where they are the last, the name servers may have died.
#[test]
fn d6_name_servers_that_died_behind_the_last_answer_are_noticed() {
    let loopback = Loopback::new();
    let socket = UdpSocket::bind(loopback.address(1)).unwrap();
    let server = socket.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((length, client)) = socket.recv_from(&mut buffer) {
            let question = Message::from_vec(&buffer[..length]).unwrap();
            let name = question.queries[0].name().to_ascii();
            // Neither the later names nor the root.
            if name.ends_with("example.") && !name.starts_with("late") {
                let answer = right(&question).to_vec().unwrap();
                drop(socket.send_to(&answer, client));
            }
        }
    });
    let options = [
        "--nameserver",
        &server,
        // The names begin in their order.
        "--threads",
        "1",
        "--timeout",
        "2s",
        "--try-timeout",
        "1s",
        "--tries",
        "2",
    ];
    let late = (0..20).map(|number| format!("late-{number}.example\n"));
    let list = format!("a.example\nb.example\n{}", late.collect::<String>());
    let ran = run("mx-lookup", &options, list).expect(2);
    assert!(
        ran.stderr
            .contains("no name server answered anything about 20 names, nor about the root"),
        "{}",
        ran.stderr
    );
    // What was learned is written, and that the run ended.
    let records = by_name(ran.of_type("domain"));
    assert_eq!(records.len(), 22);
    says(&records["a.example"], json!({"outcome": ok()}));
    assert_eq!(ran.of_type("run").len(), 2);
}

#[test]
fn failures_keep_their_names() {
    let server = Hostile::start();
    let reasons = [
        ("servfail.example", "servfail"),
        ("refused.example", "refused"),
        ("bareerror.example", "refused"),
        ("referral.example", "refused"),
        ("notauth.example", "malformed"),
        ("silent.example", "timeout"),
        ("endless-0.example", "cname_loop"),
    ];
    let records = server.records(reasons.map(|(name, _)| name));
    for (name, reason) in reasons {
        says(
            &records[name],
            json!({"outcome": {"phase": "dns", "reason": reason}, "implicit_mx": null, "null_mx": null, "mx": []}),
        );
    }
    says(&server.record("servfailonce.example"), the_right_answer());
}

#[test]
fn an_answer_that_comes_after_further_tries_counts() {
    let server = Hostile::start();
    let record = server.record("late.example");
    says(&record, the_right_answer());
    assert!(record["elapsed_ms"].as_u64().unwrap() < 1900, "{record:#}");
}

#[test]
fn a_silent_server_costs_a_name_its_time_and_no_more() {
    let server = Hostile::start();
    let start = Instant::now();
    server.record("silent.example");
    // A third of six seconds.
    assert!(
        start.elapsed() < Duration::from_millis(3500),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn another_server_answers_where_one_is_silent_or_refuses() {
    let server = Hostile::start();
    let loopback = Loopback::new();
    let _silent = UdpSocket::bind(loopback.address(9)).unwrap();
    // One takes questions and says nothing, nobody listens at the other.
    let [silent, nobody] =
        [loopback.address(9), loopback.address(8)].map(|address| address.to_string());
    let names: Vec<_> = (0..200)
        .map(|number| format!("d{number}.example"))
        .collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let ran = server.look_up(
        &[
            "--nameserver",
            &silent,
            "--nameserver",
            &nobody,
            "--try-timeout",
            "300ms",
        ],
        &names,
    );
    let records = ran.of_type("domain");
    assert_eq!(records.len(), 200);
    records
        .iter()
        .for_each(|record| says(record, the_right_answer()));
}

#[test]
fn nobody_at_the_name_server_is_unreachable() {
    let nobody = Loopback::new().address(8).to_string();
    let arguments = [
        "--nameserver",
        nobody.as_str(),
        "--timeout",
        "3s",
        "--tries",
        "2",
    ];
    let ran = run("mx-lookup", &arguments, "example.org\n").expect(2);
    assert!(
        ran.stderr.contains("no name server answered"),
        "{}",
        ran.stderr
    );
    // All the same it says what it found, and that it came to its end.
    assert_eq!(ran.records().last().unwrap()["event"], "end");
    says(
        &ran.of_type("domain")[0],
        json!({"outcome": {"phase": "dns", "reason": "unreachable"}}),
    );
}

#[test]
fn an_exchange_is_asked_for_once_however_many_share_it() {
    let server = Hostile::start();
    let names: Vec<_> = (0..3000)
        .map(|number| format!("d{number}.example"))
        .collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    // No more at once than the server's socket holds: none is to be asked twice.
    let ran = server.look_up(&["--concurrency", "100"], &names);
    let records = ran.of_type("domain");
    assert_eq!(records.len(), 3000);
    records
        .iter()
        .for_each(|record| says(record, the_right_answer()));
    assert_eq!(
        [
            server.asked("mx.example. IN AAAA"),
            server.asked("mx.example. IN A")
        ],
        [1, 2]
    );
    let questions: u64 = records
        .iter()
        .map(|record| record["questions"].as_u64().unwrap())
        .sum();
    assert_eq!(questions, 3002, "and counted once");
    let last = ran.of_type("run").pop().unwrap();
    says(
        &crate::harness::by_name(&last["counts"]),
        json!({"questions": 3002, "exchanges_shared": 2999}),
    );
}

#[test]
fn loss_and_servfail_leave_every_name_with_its_answer() {
    let server = Hostile::start();
    let names: Vec<_> = (0..5000)
        .map(|number| format!("lossy-{number}.example"))
        .collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let ran = server.look_up(&["--try-timeout", "500ms", "--concurrency", "200"], &names);
    let records = by_name(ran.of_type("domain"));
    assert_eq!(records.len(), 5000);
    records
        .values()
        .for_each(|record| says(record, the_right_answer()));
    let last = ran.of_type("run").pop().unwrap();
    assert_eq!(
        crate::harness::by_name(&last["outcomes"]),
        json!({"done/ok": 5000})
    );
}

#[test]
fn a_rate_makes_names_wait_and_loses_none() {
    let server = Hostile::start();
    let names: Vec<_> = (0..60).map(|number| format!("d{number}.example")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let start = Instant::now();
    // At the end of the queue a name waits longer than its own time.
    let options = [
        "--rate-per-server",
        "40",
        "--timeout",
        "1s",
        "--try-timeout",
        "300ms",
    ];
    let records = server.look_up(&options, &names).of_type("domain");
    assert!(
        start.elapsed() > Duration::from_millis(1300),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(records.len(), 60);
    records
        .iter()
        .for_each(|record| says(record, the_right_answer()));
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_at_once() {
    let loopback = Loopback::new();
    let _silent = UdpSocket::bind(loopback.address(9)).unwrap();
    let script = format!(
        "seq -f 'd%.0f.test' 1000000 | {} --nameserver {} | head -n 3; echo \"${{PIPESTATUS[1]}}\"",
        program("mx-lookup").display(),
        loopback.address(9)
    );
    let start = Instant::now();
    let output = Command::new("bash")
        .args(["-c", &script])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let lines: Vec<_> = output.stdout.split(|&byte| byte == b'\n').collect();
    assert_eq!(
        lines[3],
        b"0",
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "{:?}",
        start.elapsed()
    );
}
