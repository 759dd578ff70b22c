//! DANE from the DNS to the report: who is protected, who is not, and who cannot be (RFC 7672).

use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{program, run, run_command, shell};

/// 100 domains, of which 90 lie in unsigned zones; of the ten others three have a TLSA record of their server's key.
fn world() -> String {
    let mut lines: Vec<Value> = Vec::new();
    for number in 0..100 {
        let (domain, ip) = (
            format!("d{number}.test"),
            format!("127.60.0.{}", number + 1),
        );
        let exchange = format!("mx.{domain}");
        let signed = number < 10;
        lines.push(json!({"type": "name", "name": domain, "mx": [[10, exchange]], "ad": signed}));
        lines.push(json!({"type": "name", "name": exchange, "a": [ip], "ad": signed}));
        let below = format!("_25._tcp.{exchange}");
        if number < 3 {
            let record = format!("3 1 1 @{ip}");
            lines.push(json!({"type": "name", "name": below, "tlsa": [record], "ad": true}));
        } else if signed {
            lines.push(json!({"type": "name", "name": below, "txt": ["no TLSA"], "ad": true}));
        }
        lines.push(json!({"type": "server", "ip": ip, "name": exchange, "as": "self-signed"}));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[test]
fn d1_of_100_domains_with_90_unsigned_dane_holds_for_3_from_the_dns_to_the_report() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("world"), world()).unwrap();
    let list: String = (0..100).map(|number| format!("d{number}.test\n")).collect();
    let script = r#"
        "$1" --trust-ad --tlsa --nameserver $MAIL_LAB_DNS --quiet |
        "$2" --tls --port $MAIL_LAB_PORT --helo probe.example.org --allow 127.0.0.0/8 --spacing 0 --quiet"#;
    let mut lab = Command::new(program("mail-lab"));
    lab.args(["--port", "0", "--dns-port", "0", &path("world")])
        .args(["--", "sh", "-c", script, "sh"])
        .args([program("mx-lookup"), program("smtp-probe")]);
    let ran = run_command(&mut lab, list.as_bytes()).expect(0);
    run("to-sqlite", &["--quiet", &path("out.db")], &ran.stdout).expect(0);
    let names = shell("report --table names out.db", directory.path()).expect(0);
    for rule in ["preferred", "any", "all"] {
        let row = (names.stdout.lines())
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .find(|words| words.starts_with(&["domains", "DANE", "holds", rule]))
            .unwrap();
        // Percent, yes, of, no, mixed, unknown.
        assert_eq!(
            row[4..11],
            ["3.00", "%", "3", "100", "97", "0", "0"],
            "{}",
            names.stdout
        );
    }
    for (domain, word) in [("d0", "holds"), ("d5", "none"), ("d50", "none_unsigned")] {
        let card = shell(
            &format!("report --explain {domain}.test out.db"),
            directory.path(),
        );
        let said = card.expect(0).stdout;
        // Of records that are there the server's lines say it, of none the exchange's.
        let ends = [format!("DANE: {word}"), format!("DANE {word}")];
        let is_said = |line: &str| ends.iter().any(|end| line.ends_with(end.as_str()));
        assert!(said.lines().any(is_said), "{said}");
    }
}
