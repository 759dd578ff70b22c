//! The page: nothing from the network is markup, nothing leaves it, and in a browser it runs without an error, sorts,
//! and fits a telephone.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;

use super::super::harness::run;
use super::naive;

/// Text as a hostile server would send it.
const HOSTILE: &str =
    "\"'><script>alert(1)</script><img src=http://evil.invalid/x onerror=alert(2)>\u{202e}";

fn page() -> String {
    let mut lines = naive::scans::fixed().lines;
    lines.push(
        json!({"type": "listed", "source": format!("counted {HOSTILE}"), "domain": "d0.test", "rank": 1, "users": 5,
            "of": 1000})
        .to_string(),
    );
    lines.push(
        json!({"type": "smtp", "ip": "192.0.2.9", "port": 25, "outcome": {"phase": "banner", "reason": "not_smtp",
            "detail": HOSTILE}, "esmtp": null, "starttls": {"advertised": null, "accepted": null}, "banner": {"code": 220,
            "lines": [HOSTILE]}, "software": HOSTILE, "connections": 1, "attempts": 1, "timings": {}, "connected": null,
            "time": "2026-01-01T00:00:00Z", "run": "r"})
        .to_string(),
    );
    lines.push(
        json!({"type": "domain", "domain": HOSTILE, "outcome": {"phase": "done", "reason": "ok"}, "implicit_mx": null,
            "null_mx": null, "mx": [{"exchange": HOSTILE, "preference": 1, "registered_domain": HOSTILE, "addresses":
            [{"ip": "192.0.2.9"}], "ipv4": null, "ipv6": null, "dnssec": null}], "dnssec": null,
            "time": "2026-01-01T00:00:00Z", "elapsed_ms": 1, "run": "r"})
        .to_string(),
    );
    run("report", &["--format", "html"], lines.join("\n"))
        .expect(0)
        .stdout
}

#[test]
fn nothing_from_the_network_is_markup() {
    let page = page();
    assert!(
        page.contains("&lt;script&gt;alert(1)"),
        "it is there, as text"
    );
    for markup in ["<script>alert", "<img", "\u{202e}"] {
        assert!(!page.contains(markup), "{markup}");
    }
    // One script, ours, allowed by its hash; and nothing to load.
    assert_eq!(page.matches("<script").count(), 1);
    assert!(page.contains("default-src 'none'"));
    for loads in [" src=\"", "url(", "<link", "@import", "<iframe", "<object"] {
        assert!(!page.contains(loads), "{loads}");
    }
}

fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    ["chromium", "chromium-browser", "google-chrome"]
        .iter()
        .flat_map(|name| std::env::split_paths(&path).map(move |directory| directory.join(name)))
        .find(|program| program.is_file())
}

/// The document after its scripts ran, and what the browser logged.
fn open(browser: &Path, directory: &Path, file: &Path, width: u32) -> (String, String, String) {
    let net_log = directory.join(format!("net-{width}.json"));
    let mut child = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
        ])
        .args([
            "--disable-component-update",
            "--disable-sync",
            "--disable-default-apps",
            "--disable-dev-shm-usage",
        ])
        .args([
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--enable-logging=stderr",
            "--virtual-time-budget=3000",
        ])
        .arg(format!(
            "--user-data-dir={}",
            directory.join(format!("profile-{width}")).display()
        ))
        .arg(format!("--log-net-log={}", net_log.display()))
        .arg(format!("--window-size={width},900"))
        .arg("--dump-dom")
        .arg(format!("file://{}", file.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    // A browser that hangs is killed, and the test says so.
    let id = child.id();
    let (done, waited) = std::sync::mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        if waited.recv_timeout(Duration::from_secs(90)).is_err() {
            let _ = Command::new("kill").args(["-9", &id.to_string()]).status();
        }
    });
    let mut dom = String::new();
    let mut log = String::new();
    let mut stderr = child.stderr.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut stderr, &mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    });
    std::io::Read::read_to_string(child.stdout.as_mut().unwrap(), &mut dom).unwrap();
    let status = child.wait().unwrap();
    done.send(()).unwrap();
    watch.join().unwrap();
    log.push_str(&reader.join().unwrap());
    assert!(status.success(), "{log}");
    (
        dom,
        log,
        std::fs::read_to_string(net_log).unwrap_or_default(),
    )
}

#[test]
fn a_browser_finds_no_fault_with_it() {
    let Some(browser) = browser() else {
        println!("no chromium here: the page was not opened");
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let page = page();
    let file = directory.path().join("page.html");
    std::fs::write(&file, &page).unwrap();
    let (dom, log, net) = open(&browser, directory.path(), &file, 1440);
    assert!(!log.contains("CONSOLE"), "{log}");
    assert!(!net.contains("evil.invalid/x"), "a request left the page");
    assert!(
        dom.contains("</svg>") && dom.contains("<title>"),
        "charts and their values"
    );

    // The same page with a hand that clicks, which its policy would not let in.
    let from = page.find("<meta http-equiv").unwrap();
    let to = from + page[from..].find('>').unwrap() + 1;
    let clicks = "<script>
        const head = document.querySelector('#standing th.number');
        const values = () => [...document.querySelectorAll('#standing tbody tr')].map((row) =>
            row.cells[head.cellIndex].dataset.value ?? '').filter((value) => value !== '').map(Number);
        head.firstElementChild.click();
        const down = values();
        head.firstElementChild.click();
        const up = values();
        const sorted = down.every((it, at) => !at || down[at - 1] >= it) && up.every((it, at) => !at || up[at - 1] <= it);
        location.hash = '#domain-d0.test';
        setTimeout(() => document.body.setAttribute('data-test', [sorted && down.length > 5,
            document.documentElement.scrollWidth <= innerWidth, document.getElementById('domain-d0.test').open].join()), 200);
    </script></body>";
    let clicked = format!("{}{}", &page[..from], &page[to..]).replace("</body>", clicks);
    let file = directory.path().join("clicked.html");
    std::fs::write(&file, clicked).unwrap();
    for width in [390, 1441] {
        let (dom, log, _) = open(&browser, directory.path(), &file, width);
        let at = dom.find("data-test=").unwrap_or_else(|| panic!("{log}"));
        assert!(
            dom[at..].starts_with("data-test=\"true,true,true\""),
            "{width}: {:.60}",
            &dom[at..]
        );
    }
}
