//! A policy host that nobody here wrote: nginx.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::harness::{Server, wait_for};
use crate::peers::certificates::Authority;
use crate::peers::loopback::is_listening;
use crate::tls_inspect::front::free_port;

use super::{fetch_with, name, of, outcome, policy};

const POLICY: &str = "version: STSv1\nmode: enforce\nmx: *.nginx.test\nmax_age: 604800\n";

fn configuration(directory: &str, address: &str, hosts: &[(&str, &str)]) -> String {
    let servers: String = (hosts.iter())
        .map(|(host, location)| {
            format!(
                "server {{ listen {address} ssl; server_name {host}; ssl_certificate {host}.pem; \
                 ssl_certificate_key {host}.key; root {directory}; location / {{ {location} }} }}\n"
            )
        })
        .collect();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {directory}/{kind};\n"))
        .collect();
    format!(
        "daemon off; master_process off; user root; pid {directory}/pid; error_log {directory}/errors;\nevents {{}}\n\
         http {{ access_log off; types {{ text/plain txt; }} {temporary}{servers} }}\n"
    )
}

#[test]
fn nginx_as_a_policy_host() {
    let found = Command::new("sh")
        .args(["-c", "command -v nginx || ls /usr/sbin/nginx"])
        .output();
    assert!(
        found.unwrap().status.success(),
        "nginx is not here: apt-get install nginx-light"
    );
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let authority = Authority::new("root of nginx");
    std::fs::write(path.join("roots.pem"), authority.pem()).unwrap();
    let hosts = [
        ("mta-sts.nginx.test", "try_files $uri =404;"),
        (
            "mta-sts.moved.test",
            "return 302 https://mta-sts.nginx.test$request_uri;",
        ),
        ("mta-sts.gone.test", "return 404;"),
        ("mta-sts.wrong.test", "try_files $uri =404;"),
        (
            "mta-sts.packed.test",
            "gzip on; gzip_min_length 1; gzip_types text/plain; try_files $uri =404;",
        ),
    ];
    for (host, _) in &hosts {
        let certified = if host.contains("wrong") {
            "www.wrong.test"
        } else {
            host
        };
        let identity = authority.certify(certified);
        let (key, chain) = identity.write(path, host);
        std::fs::rename(key, path.join(format!("{host}.key"))).unwrap();
        std::fs::rename(chain, path.join(format!("{host}.pem"))).unwrap();
    }
    std::fs::create_dir_all(path.join(".well-known")).unwrap();
    std::fs::write(path.join(".well-known/mta-sts.txt"), POLICY).unwrap();
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], free_port()));
    let text = configuration(&path.display().to_string(), &address.to_string(), &hosts);
    std::fs::write(path.join("nginx.conf"), text).unwrap();
    let nginx = Command::new("nginx")
        .arg("-p")
        .arg(path)
        .args(["-e", "errors", "-c", "nginx.conf"])
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _nginx = Server(nginx);
    wait_for("nginx", Duration::from_secs(30), || is_listening(address));

    let (mut world, mut input) = (String::new(), String::new());
    for (host, _) in &hosts {
        let domain = host.trim_start_matches("mta-sts.");
        world += &name(host, "127.0.0.1");
        input += &policy(domain, "ok", &[&format!("mx.{domain}")]);
    }
    let options = format!(
        "--port {} --roots nginx={} --allow 127.0.0.0/8",
        address.port(),
        path.join("roots.pem").display()
    );
    let (ran, _) = fetch_with(&world, &input, &options);
    let records = ran.expect(0).of_type("sts");
    for (domain, state, error, status) in [
        ("nginx.test", "ok", None, 200),
        ("packed.test", "ok", None, 200),
        ("moved.test", "invalid", Some("redirect"), 302),
        ("gone.test", "absent", Some("status"), 404),
        ("wrong.test", "invalid", Some("cert_name"), 200),
    ] {
        let sts = of(&records, domain);
        assert_eq!(sts["strict"]["state"], state, "{sts:#}");
        assert_eq!(sts["strict"]["error"].as_str(), error, "{sts:#}");
        assert_eq!(sts["status"], status, "{sts:#}");
        assert_eq!(outcome(sts), "done/ok");
    }
    let good = of(&records, "nginx.test");
    assert_eq!(good["text"], POLICY);
    assert_eq!(good["media_type"], "text/plain");
    assert_eq!(good["covers"][0]["strict"], true);
}
