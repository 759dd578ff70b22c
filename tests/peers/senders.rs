//! A real Postfix sends a message to every domain of the world of problems, under three settings; what becomes of each
//! agrees with the profile that stands for the setting.
//!
//! All of it runs in network namespaces of its own: the lab is the DNS at port 53 and every mail server at port 25.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use mx_survey::lab::generate::problems::cases;
use serde_json::Value;

use crate::harness::{Ran, shell};

/// The settings of each run, and the profile that it stands for.
const RUNS: [(&str, &str, &str); 3] = [
    ("may", "smtp_tls_security_level = may", "opportunistic"),
    ("dane", "smtp_tls_security_level = dane", "dane"),
    (
        "map",
        "smtp_tls_security_level = may\nsmtp_tls_policy_maps = texthash:$PWD/policy",
        "postfix_sts_before_3_10_5",
    ),
];

/// What every run has in common. Retries come fast: a handshake that failed goes in clear only on a later try.
const MAIN: &str = "\
compatibility_level = 3.6
queue_directory = $PWD/queue
data_directory = $PWD/data
maillog_file = $PWD/postfix.log
maillog_file_prefixes = /
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = sender.example.org
mydestination =
mynetworks = 127.0.0.1
alias_maps =
alias_database =
local_recipient_maps =
smtp_tls_CAfile = $MAIL_LAB_ROOTS
smtp_tls_loglevel = 1
smtp_dns_support_level = dnssec
smtp_host_lookup = dns
minimal_backoff_time = 2s
maximal_backoff_time = 2s
queue_run_delay = 2s
smtp_connect_timeout = 3s
smtp_helo_timeout = 5s
smtp_connection_cache_on_demand = no
default_destination_concurrency_failed_cohort_limit = 0";

const MASTER: &str = "\
pickup unix n - n 1 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
showq unix n - n - - showq";

/// Sends to every domain of `domains.csv`, and gives Postfix time for some retries; $1 names the run.
const SEND: &str = r#"
mkdir -p etc queue data
eval "cat > etc/main.cf <<END
$(cat main)
$(cat $1.level)
END"
cp master etc/master.cf
chown postfix data
postfix -c $PWD/etc start
cut -d, -f2 domains.csv | while read -r domain; do
    printf 'From: a@sender.example.org\n\nhello\n' |
        sendmail -C $PWD/etc -f a@sender.example.org "to@$domain"
done
for try in 1 2 3 4 5 6; do sleep 2; postqueue -c $PWD/etc -f; done
sleep 2
postfix -c $PWD/etc stop
mv postfix.log $1.log
rm -rf etc queue data
"#;

/// In the namespaces: a loopback, and a resolver whose AD bit is believed.
const NAMESPACE: &str = r#"
ip link set lo up
printf 'nameserver 127.0.0.1\noptions trust-ad edns0\n' > resolv.conf
mount --bind resolv.conf /etc/resolv.conf
mail-lab --port 25 --dns-port 53 world.ndjson -- bash -eu send $1
"#;

fn survey(directory: &Path) {
    let script = "mail-lab --generate problems --out . && echo default > selectors
        jq -c 'if .type == \"server\" and .https == null and (.as | tostring | startswith(\"policy\") | not)
            then .takes_mail = true else . end' world.ndjson > taking.ndjson && mv taking.ndjson world.ndjson
        mail-lab --port 0 --dns-port 0 world.ndjson -- bash -o pipefail -c '
            mx-lookup --quiet --tlsa --nameserver $MAIL_LAB_DNS < domains.csv |
            policy-lookup --quiet --nameserver $MAIL_LAB_DNS |
            policy-fetch --quiet --nameserver $MAIL_LAB_DNS --port $MAIL_LAB_PORT --roots lab=$MAIL_LAB_ROOTS \
                --allow 127.0.0.0/8 |
            smtp-probe --quiet --tls --port $MAIL_LAB_PORT --allow 127.0.0.0/8 --helo probe.example.org \
                --roots lab=$MAIL_LAB_ROOTS --spacing 0 --retries 0 > out.ndjson'
        to-sqlite --quiet out.db < out.ndjson
        # As postfix-mta-sts-resolver gives it.
        jq -r 'select(.type == \"sts\" and .strict.mode == \"enforce\" and .record == \"ok\" and .strict.state == \"ok\") |
            .domain + \" secure match=\" + ([.strict.mx[] | sub(\"^\\\\*\"; \"\")] | join(\":\"))' out.ndjson > policy";
    shell(script, directory).expect(0);
}

