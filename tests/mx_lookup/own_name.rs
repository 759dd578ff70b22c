//! The name of this machine, asked of a name server on loopback.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use mx_survey::dns::client::ClientSettings;
use mx_survey::dns::name::Name;
use mx_survey::dns::own_name::in_dns;
use mx_survey::dns::upstream;

use crate::mail_lab::Lab;

/// What the name server at `server` makes of `host` under these domains, within `allowance`.
fn named(server: SocketAddr, host: &str, domains: &[&str], allowance: Duration) -> Option<String> {
    let settings = ClientSettings {
        servers: Vec::new(),
        try_timeout: Duration::from_secs(1),
        tries: 3,
        rate_per_server: None,
        trust_ad: false,
    };
    let domains: Vec<Name> = (domains.iter())
        .map(|domain| Name::parse(domain.as_bytes()).unwrap())
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (resolver, _) = upstream::resolver(&[server.to_string()], settings).unwrap();
        in_dns(&*resolver, host, &domains, allowance).await
    })
}

#[test]
fn a_machine_is_called_as_the_dns_knows_it_under_its_search_list() {
    let world = r#"{"type": "name", "name": "probe.b.test", "a": ["127.9.0.1"]}
{"type": "name", "name": "six.b.test", "aaaa": ["2001:db8::1"]}
{"type": "name", "name": "alias.b.test", "cname": "host.c.test"}
{"type": "name", "name": "host.c.test", "a": ["127.9.0.2"]}
{"type": "name", "name": "mail.a.test", "mx": [[10, "probe.b.test"]]}
{"type": "name", "name": "mail.b.test", "a": ["127.9.0.3"]}
{"type": "name", "name": "whole.d.test", "a": ["127.9.0.4"]}
"#;
    let lab = Lab::new(world);
    let domains = ["a.test", "b.test"];
    for (host, expected) in [
        ("probe", Some("probe.b.test")),
        ("six", Some("six.b.test")),
        ("alias", Some("host.c.test")),
        // A name without an address is none of a machine.
        ("mail", Some("mail.b.test")),
        ("whole.d.test", Some("whole.d.test")),
        ("whole", None),
        ("nobody", None),
        ("no name", None),
    ] {
        let name = named(lab.dns, host, &domains, Duration::from_secs(5));
        assert_eq!(name.as_deref(), expected, "{host}");
    }
    assert_eq!(named(lab.dns, "probe", &[], Duration::from_secs(5)), None);
}

#[test]
fn a_name_server_that_says_nothing_is_waited_for_no_longer_than_allowed() {
    let deaf = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = deaf.local_addr().unwrap();
    let allowance = Duration::from_millis(700);
    let began = Instant::now();
    assert_eq!(
        named(address, "probe", &["a.test", "b.test"], allowance),
        None
    );
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(600), "{took:?}");
    // A busy machine apart.
    assert!(took < Duration::from_secs(5), "{took:?}");
}
