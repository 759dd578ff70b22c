//! Servers that cut, change, lie and never end: a record with its true reason, in bounded time.

use std::io::Write as _;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::certificates::der;
use super::front::{Front, Openssl, splice};
use super::script::{alert, certificate, flight, message, read_hello, records, say, server_hello};
use super::{accepted, accepted_at, inspect, tls_of, verdict};

/// The `tls` records of servers that each say one thing, in their order.
fn each_says(things: Vec<Vec<u8>>) -> Vec<Value> {
    let count = things.len();
    let fronts = Front::many(count, move |position, mut stream, _| {
        read_hello(&mut stream);
        say(stream, &things[position]);
    });
    let input: String = fronts.iter().map(|front| accepted(front.port())).collect();
    let ran = inspect(&[], &input).expect(0);
    let all = ran.of_type("tls");
    let of = |front: &Front| {
        let mut its = all.iter().filter(|tls| tls["port"] == front.port());
        let tls = its.next().unwrap_or_else(|| panic!("no record"));
        assert!(its.next().is_none());
        tls.clone()
    };
    fronts.iter().map(of).collect()
}

fn outcome(tls: &Value) -> String {
    let outcome = &tls["outcome"];
    format!(
        "{}/{}",
        outcome["phase"].as_str().unwrap(),
        outcome["reason"].as_str().unwrap()
    )
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn a_handshake_cut_at_any_byte_is_closed_and_nothing_else() {
    let bytes = records(22, 0x0303, &flight(0x0303, 0xc02f), 16_384);
    let hello = 5 + server_hello(0x0303, 0xc02f, &[]).len();
    // Every byte of the headers and the hello, and every seventh of the certificate.
    let cuts: Vec<usize> = (0..bytes.len())
        .filter(|cut| *cut <= hello + 20 || cut % 7 == 0)
        .collect();
    let said = cuts.iter().map(|&cut| bytes[..cut].to_vec()).collect();
    for (cut, tls) in cuts.iter().zip(each_says(said)) {
        assert_eq!(outcome(&tls), "handshake/closed", "cut at {cut}: {tls}");
        // What was not learned is not known; it is never a no.
        assert_eq!(tls["completed"], json!(null), "cut at {cut}: {tls}");
        assert_ne!(tls["negotiated"], false, "cut at {cut}");
        assert_eq!(tls["accepted"], true);
    }
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn what_a_cut_flight_lacks_is_not_known() {
    let parts = [
        server_hello(0x0301, 0x0035, &[]),
        certificate(&[der("rsa2048")]),
        message(13, &[1, 1, 0, 0]),
        message(14, &[]),
    ];
    let flight = |count: usize| records(22, 0x0301, &parts[..count].concat(), 16_384);
    let all = each_says((1..=4).map(flight).collect());
    let expected = [
        json!([null, null, null]),
        json!([true, null, null]),
        json!([true, true, null]),
        json!([true, true, false]),
    ];
    for (tls, expected) in all.iter().zip(expected) {
        let found = [
            &tls["negotiated"],
            &tls["client_certificate_requested"],
            &tls["ocsp_stapled"],
        ];
        assert_eq!(json!(found), expected, "{tls}");
        assert_eq!(tls["version"], "TLSv1", "{tls}");
        assert_eq!(tls["completed"], Value::Null, "{tls}");
    }
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn changed_messages_have_a_record_each() {
    let bytes = records(22, 0x0303, &flight(0x0303, 0xc02f), 16_384);
    let places: Vec<usize> = (0..bytes.len())
        .filter(|at| *at < 90 || at % 11 == 0)
        .collect();
    let said = places
        .iter()
        .map(|&at| {
            let mut changed = bytes.clone();
            changed[at] ^= 0xff;
            changed
        })
        .collect();
    for (at, tls) in places.iter().zip(each_says(said)) {
        let outcome = outcome(&tls);
        let known = [
            "handshake/closed",
            "handshake/tls_error",
            "handshake/too_long",
            "handshake/unsupported",
            "handshake/not_tls",
            "handshake/alert",
            "handshake/reset",
        ];
        assert!(known.contains(&outcome.as_str()), "changed at {at}: {tls}");
        assert_ne!(tls["completed"], true);
    }
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn plain_answers_are_not_tls_and_are_shown() {
    let answers: [&[u8]; 3] = [
        b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n",
        b"554 5.7.3 Unable to initialize security subsystem\r\n",
        b"\x1b]0;gotcha\x07\r\n",
    ];
    let all = each_says(answers.iter().map(|answer| answer.to_vec()).collect());
    for tls in &all {
        assert_eq!(outcome(tls), "handshake/not_tls", "{tls}");
        assert_eq!(
            (&tls["completed"], &tls["negotiated"]),
            (&json!(false), &json!(false))
        );
        assert_eq!(tls["flags"], json!(["plaintext_after_starttls"]));
        assert_eq!(tls["connections"], 1);
    }
    assert_eq!(all[0]["outcome"]["detail"], "HTTP/1.1 400 Bad Request");
    let refusal = "554 5.7.3 Unable to initialize security subsystem";
    assert_eq!(all[1]["outcome"]["detail"], refusal);
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn alerts_are_named_and_a_refusal_of_everything_is_one() {
    // protocol_version, handshake_failure, insufficient_security.
    let refusals = [70, 40, 71];
    // unexpected_message, access_denied, internal_error, inappropriate_fallback, user_canceled, unrecognized_name and one
    // that nobody knows are about no offer.
    let others = [10, 49, 80, 86, 90, 112, 200];
    let said = refusals.iter().chain(&others).map(|&number| alert(number));
    for (position, tls) in each_says(said.collect()).iter().enumerate() {
        assert_eq!(outcome(tls), "handshake/alert", "{tls}");
        assert_eq!(tls["alert"]["level"], "fatal");
        assert_eq!(tls["fallback"]["reason"], "alert");
        let no = match position < refusals.len() {
            true => json!(false),
            false => json!(null),
        };
        assert_eq!((&tls["completed"], &tls["negotiated"]), (&no, &no), "{tls}");
        assert_eq!(tls["connections"], 2);
    }
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn an_alert_that_says_nothing_about_the_offer_leaves_versions_open() {
    let front = Front::with(|mut stream, _| {
        let mut hello = [0; 2048];
        let _ = std::io::Read::read(&mut stream, &mut hello);
        say(stream, &alert(112));
    });
    let ran = inspect(
        &["--enumerate", "versions,ciphers"],
        &accepted(front.port()),
    );
    let tls = &ran.expect(0).of_type("tls")[0];
    let found = &tls["enumeration"];
    let versions = found["versions"].as_object().unwrap();
    assert_eq!(versions.len(), 6);
    assert!(versions.values().all(Value::is_null), "{found}");
    let unknown = found["unknown"].as_array().unwrap();
    assert!(
        unknown.contains(&json!("TLSv1.2: handshake/alert")),
        "{found}"
    );
    assert!(unknown.contains(&json!("TLSv1.2 ciphers: handshake/alert")));
    assert_eq!(found["ciphers"], Value::Null);
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn bombs_are_bounded() {
    let leaf = der("rsa2048");
    let nested = (0..10_000).fold(Vec::new(), |inner: Vec<u8>, _| {
        let length = (inner.len() as u32).to_be_bytes();
        [&[0x30, 0x83][..], &length[1..], &inner].concat()
    });
    let bomb = |chain: &[Vec<u8>]| {
        let messages = [
            server_hello(0x0301, 0x0035, &[]),
            certificate(chain),
            message(14, &[]),
        ]
        .concat();
        records(22, 0x0301, &messages, 16_384)
    };
    let flood = records(
        22,
        0x0301,
        &[&server_hello(0x0301, 0x0035, &[])[..], &[0; 4 << 20]].concat(),
        16_384,
    );
    let chains = [
        bomb(&vec![leaf.clone(); 100]),
        bomb(&vec![leaf.clone(); 1000]),
        bomb(&[vec![0x30; 300 << 10]]),
        bomb(&[nested]),
        flood,
    ];
    let fronts = Front::many(chains.len(), move |position, mut stream, number| {
        read_hello(&mut stream);
        match number {
            1 => say(stream, &alert(40)),
            _ => say(stream, &chains[position]),
        }
    });
    let input: String = fronts.iter().map(|front| accepted(front.port())).collect();
    let begun = Instant::now();
    let ran = inspect(&[], &input).expect(0);
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
    let all = ran.of_type("tls");
    let of = |position: usize| {
        all.iter()
            .find(|tls| tls["port"] == fronts[position].port())
            .unwrap()
    };
    assert_eq!(of(0)["chain"].as_array().unwrap().len(), 100);
    assert_eq!(of(1)["chain"].as_array().unwrap().len(), 100);
    assert_eq!(of(1)["flags"], json!(["chain_bounded"]));
    for position in [2, 3] {
        let tls = of(position);
        assert_eq!(tls["negotiated"], true);
        assert_eq!(tls["verdicts"][0]["reason"], "malformed", "{tls}");
        assert_eq!(tls["leaf"], Value::Null);
    }
    // Its chain never came.
    assert_eq!(of(4)["negotiated"], Value::Null);
    assert_eq!(of(4)["fallback"]["reason"], "too_long");
    let faults: Vec<_> = ran
        .of_type("cert")
        .iter()
        .filter_map(|it| it["fault"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(
        faults.iter().any(|fault| fault.contains("nested deeper")),
        "{faults:?}"
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn silence_is_a_timeout_and_dripping_does_not_hold_us() {
    let silent = Front::with(|mut stream, _| {
        read_hello(&mut stream);
        thread::sleep(Duration::from_secs(30));
    });
    let dripping = Front::with(|mut stream, _| {
        read_hello(&mut stream);
        for octet in records(22, 0x0303, &flight(0x0303, 0xc02f), 16_384) {
            if stream.write_all(&[octet]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(200));
        }
    });
    let begun = Instant::now();
    let input = accepted(silent.port()) + &accepted(dripping.port());
    let ran = inspect(&["--handshake-timeout", "1s"], &input);
    assert!(
        begun.elapsed() < Duration::from_secs(15),
        "{:?}",
        begun.elapsed()
    );
    for tls in ran.expect(0).of_type("tls") {
        assert_eq!(outcome(&tls), "handshake/timeout", "{tls}");
        assert_eq!(
            (&tls["completed"], &tls["negotiated"]),
            (&json!(null), &json!(null))
        );
        assert_eq!(tls["fallback"]["reason"], "timeout");
    }
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn a_server_that_cannot_bear_todays_hello_is_told() {
    let front = Front::with(|mut stream, number| {
        read_hello(&mut stream);
        match number {
            1 => drop(stream),
            _ => say(
                stream,
                &records(22, 0x0303, &flight(0x0303, 0xc02f), 16_384),
            ),
        }
    });
    let tls = tls_of(&front, &[]);
    assert_eq!(outcome(&tls), "handshake/closed", "{tls}");
    assert_eq!(
        (&tls["version"], &tls["negotiated"]),
        (&json!("TLSv1.2"), &json!(true))
    );
    assert_eq!(tls["flags"], json!(["length_intolerant"]));
    assert_eq!(tls["completed"], json!(null));
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn what_is_said_in_clear_behind_the_220_is_injected_and_no_part_of_tls() {
    let server = Openssl::speaking_smtp("p256");
    let port = server.port();
    let words = |_| ("220 mx\r\n", "220 ready\r\n250 injected\r\n");
    let fronts = Front::saying(words, 1, move |_, stream, _| splice(stream, port));
    let tls = tls_of(&fronts[0], &[]);
    assert_eq!(tls["completed"], true, "{tls}");
    assert_eq!(tls["flags"], json!(["injected"]));
    assert_eq!(tls["inside"]["outcome"]["reason"], "ok");
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn a_deferral_is_tried_again_and_a_rejection_is_a_no() {
    let server = Openssl::start("p256", &[]);
    let port = server.port();
    let words = |number| match number {
        1 => ("421 4.7.0 later\r\n", ""),
        _ => ("220 mx\r\n", "220 ready\r\n"),
    };
    let fronts = Front::saying(words, 1, move |_, stream, _| splice(stream, port));
    let tls = tls_of(&fronts[0], &["--retry-after", "100ms"]);
    assert_eq!(
        (&tls["completed"], &tls["attempts"]),
        (&json!(true), &json!(2)),
        "{tls}"
    );
    assert_eq!(tls["earlier"][0]["reason"], "deferred");
    assert_eq!(tls["connections"], 2);

    let words = |_| ("220 mx\r\n", "454 4.7.0 not now\r\n");
    let fronts = Front::saying(words, 1, |_, _, _| {});
    let tls = tls_of(&fronts[0], &["--retries", "0"]);
    assert_eq!(outcome(&tls), "starttls/deferred", "{tls}");
    assert_eq!(tls["accepted"], json!(null));

    let words = |_| ("220 mx\r\n", "502 5.5.1 no\r\n");
    let fronts = Front::saying(words, 1, |_, _, _| {});
    let tls = tls_of(&fronts[0], &[]);
    assert_eq!(outcome(&tls), "starttls/rejected", "{tls}");
    assert_eq!(
        (&tls["accepted"], &tls["completed"]),
        (&json!(false), &json!(null))
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn spacing_counts_from_the_line_of_the_stage_before() {
    let server = Openssl::speaking_smtp("p256");
    let front = Front::to(server.port());
    let line = accepted(front.port());
    let connected = mx_survey::record::now();
    let line = line.replacen('{', &format!("{{\"connected\":\"{connected}\","), 1);
    let begun = Instant::now();
    let ran = inspect(&["--spacing", "2s"], &line).expect(0);
    assert!(
        begun.elapsed() >= Duration::from_millis(1900),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(ran.of_type("tls")[0]["completed"], true);
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn t8_spacing_counts_from_the_end_of_the_conversation_before() {
    let server = Openssl::speaking_smtp("p256");
    let front = Front::to(server.port());
    let line = accepted(front.port());
    let began = time::OffsetDateTime::now_utc() - Duration::from_millis(1500);
    let connected = mx_survey::record::timestamp(began);
    let lasted = format!("{{\"connected\":\"{connected}\",\"timings\":{{\"total_ms\":1500}},");
    // The line has timings already; the last of two would win.
    let line = line
        .replacen("\"timings\":{},", "", 1)
        .replacen('{', &lasted, 1);
    let begun = Instant::now();
    inspect(&["--spacing", "1s"], &line).expect(0);
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_millis(950), "{waited:?}");
}

/// What a server says behind its 220, by itself, at five paces.
const PACES: [u64; 5] = [0, 1, 30, 300, 3000];

/// Records without what is of the moment: addresses, ports and times.
fn timeless(tls: &Value) -> Value {
    let mut tls = tls.clone();
    for field in ["ip", "port", "timings", "time", "connected", "run"] {
        tls.as_object_mut().unwrap().remove(field);
    }
    let verdicts = tls.get_mut("verdicts").and_then(Value::as_array_mut);
    for verdict in verdicts.into_iter().flatten() {
        verdict.as_object_mut().unwrap().remove("at");
    }
    tls
}

/// The one record of a server that does the same at each pace.
#[track_caller]
fn at_every_pace(
    more: &[&str],
    serve: impl Fn(TcpStream, Duration) + Send + Sync + 'static,
) -> Value {
    let words = |_| ("220 mx\r\n", "");
    let fronts = Front::apart(words, PACES.len() as u8, move |position, stream, _| {
        serve(stream, Duration::from_millis(PACES[position]));
    });
    let inputs = fronts.iter().map(|front| accepted_at(front.address()));
    let input: String = inputs.collect();
    let more = [&["--retries", "0", "--handshake-timeout", "8s"][..], more].concat();
    let ran = inspect(&more, &input).expect(0);
    let all = ran.of_type("tls");
    let of = |front: &Front| {
        let address = front.address();
        let is_its =
            |tls: &&Value| tls["port"] == address.port() && tls["ip"] == address.ip().to_string();
        let its = all.iter().find(is_its);
        timeless(its.unwrap_or_else(|| panic!("no record: {}", ran.stdout)))
    };
    let first = of(&fronts[0]);
    for (front, pace) in fronts.iter().zip(PACES) {
        assert_eq!(of(front), first, "{pace} ms");
    }
    first
}

/// Says pieces with pauses; none: all in one packet.
fn say_at(stream: &mut TcpStream, pieces: &[&[u8]], pace: Duration) {
    if pace.is_zero() {
        let _ = stream.write_all(&pieces.concat());
        return;
    }
    for piece in pieces {
        let _ = stream.write_all(piece);
        thread::sleep(pace);
    }
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn t3_plain_text_behind_220_is_the_answer_at_every_pace() {
    let later = at_every_pace(&[], |mut stream, pace| {
        let pieces: [&[u8]; 2] = [b"220 go\r\n", b"454 4.7.0 TLS not available\r\n"];
        say_at(&mut stream, &pieces, pace);
        read_hello(&mut stream);
        say(stream, b"");
    });
    assert_eq!(outcome(&later), "handshake/deferred", "{later}");
    assert_eq!(later["outcome"]["detail"], "454 4.7.0 TLS not available");
    assert_eq!(later["accepted"], true);
    let facts = (&later["negotiated"], &later["completed"]);
    assert_eq!(facts, (&Value::Null, &Value::Null), "{later}");
    assert_eq!(later["flags"], json!(["plaintext_after_starttls"]));

    // One that stays, and one that says bytes which are no text.
    let stays = at_every_pace(&["--reply-timeout", "5s"], |mut stream, pace| {
        let pieces: [&[u8]; 3] = [b"220 go\r\n", b"5", b"02 5.5.1 what\r\n"];
        say_at(&mut stream, &pieces, pace);
        let _ = std::io::Read::read_to_end(&mut stream, &mut Vec::new());
    });
    assert_eq!(outcome(&stays), "handshake/not_tls", "{stays}");
    assert_eq!(stays["outcome"]["detail"], "502 5.5.1 what");
    let facts = (&stays["negotiated"], &stays["completed"]);
    assert_eq!(facts, (&json!(false), &json!(false)), "{stays}");
    let garbage = at_every_pace(&[], |mut stream, pace| {
        let pieces: [&[u8]; 2] = [b"220 go\r\n", b"\x07\xfe\xfe\xfe"];
        say_at(&mut stream, &pieces, pace);
        read_hello(&mut stream);
        say(stream, b"");
    });
    assert_eq!(outcome(&garbage), "handshake/not_tls", "{garbage}");
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn t3_plain_text_behind_220_is_injected_where_tls_begins_at_every_pace() {
    let server = Openssl::speaking_smtp("p256");
    let port = server.port();
    let tls = at_every_pace(&["--reply-timeout", "5s"], move |mut stream, pace| {
        let pieces: [&[u8]; 2] = [b"220 go\r\n", b"250 injected\r\n"];
        say_at(&mut stream, &pieces, pace);
        splice(stream, port);
    });
    assert_eq!(tls["completed"], true, "{tls}");
    assert_eq!(tls["flags"], json!(["injected"]));
    assert_eq!(tls["inside"]["outcome"]["reason"], "ok");
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn t3_a_454_behind_220_is_tried_again() {
    let server = Openssl::start("p256", &[]);
    let port = server.port();
    let words = |number| match number {
        1 => ("220 mx\r\n", "220 go\r\n454 4.7.0 not now\r\n"),
        _ => ("220 mx\r\n", "220 go\r\n"),
    };
    let fronts = Front::saying(words, 1, move |_, stream, number| match number {
        1 => say(stream, b""),
        _ => splice(stream, port),
    });
    let tls = tls_of(&fronts[0], &["--retry-after", "100ms"]);
    let facts = (&tls["completed"], &tls["attempts"]);
    assert_eq!(facts, (&json!(true), &json!(2)), "{tls}");
    assert_eq!(tls["earlier"][0]["reason"], "deferred");
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn t4_a_demand_for_a_client_certificate_has_one_outcome() {
    for version in ["-tls1_2", "-tls1_3"] {
        let server = Openssl::start("p256", &[version, "-Verify", "1"]);
        let front = Front::to(server.port());
        let mut records: Vec<Value> = (0..12).map(|_| timeless(&tls_of(&front, &[]))).collect();
        records.dedup();
        assert_eq!(records.len(), 1, "{records:#?}");
        let tls = &records[0];
        assert_eq!(tls["client_certificate_requested"], true, "{tls}");
        if version == "-tls1_2" {
            assert_eq!(tls["outcome"]["detail"], "handshake_failure", "{tls}");
            assert_eq!(tls["completed"], false, "{tls}");
        } else {
            assert_eq!(tls["completed"], true, "{tls}");
        }
    }
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn t4_an_alert_behind_a_dead_write_is_read_at_every_pace() {
    let tls = at_every_pace(&[], |mut stream, pace| {
        say_at(&mut stream, &[b"220 go\r\n", &alert(40)], pace);
        // Closed with the hello unread: a RST follows what was said.
        thread::sleep(pace);
    });
    assert_eq!(outcome(&tls), "handshake/alert", "{tls}");
    assert_eq!(tls["alert"]["description"], "handshake_failure");
}

/// Hands a connection on to a port, with the hello that was read from it.
fn splice_behind(hello: &[u8], stream: TcpStream, port: u16) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (theirs, _) = listener.accept().unwrap();
    let pump = thread::spawn(move || splice(theirs, port));
    if ours.write_all(hello).is_err() {
        return;
    }
    let (mut from, mut to) = (stream.try_clone().unwrap(), ours.try_clone().unwrap());
    thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
    let _ = std::io::copy(&mut ours, &mut &stream);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let _ = pump.join();
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn t2_length_and_version_are_told_apart() {
    // How it answers a hello of over 1,400 octets: it closes, resets, hangs, or says an alert.
    let alerts = [40, 47, 50, 70, 80];
    for (version, name) in [("-tls1_3", "TLSv1.3"), ("-tls1_2", "TLSv1.2")] {
        let server = Openssl::start("p256", &[version]);
        let port = server.port();
        let fronts = Front::many(3 + alerts.len(), move |position, mut stream, _| {
            let hello = read_hello(&mut stream);
            if hello.len() <= 1400 {
                return splice_behind(&hello, stream, port);
            }
            match position {
                0 => drop(stream),
                1 => {
                    let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
                }
                2 => thread::sleep(Duration::from_secs(20)),
                _ => say(stream, &alert(alerts[position - 3])),
            }
        });
        let input: String = fronts.iter().map(|front| accepted(front.port())).collect();
        let ran = inspect(&["--enumerate", "versions"], &input).expect(0);
        for tls in ran.of_type("tls") {
            let is_refusal = tls["outcome"]["detail"] == "handshake_failure";
            assert_eq!(tls["enumeration"]["versions"][name], true, "{tls}");
            if is_refusal {
                // So says also a server that found no suite: it is asked in an old hello, and what that cannot tell
                // stays open.
                assert_eq!(tls["version"], Value::Null, "{tls}");
                assert_ne!(tls["negotiated"], false, "{tls}");
                continue;
            }
            assert_eq!(tls["version"], name, "{tls}");
            assert_eq!(tls["negotiated"], true, "{tls}");
            assert_eq!(tls["flags"], json!(["length_intolerant"]), "{tls}");
            assert_eq!(tls["fallback"]["reason"], "ok", "{tls}");
            assert_eq!(verdict(&tls), (json!(true), "valid".into()), "{tls}");
            let completed = match name {
                "TLSv1.3" => json!(true),
                _ => Value::Null,
            };
            assert_eq!(tls["completed"], completed, "{tls}");
        }
    }
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn t2_a_version_that_is_never_answered_is_not_known() {
    let front = Front::with(|mut stream, _| {
        read_hello(&mut stream);
    });
    let tls = tls_of(&front, &[]);
    assert_eq!(tls["version"], Value::Null, "{tls}");
    assert_eq!(tls["negotiated"], Value::Null, "{tls}");
    assert_eq!(tls["flags"], Value::Null, "{tls}");
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn t2_what_a_server_speaks_alone_is_known_at_once() {
    // Certificate, arguments, version, suite, group; what is known of the key exchange with others is not unknown here.
    let cases: [(&str, &[&str], &str, &str, &str); 16] = [
        (
            "p256",
            &["-tls1_3", "-groups", "X448"],
            "TLSv1.3",
            "AES_256_GCM",
            "x448",
        ),
        (
            "p256",
            &["-groups", "X448"],
            "TLSv1.3",
            "AES_256_GCM",
            "x448",
        ),
        (
            "p256",
            &["-no_tls1_3", "-groups", "X448"],
            "TLSv1.2",
            "AES256-GCM",
            "x448",
        ),
        (
            "p256",
            &["-tls1_3", "-groups", "P-521"],
            "TLSv1.3",
            "AES_256_GCM",
            "secp521r1",
        ),
        (
            "rsa2048",
            &["-groups", "P-521"],
            "TLSv1.3",
            "AES_256_GCM",
            "secp521r1",
        ),
        (
            "rsa2048",
            &["-no_tls1_3", "-groups", "P-521"],
            "TLSv1.2",
            "AES256-GCM",
            "secp521r1",
        ),
        (
            "p256",
            &["-tls1_3", "-groups", "ffdhe2048"],
            "TLSv1.3",
            "AES_256_GCM",
            "ffdhe2048",
        ),
        (
            "p256",
            &["-groups", "ffdhe3072:ffdhe8192"],
            "TLSv1.3",
            "AES_256_GCM",
            "ffdhe3072",
        ),
        (
            "p256",
            &["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256"],
            "TLSv1.3",
            "TLS_AES_128_CCM_SHA256",
            "x25519",
        ),
        (
            "p256",
            &[
                "-ciphersuites",
                "TLS_AES_128_CCM_8_SHA256",
                "-groups",
                "P-521",
            ],
            "TLSv1.3",
            "TLS_AES_128_CCM_8_SHA256",
            "secp521r1",
        ),
        ("rsapss", &["-tls1_3"], "TLSv1.3", "AES_256_GCM", "x25519"),
        ("rsapss", &[], "TLSv1.3", "AES_256_GCM", "x25519"),
        ("ed448", &["-tls1_3"], "TLSv1.3", "AES_256_GCM", "x25519"),
        (
            "ed448",
            &["-no_tls1_3"],
            "TLSv1.2",
            "ECDHE-ECDSA-AES256-GCM",
            "x25519",
        ),
        (
            "ed25519",
            &["-no_tls1_3"],
            "TLSv1.2",
            "ECDHE-ECDSA-AES256-GCM",
            "x25519",
        ),
        (
            "p521",
            &["-no_tls1_3", "-groups", "P-521"],
            "TLSv1.2",
            "AES256-GCM",
            "secp521r1",
        ),
    ];
    for (certificate, arguments, version, suite, group) in cases {
        let server = Openssl::start(certificate, arguments);
        let tls = tls_of(&Front::to(server.port()), &[]);
        let about = format!("{certificate} {arguments:?}: {tls}");
        assert_eq!(tls["version"], version, "{about}");
        assert_eq!(tls["completed"], true, "{about}");
        assert!(
            tls["cipher"]["openssl"].as_str().unwrap().contains(suite),
            "{about}"
        );
        assert_eq!(tls["group"], group, "{about}");
        assert_eq!(tls["chain"].as_array().map(Vec::len), Some(1), "{about}");
        assert_eq!(
            (&tls["flags"], &tls["connections"]),
            (&Value::Null, &json!(1)),
            "{about}"
        );
    }
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn t2_a_rare_key_or_group_is_no_intolerance() {
    // Certificate, arguments, the version, connections.
    let cases: [(&str, &[&str], Value, u32); 9] = [
        // Where TLS 1.3 may be spoken with a group that was not offered, the version is open.
        ("rsa2048", &["-groups", "brainpoolP512r1"], json!(null), 2),
        ("brainpool", &["-no_tls1_3"], json!("TLSv1.2"), 2),
        ("secp256k1", &["-no_tls1_3"], json!("TLSv1.2"), 2),
        ("rsapss", &["-no_tls1_3"], json!("TLSv1.2"), 1),
        (
            "rsapss",
            &["-no_tls1_3", "-cipher", "ECDHE-RSA-AES128-SHA256"],
            json!("TLSv1.2"),
            2,
        ),
        (
            "rsa2048",
            &["-sigalgs", "RSA+SHA224", "-tls1_2"],
            json!("TLSv1.2"),
            2,
        ),
        (
            "rsa2048",
            &["-cipher", "AES128-SHA:@SECLEVEL=0", "-tls1_2"],
            json!("TLSv1.2"),
            2,
        ),
        (
            "rsa2048",
            &["-cipher", "aNULL:@SECLEVEL=0", "-tls1_2"],
            json!("TLSv1.2"),
            2,
        ),
        (
            "rsa2048",
            &["-cipher", "DHE-RSA-AES128-SHA:@SECLEVEL=0", "-tls1_1"],
            json!("TLSv1.1"),
            2,
        ),
    ];
    for (certificate, arguments, version, connections) in cases {
        let server = Openssl::start(certificate, arguments);
        let tls = tls_of(&Front::to(server.port()), &[]);
        let about = format!("{certificate} {arguments:?}: {tls}");
        assert_eq!(
            (&tls["version"], &tls["negotiated"]),
            (&version, &json!(true)),
            "{about}"
        );
        assert_eq!(tls["flags"], Value::Null, "{about}");
        assert_eq!(tls["connections"], connections, "{about}");
    }
    // Nothing but keys that are shared beforehand: no stranger finds anything there.
    let psk = ["-cipher", "PSK:@SECLEVEL=0", "-tls1_2", "-psk", "1234"];
    let server = Openssl::start("rsa2048", &psk);
    let tls = tls_of(&Front::to(server.port()), &[]);
    let facts = (&tls["negotiated"], &tls["completed"], &tls["version"]);
    assert_eq!(facts, (&json!(false), &json!(false), &Value::Null), "{tls}");
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn t2_a_hello_of_everything_reads_what_tls_13_encrypts() {
    // Servers that close on the first hello, so that the second one decides; version, group.
    let cases: [(&[&str], &str, &str); 6] = [
        (&["-groups", "P-521"], "TLSv1.3", "secp521r1"),
        (
            &["-groups", "P-384", "-Verify", "1"],
            "TLSv1.3",
            "secp384r1",
        ),
        (
            &["-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"],
            "TLSv1.3",
            "x25519",
        ),
        (&["-groups", "X448", "-tls1_3"], "TLSv1.3", "x448"),
        (
            &["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256"],
            "TLSv1.3",
            "x25519",
        ),
        (
            &["-ciphersuites", "TLS_AES_128_CCM_8_SHA256", "-Verify", "1"],
            "TLSv1.3",
            "x25519",
        ),
    ];
    for (arguments, version, group) in cases {
        let server = Openssl::start("p256", arguments);
        let port = server.port();
        let front = Front::with(move |mut stream, number| match number {
            1 => drop(read_hello(&mut stream)),
            _ => splice(stream, port),
        });
        let tls = tls_of(&front, &[]);
        assert_eq!(tls["version"], version, "{arguments:?}: {tls}");
        assert_eq!(tls["group"], group, "{arguments:?}: {tls}");
        assert_eq!(tls["negotiated"], true, "{arguments:?}: {tls}");
        assert!(tls["chain"].is_array(), "{arguments:?}: {tls}");
        assert_eq!(tls["completed"], true, "{arguments:?}: {tls}");
        let asked = arguments.contains(&"-Verify");
        assert_eq!(tls["client_certificate_requested"], asked, "{tls}");
        assert_eq!(tls["signature_scheme"], "ecdsa_secp256r1_sha256", "{tls}");
    }
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn t6_a_hello_of_tls_13_bears_a_share() {
    // Some stacks answer an empty key_share with illegal_parameter.
    let server = Openssl::start("p256", &["-tls1_3"]);
    let port = server.port();
    let front = Front::with(move |mut stream, _| {
        let hello = read_hello(&mut stream);
        let is_bare = hello.windows(6).any(|it| it == [0, 51, 0, 2, 0, 0]);
        match is_bare {
            true => say(stream, &alert(47)),
            false => splice_behind(&hello, stream, port),
        }
    });
    let tls = tls_of(&front, &["--enumerate", "versions,groups"]);
    let found = &tls["enumeration"];
    assert_eq!(found["versions"]["TLSv1.3"], true, "{found}");
    let groups: Vec<_> = found["groups"].as_array().unwrap().iter().collect();
    for group in ["x25519", "secp256r1", "secp384r1", "secp521r1", "x448"] {
        assert!(groups.contains(&&json!(group)), "{group}: {found}");
    }
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn t6_groups_of_servers_of_tls_10_and_11_are_counted() {
    for (argument, version) in [("-tls1", "TLSv1"), ("-tls1_1", "TLSv1.1")] {
        let arguments = [
            argument,
            "-cipher",
            "ALL:@SECLEVEL=0",
            "-groups",
            "P-256:P-384",
        ];
        let server = Openssl::start("rsa2048", &arguments);
        let tls = tls_of(
            &Front::to(server.port()),
            &["--enumerate", "versions,groups"],
        );
        assert_eq!(tls["version"], version, "{tls}");
        let found = &tls["enumeration"];
        assert_eq!(found["groups"], json!(["secp256r1", "secp384r1"]), "{tls}");
        assert_eq!(found["versions"][version], true, "{tls}");
        assert_eq!(found["versions"]["TLSv1.3"], false, "{tls}");
    }
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn a9_what_was_completed_is_never_denied() {
    let server = Openssl::start("p256", &["-tls1_3"]);
    let port = server.port();
    // The first connection is served; every other hello is refused.
    let front = Front::with(move |mut stream, number| match number {
        1 => splice(stream, port),
        _ => {
            read_hello(&mut stream);
            say(stream, &alert(70));
        }
    });
    let tls = tls_of(&front, &["--enumerate", "versions,ciphers,groups"]);
    assert_eq!(tls["completed"], true, "{tls}");
    let found = &tls["enumeration"];
    assert_eq!(found["versions"]["TLSv1.3"], true, "{tls}");
    assert_eq!(found["versions"]["TLSv1.2"], false, "{tls}");
    assert_eq!(found["ciphers"]["TLSv1.3"], json!([tls["cipher"]]), "{tls}");
    assert_eq!(found["groups"], json!([tls["group"]]), "{tls}");
    let note = json!("TLSv1.3: refused once, and spoken once");
    assert!(
        found["unknown"].as_array().unwrap().contains(&note),
        "{tls}"
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn t5_a_name_that_is_fatal_is_left_out() {
    let (chain, key) = (super::file("p256.pem"), super::file("p256.key"));
    let arguments = ["-servername", "other.test", "-servername_fatal"];
    let arguments = [&arguments[..], &["-cert2", &chain, "-key2", &key]].concat();
    let server = Openssl::start("p256", &arguments);
    let tls = tls_of(&Front::to(server.port()), &[]);
    assert_eq!(tls["server_name"], Value::Null, "{tls}");
    assert_eq!(tls["alert"]["description"], "unrecognized_name");
    assert_eq!(outcome(&tls), "handshake/alert");
    assert_eq!(tls["fallback"]["reason"], "ok");
    assert_eq!(
        (&tls["version"], &tls["completed"]),
        (&json!("TLSv1.3"), &json!(true))
    );
    assert_eq!(tls["chain"].as_array().unwrap().len(), 1);
    assert_eq!(tls["connections"], 2);
}
