//! Jobs: `mx-survey watch`, `-o` of every filter, the units in `etc`, the recipes of mx-survey.7.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::harness::{program, run, run_command, shell, wait_for};
use super::mail_lab::Lab;

const WORLD: &str = include_str!("../examples/first/world.ndjson");
const DOMAINS: &str = include_str!("../examples/first/domains");

fn handed(lab: &Lab) -> String {
    format!(
        "--nameserver {} --port {} --https-port 9 --allow 127.0.0.0/8 --helo probe.example.org --retries 0 --roots lab={}",
        lab.dns,
        lab.port,
        lab.roots.display()
    )
}

/// The databases in a folder, by name.
fn databases(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut all: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    all.retain(|path| path.extension().is_some_and(|it| it == "db"));
    all.sort();
    all
}

#[test]
fn a_list_is_watched_and_what_changed_is_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("domains"), DOMAINS).unwrap();
    let out = folder.path().join("out");
    let watch = |lab: &Lab, more: &str, status: i32| {
        let line = format!("mx-survey watch {} --out out {more} domains", handed(lab));
        shell(&line, folder.path()).expect(status)
    };
    let lab = Lab::new(WORLD);
    // Before the first survey nothing is new.
    let first = watch(&lab, "--fail-on serious,new", 0);
    assert!(
        first.stderr.contains("nothing to compare it with"),
        "{}",
        first.stderr
    );
    assert_eq!(databases(&out).len(), 1);
    assert!(out.join("index.html").is_file());
    let second = watch(&lab, "--fail-on serious,new", 0);
    assert!(
        second
            .stdout
            .contains("Nothing that was learned both times is different."),
        "{}",
        second.stdout
    );
    // The two domains of the large host lose STARTTLS.
    let worse: String = (WORLD.lines())
        .map(
            |line| match line.contains("big-host") && line.contains("\"as\":\"tls\"") {
                true => line.replace("\"as\":\"tls\"", "\"as\":\"plain\"") + "\n",
                false => format!("{line}\n"),
            },
        )
        .collect();
    assert_ne!(worse, WORLD, "the world of the example is another");
    drop(lab);
    let lab = Lab::new(&worse);
    let third = watch(&lab, "-q --fail-on serious,new", 3);
    assert!(
        third.stdout.contains("STARTTLS accepted yes -> no"),
        "{}",
        third.stdout
    );
    assert_eq!(databases(&out).len(), 3);
    let page = fs::read_to_string(out.join("index.html")).unwrap();
    assert!(page.contains("change-events"));
    // An option that report does not take is told before anything is asked.
    watch(&lab, "--fail-on bad,new", 2);
    watch(&lab, "--helo -", 2);
    assert_eq!(
        databases(&out).len(),
        3,
        "what could not be made leaves nothing"
    );
    assert!(!fs::read_dir(&out).unwrap().any(|entry| {
        entry
            .unwrap()
            .file_name()
            .to_string_lossy()
            .ends_with(".part")
    }));
    let printed = watch(&lab, "--print", 0).stdout;
    assert!(
        printed.contains(" --label ") && printed.contains("--since out/"),
        "{printed}"
    );
    recipe(&lab, folder.path());
}

/// The recipe for cron of mx-survey.7, as it stands there but for its paths and the lab.
fn recipe(lab: &Lab, folder: &Path) {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/man/mx-survey.7");
    let page = fs::read_to_string(page).unwrap();
    let (_, script) = page.split_once("#!/bin/sh\n").unwrap();
    let script = script.split(".Ed").next().unwrap();
    let script = script
        .replace("\\e", "\\")
        .replace("/var/lib/mx-survey", "cron")
        .replace("/etc/mx-survey/domains", "domains")
        .replace("--helo probe.example.org", &handed(lab));
    for _ in 0..2 {
        let ran = shell(&script, folder).expect(0);
        assert_eq!(ran.stdout, "", "cron stays quiet");
    }
    assert_eq!(databases(&folder.join("cron")).len(), 2);
    // What is handed to others is what the page says.
    let database = databases(&folder.join("cron"))[1].display().to_string();
    for line in page
        .lines()
        .filter(|line| line.starts_with("report out.db "))
    {
        let line = line
            .replace("out.db", &database)
            .replace(" --accept known", "");
        let ran = shell(&line, folder);
        assert!([0, 1, 2].contains(&ran.status), "{line}: {}", ran.stderr);
        assert_eq!(ran.stderr, "", "{line}");
    }
    for name in ["mx-survey.prom", "ticket.md", "letters"] {
        assert!(fs::metadata(folder.join(name)).unwrap().len() > 0, "{name}");
    }
}

