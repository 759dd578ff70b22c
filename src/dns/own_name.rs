//! The name of this machine with its domain, as getaddrinfo(3) and `hostname -f` find it: hosts(5) first, then the DNS,
//! under each domain of the search list (resolv.conf(5)).

use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, Instant};

use hickory_proto::rr::RecordType;

use super::chain::AliasChain;
use super::client::ClientSettings;
use super::name::Name;
use super::resolve::Resolve;
use super::upstream;

/// How long the DNS has for it in all.
const DEADLINE: Duration = Duration::from_secs(5);
/// The octets of hosts(5) that are read.
const HOSTS_LIMIT: u64 = 1 << 20;
/// The domains of the search list that are tried (resolv.conf(5) has six at most).
const SEARCH_LIMIT: usize = 6;

/// The name of this machine, with its domain where that can be learned within five seconds; without, as the kernel has it.
pub fn of_this_machine() -> String {
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let hosts = beginning_of(Path::new("/etc/hosts"));
    if let Some(name) = in_hosts(&host, &hosts) {
        return name;
    }
    in_dns_of_the_system(&host).unwrap_or(host)
}

fn beginning_of(file: &Path) -> String {
    let mut text = Vec::new();
    // Without the file, or without the right to read it, nothing is known from it.
    let _ =
        std::fs::File::open(file).and_then(|file| file.take(HOSTS_LIMIT).read_to_end(&mut text));
    String::from_utf8_lossy(&text).into_owned()
}

/// The canonical name, the first one, of the first line of hosts(5) that has `host` and begins with a name with a domain.
///
/// ```
/// use mx_survey::dns::own_name::in_hosts;
///
/// let hosts = "127.0.0.1 localhost\n192.0.2.1 probe.example.org probe # us\n";
/// assert_eq!(in_hosts("Probe", hosts).as_deref(), Some("probe.example.org"));
/// assert_eq!(in_hosts("localhost", hosts), None);
/// ```
pub fn in_hosts(host: &str, hosts: &str) -> Option<String> {
    hosts.lines().find_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let mut names = line.split_ascii_whitespace().skip(1);
        let canonical = names.next()?;
        let has_it = std::iter::once(canonical)
            .chain(names)
            .any(|name| name.eq_ignore_ascii_case(host));
        (has_it && canonical.contains('.')).then(|| canonical.to_owned())
    })
}

fn in_dns_of_the_system(host: &str) -> Option<String> {
    let (config, _) = hickory_resolver::system_conf::read_system_conf().ok()?;
    let search = config.search().iter().chain(config.domain());
    let mut domains: Vec<Name> = Vec::new();
    for domain in search.filter_map(|domain| Name::parse(domain.to_ascii().as_bytes()).ok()) {
        if !domains.contains(&domain) {
            domains.push(domain);
        }
    }
    let settings = ClientSettings {
        servers: Vec::new(),
        try_timeout: Duration::from_secs(1),
        tries: 3,
        rate_per_server: None,
        trust_ad: false,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .ok()?;
    runtime.block_on(async {
        let (resolver, _) = upstream::resolver(&[], settings).ok()?;
        in_dns(&*resolver, host, &domains, DEADLINE).await
    })
}

/// The canonical name of `host` in the DNS: where it has an address as it stands, if it has a domain already, or under the
/// first of `domains` where it has one; behind CNAMEs (RFC 1034 §3.6.2) the last name. `None` where there is no such name, or
/// nothing was learned within `allowance`.
pub async fn in_dns(
    resolver: &dyn Resolve,
    host: &str,
    domains: &[Name],
    allowance: Duration,
) -> Option<String> {
    let whole = (host
        .contains('.')
        .then(|| Name::parse(host.as_bytes()).ok()))
    .flatten();
    let under = domains.iter().take(SEARCH_LIMIT);
    let under = under.filter_map(|domain| domain.under(&[host]));
    let end = Instant::now() + allowance;
    for name in whole.into_iter().chain(under) {
        for kind in [RecordType::A, RecordType::AAAA] {
            let left = end.saturating_duration_since(Instant::now());
            let asked = AliasChain::follow(resolver, &name, kind, left, false);
            // The resolver counts its own waiting alone, not the machine's.
            let chain = tokio::time::timeout(left, asked).await.ok()?;
            if chain.end.is_ok_and(|end| !end.data.is_empty()) {
                return Some(chain.cname.last().unwrap_or(&name).to_string());
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_names_a_machine_by_the_first_name_of_its_line() {
        for (hosts, expected) in [
            ("", None),
            ("192.0.2.1", None),
            ("192.0.2.1 probe", None),
            ("# 192.0.2.1 probe.example.org probe", None),
            ("192.0.2.1 other.example.org other", None),
            ("192.0.2.1 a.example.org probes", None),
            ("192.0.2.1\ta.example.org\tb PROBE", Some("a.example.org")),
            (
                "127.0.1.1 probe\n2001:db8::1 probe.b.org probe\n",
                Some("probe.b.org"),
            ),
            (
                "::1 localhost\r\n192.0.2.1 probe.a.org probe\r\n",
                Some("probe.a.org"),
            ),
        ] {
            assert_eq!(in_hosts("probe", hosts).as_deref(), expected, "{hosts:?}");
        }
    }
}
