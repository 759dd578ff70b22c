//! A postmaster's day with sixty domains of `examples/postmaster`: the commands of README's first screen, as they stand there.

use std::fs;
use std::path::Path;

use super::harness::{Ran, run, shell};
use super::mail_lab::Lab;

const README: &str = include_str!("../README.md");
const WORLD: &str = include_str!("../examples/postmaster/world.ndjson");
const LATER: &str = include_str!("../examples/postmaster/later.ndjson");
const DOMAINS: &str = include_str!("../examples/postmaster/domains");

/// The line of the first screen that begins so, without its comment, with what leads into the lab behind the program's name.
fn command(begin: &str, lab: &Lab) -> String {
    let first_screen = README.lines().take(45);
    let mut lines = first_screen.filter(|line| line.starts_with(begin));
    let line = lines
        .next()
        .unwrap_or_else(|| panic!("{begin:?} stands not in README's first screen"));
    let line = line.split("  #").next().unwrap().trim();
    let handed = format!(
        "--trust-ad --nameserver {} --port {port} --https-port {port} --allow 127.0.0.0/8 --helo probe.example.org \
         --retries 0 --roots lab={}",
        lab.dns,
        lab.roots.display(),
        port = lab.port,
    );
    ["check", "run", "watch"]
        .iter()
        .fold(line.to_owned(), |line, verb| {
            let verb = format!("mx-survey {verb} ");
            line.replace(&verb, &format!("{verb}{handed} "))
        })
}

fn type_it(begin: &str, lab: &Lab, folder: &Path, status: i32) -> Ran {
    shell(&command(begin, lab), folder).expect(status)
}

fn says(ran: &Ran, texts: &[&str]) {
    // As it is told in lines of 80 columns.
    let said: Vec<&str> = ran.stdout.split_whitespace().collect();
    let said = said.join(" ");
    for text in texts {
        assert!(said.contains(text), "{text:?} is missing in {}", ran.stdout);
    }
}

#[test]
fn each_question_is_one_command_of_the_first_screen() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("domains"), DOMAINS).unwrap();
    let lab = Lab::new(WORLD);

    // What is broken.
    let first = type_it("mx-survey run domains", &lab, folder, 0);
    let broken = [
        "WHAT BECAME OF 60 DOMAINS",
        "1 domain critical Under its MTA-STS policy all mail is lost.",
        "more kinds",
        "12 domains web-hoster.example: no STARTTLS",
    ];
    says(&first, &broken);
    let screen = type_it("report survey/survey.db  ", &lab, folder, 0);
    says(&screen, &broken);
    assert!(screen.stdout.lines().count() <= 44, "{}", screen.stdout);

    // What to do, and who: two operators of many domains, each with one message.
    let messages = type_it("report survey/survey.db --tell", &lab, folder, 0);
    says(
        &messages,
        &[
            "To: the postmaster of house.example, who runs the mail servers Subject: mail to 36 domains: 2 problems",
            "At: mx2.house.example at 127.21.0.3 (expired (lab))",
            "To: the postmaster of web-hoster.example, who runs the mail servers Subject: mail to 12 domains: 1 problem",
            "What to do: Install a certificate and turn STARTTLS on.",
            "Seen: (certificate-not-trusted)",
        ],
    );

    // One domain: each fact once.
    let line = command("mx-survey check example.org", &lab);
    let line = line.replace(" example.org", " own-sts.example");
    let card = shell(&line, folder).expect(0);
    says(
        &card,
        &[
            "own-sts.example: mail to it travels encrypted; senders that heed DANE and MTA-STS do not deliver it;",
            "to do (domain_owner): Set mode: testing",
            "by every rule yes: ESMTP, STARTTLS accepted, TLS",
            "(run by the domain itself)",
        ],
    );
    assert_eq!(
        card.stdout.matches("STARTTLS accepted").count(),
        1,
        "{}",
        card.stdout
    );
    let database = folder.join("survey/survey.db");
    let database = database.to_str().unwrap();
    let backup = run("report", &[database, "--explain", "client20.example"], "").expect(0);
    says(
        &backup,
        &["Valid certificate: yes (preferred, any), no (all)"],
    );

    // What changed.
    type_it("mx-survey watch domains", &lab, folder, 0);
    let quiet = type_it("told=$(mx-survey watch", &lab, folder, 0);
    assert_eq!(quiet.stdout, "");
    drop(lab);
    let lab = Lab::new(LATER);
    let told = type_it("told=$(mx-survey watch", &lab, folder, 0);
    says(
        &told,
        &[
            "STARTTLS accepted; TLS; Certificate names the exchange (unchanged at 47; not learned then or now at 1)",
            "Mail from opportunistic, tls13 only, post quantum only (unchanged at 47;",
            "web-hoster.example: STARTTLS accepted no -> yes (starttls): 12 domains",
            "own-dane.example, which runs its own mail: DANE holds yes -> no (dane): 1 domain",
            "NEW PROBLEMS critical own-dane.example: No TLSA record matches the certificate (runs its own mail)",
            "serious 36 domains, such as client01.example: The certificate has expired (mail run by house.example)",
            "critical own-sts.example: Under its MTA-STS policy all mail is lost",
        ],
    );
}

#[test]
fn where_port_25_is_closed_the_servers_are_not_learned_and_the_rest_is_told() {
    let closed: String = (WORLD.lines())
        .map(|line| {
            let is_mail = line.contains("\"type\":\"server\"") && !line.contains("policy-host");
            let line = line.replace(",\"listen\":\"refused\"", "");
            let open = "\"type\":\"server\",";
            let shut = "\"type\":\"server\",\"listen\":\"refused\",";
            let line = if is_mail {
                line.replace(open, shut)
            } else {
                line
            };
            format!("{line}\n")
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("domains"), DOMAINS).unwrap();
    let lab = Lab::new(&closed);
    let screen = type_it("mx-survey run domains", &lab, folder, 0);
    says(
        &screen,
        &[
            "CAUTION: No connection to any of 13 servers succeeded: port 25 may be closed",
            "valid certificate [??????????????] unknown",
            "DMARC that acts",
            "critical The SPF record lets everybody send.",
        ],
    );
    let database = folder.join("survey/survey.db");
    let database = database.to_str().unwrap();
    let codes = run(
        "report",
        &[database, "-t", "problem-codes", "-f", "csv"],
        "",
    )
    .expect(0)
    .stdout;
    for of_servers in [
        "no_server_answers",
        "server_silent",
        "starttls",
        "exchange_special_address",
    ] {
        assert!(!codes.contains(of_servers), "{of_servers} in {codes}");
    }
    for published in [
        "spf_pass_all",
        "dmarc_missing",
        "no_exchange_resolves",
        "nxdomain",
    ] {
        assert!(codes.contains(published), "{published} not in {codes}");
    }
    let deliveries = run("report", &[database, "-t", "delivery", "-f", "csv"], "")
        .expect(0)
        .stdout;
    assert!(!deliveries.contains("clear,57"), "{deliveries}");
}