#[test]
fn the_units_are_well_formed() {
    let units = ["mx-survey-watch.service", "mx-survey-watch.timer"];
    let verify = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .args(units.map(|name| format!("{}/etc/{name}", env!("CARGO_MANIFEST_DIR"))))
        .output();
    match verify {
        Err(error) => println!("no systemd-analyze here ({error}): the units were not verified"),
        Ok(verified) => {
            let told = String::from_utf8_lossy(&verified.stderr);
            assert!(verified.status.success() && told.is_empty(), "{told}");
        }
    }
    // The command of the service is one that is understood.
    let service = concat!(env!("CARGO_MANIFEST_DIR"), "/etc/mx-survey-watch.service");
    let service = fs::read_to_string(service).unwrap();
    let command = service
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart=/usr/bin/env "));
    let command = command.unwrap().replace("%H", "probe.example.org");
    let folder = tempfile::tempdir().unwrap();
    let printed = shell(&format!("{command} --print"), folder.path())
        .expect(0)
        .stdout;
    assert!(
        printed.contains("cat /etc/mx-survey/domains |"),
        "{printed}"
    );
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let names = || {
        let mut names: Vec<String> = fs::read_dir(folder.path())
            .unwrap()
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let out = path.to_str().unwrap();
    // Every filter has it.
    for (name, arguments, input) in [
        ("report", &["-t", "standing"][..], ""),
        ("leak-count", &["--quiet"], "a@example.org\n"),
        ("header-trace", &["-q"], "From: a@b\n\nText.\n"),
        ("mx-lookup", &["-q", "--nameserver", "127.0.0.1:1"], ""),
        ("policy-lookup", &["-q", "--nameserver", "127.0.0.1:1"], ""),
        ("policy-fetch", &["-q", "--nameserver", "127.0.0.1:1"], ""),
        ("smtp-probe", &["-q", "--helo", "probe.example.org"], ""),
        ("tls-inspect", &["-q", "--helo", "probe.example.org"], ""),
    ] {
        let plain = run(name, arguments, input);
        let ran = run(name, &[arguments, &["-o", out]].concat(), input).expect(plain.status);
        assert_eq!(ran.stdout, "", "{name}");
        let written = fs::read_to_string(&path).unwrap();
        assert_eq!(
            written.lines().count(),
            plain.stdout.lines().count(),
            "{name}"
        );
        assert!(!written.is_empty(), "{name}");
    }
    assert_eq!(names(), ["out"]);
    // A program that fails leaves what was there.
    fs::write(&path, "before").unwrap();
    run("report", &["missing.db", "-o", out], "").expect(2);
    assert_eq!(fs::read_to_string(&path).unwrap(), "before");
    run(
        "report",
        &["-t", "standing", "-o", folder.path().to_str().unwrap()],
        "",
    )
    .expect(2);
    assert_eq!(names(), ["out"]);
    // So does one that is stopped at once.
    let mut child = Command::new(program("leak-count"))
        .args(["--quiet", "-o", out])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for("the part", Duration::from_secs(20), || names().len() == 2);
    for _ in 0..2 {
        let id = child.id().to_string();
        run_command(Command::new("kill").args(["-TERM", &id]), b"").expect(0);
        std::thread::sleep(Duration::from_millis(300));
    }
    assert_ne!(child.wait().unwrap().code(), Some(0));
    assert_eq!(fs::read_to_string(&path).unwrap(), "before");
    assert_eq!(names(), ["out"]);
    // What a link names is replaced, and a device is written into.
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    run(
        "report",
        &["-t", "standing", "-o", link.to_str().unwrap()],
        "",
    )
    .expect(0);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::read_to_string(&path).unwrap().contains("WHAT BECAME"));
    run("report", &["-t", "standing", "-o", "/dev/null"], "").expect(0);
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}