/// What became of the message to each domain, by the log of Postfix and the words of the lab.
fn sent(log: &str) -> BTreeMap<String, &'static str> {
    let between = |line: &str, from: &str, to: &str| -> Option<String> {
        let rest = line.split_once(from)?.1;
        Some(rest.split_once(to)?.0.to_owned())
    };
    let mut trust: HashMap<(String, String), String> = HashMap::new();
    let mut fates = BTreeMap::new();
    for line in log.lines() {
        let Some(process) =
            between(line, "postfix/smtp[", "]").or_else(|| between(line, "postfix/error[", "]"))
        else {
            continue;
        };
        if let Some(host) = between(line, "TLS connection established to ", "[") {
            let how = between(line, "]: ", " TLS connection").unwrap_or_default();
            trust.insert((process, host), how);
        } else if let (Some(domain), Some(host), Some(status)) = (
            between(line, "to=<to@", ">"),
            between(line, "relay=", ","),
            between(line, "status=", " "),
        ) {
            let host = host.split('[').next().unwrap_or_default().to_owned();
            let fate = match status.as_str() {
                "sent" if line.contains("taken in clear") => "clear",
                "sent"
                    if trust
                        .get(&(process, host))
                        .is_some_and(|how| how == "Verified") =>
                {
                    "authenticated"
                }
                "sent" => "encrypted",
                _ => "refused",
            };
            fates.insert(domain, fate);
        }
    }
    fates
}

/// The fates by domain for a profile, as the database has them.
fn foretold(directory: &Path, profile: &str) -> BTreeMap<String, String> {
    let script = format!(
        "cut -d, -f2 domains.csv | while read -r domain; do echo --explain $domain; done |
            xargs report out.db -f ndjson | jq -c '[.domain, (.delivery[] | select(.profile == \"{profile}\").fate)]'"
    );
    let ran: Ran = shell(&script, directory).expect(0);
    let rows = ran.stdout.lines().map(|line| {
        let row: Value = serde_json::from_str(line).unwrap();
        let text = |at: usize| row[at].as_str().unwrap_or_default().to_owned();
        (text(0), text(1))
    });
    rows.collect()
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn what_becomes_of_mail_from_a_real_postfix_is_what_its_profile_says() {
    let directory = super::namespace::open_directory();
    let directory = directory.path();
    let write = |name: &str, text: &str| std::fs::write(directory.join(name), text).unwrap();
    survey(directory);
    for (name, text) in [
        ("main", MAIN),
        ("master", MASTER),
        ("send", SEND),
        ("namespace", NAMESPACE),
    ] {
        write(name, &format!("{text}\n"));
    }
    let (mut compared, mut faults) = (0, Vec::new());
    for (run, level, profile) in RUNS {
        write(&format!("{run}.level"), &format!("{level}\n"));
        let script =
            format!("unshare --net --mount --pid --fork --kill-child bash -eu namespace {run}");
        shell(&script, directory).expect(0);
        let log = std::fs::read_to_string(directory.join(format!("{run}.log"))).unwrap();
        let (seen, foretold) = (sent(&log), foretold(directory, profile));
        for case in cases() {
            let domain = case.domain();
            let (Some(seen), Some(told)) = (seen.get(&domain), foretold.get(&domain)) else {
                faults.push(format!("{run} {domain}: nothing became of it"));
                continue;
            };
            let agrees = match told.as_str() {
                // A message that waits for ever and one that bounces are the same here.
                "no_mail" => *seen == "refused",
                told => told == *seen,
            };
            // Its two addresses differ: which of them is taken is left to chance.
            let is_left_to_chance = domain == "addresses-differ.test";
            // Held to the records, and logged as trusted alone: the MX set is not signed.
            let is_half = (run, domain.as_str()) == ("dane", "mx-unsigned.test");
            if told == "unknown" || case.has_first_flight_alone() || is_left_to_chance || is_half {
                continue;
            }
            compared += 1;
            if !agrees {
                faults.push(format!(
                    "{run} {domain}: {seen}, and the profile says {told}"
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(compared > 250, "{compared} messages compared");
}
