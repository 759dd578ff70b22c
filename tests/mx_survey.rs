//! `mx-survey`: the pipe, run for somebody who wants an answer.

use std::fs;
use std::net::UdpSocket;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Ran, program, run, timeless, wait_for};
use crate::mail_lab::Lab;

const WORLD: &str = include_str!("../examples/first/world.ndjson");
const DOMAINS: &str = include_str!("../examples/first/domains");

/// The options that point to a lab.
fn handed(lab: &Lab) -> Vec<String> {
    let line = format!(
        "--nameserver {} --port {} --https-port 9 --allow 127.0.0.0/8 --helo probe.example.org --retries 0 --roots lab={}",
        lab.dns,
        lab.port,
        lab.roots.display()
    );
    line.split(' ').map(str::to_owned).collect()
}

fn check(lab: &Lab, more: &[&str]) -> Ran {
    let handed = handed(lab);
    let mut arguments = vec!["check"];
    arguments.extend(handed.iter().map(String::as_str));
    arguments.extend(more);
    run("mx-survey", &arguments, "")
}

#[test]
fn a_domain_is_asked_about_in_one_command() {
    let lab = Lab::new(WORLD);
    let ran = check(&lab, &["--quiet", "someone@hosted.example"]).expect(0);
    assert!(ran.stdout.contains("hosted.example"), "{}", ran.stdout);
    assert!(ran.stdout.contains("TLSv1.3"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("someone"), "{}", ran.stdout);
    let ran = check(
        &lab,
        &["--quiet", "--format", "json", "https://own.example/page"],
    )
    .expect(0);
    serde_json::from_str::<Value>(&ran.stdout).unwrap();
}

#[test]
fn the_line_that_is_printed_is_the_one_that_is_run() {
    let lab = Lab::new(WORLD);
    let ran = check(&lab, &["--print", "old.example"]).expect(0);
    let programs = [
        "mx-lookup",
        "policy-lookup",
        "policy-fetch",
        "smtp-probe",
        "to-sqlite",
        "report",
    ];
    let mut rest = ran.stdout.as_str();
    for program in programs {
        let at = rest
            .find(program)
            .unwrap_or_else(|| panic!("{program}: {}", ran.stdout));
        rest = &rest[at..];
    }
    let folder = tempfile::tempdir().unwrap();
    let typed = crate::harness::shell(&ran.stdout, folder.path()).expect(0);
    let asked = check(&lab, &["--quiet", "old.example"]).expect(0);
    // The command that shows the card again names the database.
    let card = |text: &str| text.lines().next().map(str::to_owned);
    assert_eq!(card(&typed.stdout), card(&asked.stdout));
}

#[test]
fn what_is_no_domain_is_refused_without_being_repeated() {
    let ran = run("mx-survey", &["check", "jane.doe@"], "").expect(2);
    let told = ran.stderr.replace("'jane.doe@'", "");
    assert!(told.contains("such as example.org"), "{}", ran.stderr);
}

fn survey(lab: &Lab, list: &Path, out: &Path) -> Command {
    let mut command = Command::new(program("mx-survey"));
    command
        .args(["run", "--quiet", "--out"])
        .arg(out)
        .args(handed(lab))
        .arg(list)
        .stdout(Stdio::null());
    command
}

/// What a database says, without times and ids of runs.
fn said(database: &Path) -> Vec<Value> {
    let arguments = [
        "--format", "ndjson", "--table", "overview", "--table", "standing", "--table", "hosts",
    ];
    let path = database.to_str().unwrap();
    let ran = run("report", &[&[path][..], &arguments].concat(), "").expect(0);
    let lines = ran.stdout.lines();
    lines
        .map(|line| timeless(serde_json::from_str(line).unwrap()))
        .collect()
}

#[test]
fn a_survey_that_is_killed_goes_on_where_it_stopped() {
    let slow = WORLD.replace("\"as\":\"tls\"", "\"as\":\"tls\",\"latency_ms\":150");
    let lab = Lab::new(&slow);
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("domains");
    fs::write(&list, DOMAINS).unwrap();
    let whole = folder.path().join("whole");
    assert!(survey(&lab, &list, &whole).status().unwrap().success());
    for name in ["stream.ndjson", "survey.db", "index.html"] {
        assert!(fs::metadata(whole.join(name)).unwrap().len() > 0, "{name}");
    }
    let torn = folder.path().join("torn");
    for pause in [80, 200, 350, 500, 700] {
        let mut child = survey(&lab, &list, &torn)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(pause));
        child.kill().unwrap();
        child.wait().unwrap();
        // What is left of it lets go of the folder when it has seen the end of its input.
        let began = Instant::now();
        let lock = fs::File::options()
            .append(true)
            .create(true)
            .open(torn.join("lock"));
        while lock.as_ref().is_ok_and(|lock| lock.try_lock().is_err()) {
            assert!(began.elapsed() < Duration::from_secs(60), "still there");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    assert!(survey(&lab, &list, &torn).status().unwrap().success());
    assert_eq!(
        said(&torn.join("survey.db")),
        said(&whole.join("survey.db"))
    );
}

/// Whether a program has its handlers: a signal before would end it. (tee has none.)
fn hears(id: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // Until it is executed, it is a copy of mx-survey.
    let is_named = |name| status.starts_with(&format!("Name:\t{name}\n"));
    is_named("tee") || !is_named("mx-survey") && caught.is_some_and(|mask| mask & 2 != 0)
}

/// A second signal that reaches mx-survey alone ends what it started too.
#[test]
fn a_second_signal_ends_the_whole_pipe() {
    // A resolver that never answers.
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let resolver = silent.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("domains");
    fs::write(&list, DOMAINS).unwrap();
    for signal in ["-INT", "-TERM"] {
        let mut child = Command::new(program("mx-survey"))
            .args(["run", "--helo", "probe.example.org", "--nameserver"])
            .args([&resolver, "--out"])
            .args([&folder.path().join(signal), &list])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let id = child.id();
        let programs = || {
            let tasks = fs::read_dir(format!("/proc/{id}/task")).unwrap();
            let of_task = tasks.map(|task| {
                let path = task.unwrap().path().join("children");
                fs::read_to_string(path).unwrap_or_default()
            });
            let all = of_task.collect::<String>();
            let ids = all.split_whitespace().map(str::to_owned);
            ids.collect::<Vec<_>>()
        };
        wait_for("the pipe", Duration::from_secs(20), || {
            let programs = programs();
            programs.len() >= 6 && programs.iter().all(|id| hears(id))
        });
        let programs = programs();
        for _ in 0..2 {
            let id = id.to_string();
            Command::new("kill").args([signal, &id]).status().unwrap();
            std::thread::sleep(Duration::from_millis(300));
        }
        assert_eq!(child.wait().unwrap().code(), Some(1), "{signal}");
        for id in programs {
            let is_gone = || !Path::new("/proc").join(&id).exists();
            wait_for("a program's end", Duration::from_secs(10), is_gone);
        }
    }
}

/// A first signal lets what is in flight end, all the way into the folder: tee does not die of it.
#[test]
fn a_first_signal_loses_nothing_that_is_in_flight() {
    let slow = WORLD.replace("\"as\":\"tls\"", "\"as\":\"tls\",\"latency_ms\":300");
    let lab = Lab::new(&slow);
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("domains");
    fs::write(&list, DOMAINS).unwrap();
    // Ctrl-C reaches every program of the group, SIGTERM mx-survey alone.
    for (signal, is_for_all) in [("-INT", true), ("-TERM", false)] {
        let out = folder.path().join(signal);
        let mut child = survey(&lab, &list, &out).process_group(0).spawn().unwrap();
        let stream = || fs::read_to_string(out.join("stream.ndjson")).unwrap_or_default();
        wait_for("a domain", Duration::from_secs(20), || {
            stream().contains(r#"{"type":"domain""#)
        });
        let group = if is_for_all { "-" } else { "" };
        let target = format!("{group}{}", child.id());
        let sent = Command::new("kill").args([signal, "--", &target]).status();
        assert!(sent.unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(1), "{signal}");
        let ends = stream().matches(r#""event":"end""#).count();
        assert_eq!(ends, 4, "{signal}: {}", stream());
    }
}
