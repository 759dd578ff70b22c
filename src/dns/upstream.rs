//! Which name servers to ask: `ADDRESS[:PORT]`, `@FILE`, `tls://…`, `https://…`, or those of the system.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ProtocolConfig};

use super::client::{ClientSettings, DnsClient};
use super::encrypted::Encrypted;
use super::resolve::Resolve;

const DNS: u16 = 53;
const DNS_OVER_TLS: u16 = 853;
const HTTPS: u16 = 443;

/// A name server as it is named at the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// UDP and TCP.
    Plain(SocketAddr),
    /// A file that names one a line, `#` comments allowed.
    File(PathBuf),
    /// DNS over TLS (RFC 7858) or HTTPS (RFC 8484).
    Encrypted {
        /// Host, as the certificate has it.
        host: String,
        /// Port.
        port: u16,
        /// Path, for HTTPS.
        path: Option<String>,
    },
}

impl std::str::FromStr for Upstream {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(file) = text.strip_prefix('@') {
            return Ok(Self::File(file.into()));
        }
        if let Some(authority) = text.strip_prefix("tls://") {
            let (host, port) = authority_of(authority.trim_end_matches('/'), DNS_OVER_TLS)?;
            return Ok(Self::Encrypted {
                host,
                port,
                path: None,
            });
        }
        if let Some(rest) = text.strip_prefix("https://") {
            let (authority, path) = rest.split_once('/').unwrap_or((rest, "dns-query"));
            let (host, port) = authority_of(authority, HTTPS)?;
            let path = Some(format!("/{path}"));
            return Ok(Self::Encrypted { host, port, path });
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Plain((address, DNS).into()));
        }
        let bare = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'));
        if let Some(Ok(address)) = bare.map(str::parse::<IpAddr>) {
            return Ok(Self::Plain((address, DNS).into()));
        }
        text.parse::<SocketAddr>().map(Self::Plain).map_err(|_| {
            "a name server: ADDRESS, ADDRESS:PORT, [IPV6]:PORT, @FILE, tls://HOST[:PORT] or https://HOST/PATH".into()
        })
    }
}

fn authority_of(text: &str, default: u16) -> Result<(String, u16), String> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port))
            if !port.contains(']') && (!host.contains(':') || host.ends_with(']')) =>
        {
            (
                host,
                port.parse().map_err(|_| format!("{port:?} is no port"))?,
            )
        }
        _ => (text, default),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() {
        return Err("no host".into());
    }
    Ok((host.to_owned(), port))
}

/// The resolver that asks `upstreams` (those of the system if there are none), in the manner of `settings`, whose
/// servers are filled in; and what was found, for the `run` line.
pub fn resolver(
    upstreams: &[String],
    mut settings: ClientSettings,
) -> anyhow::Result<(Arc<dyn Resolve>, Vec<String>)> {
    let mut encrypted = Vec::new();
    let mut names = Vec::new();
    for upstream in expand(upstreams)? {
        match upstream {
            Upstream::Plain(address) if settings.servers.contains(&address) => continue,
            Upstream::Plain(address) => {
                settings.servers.push(address);
                names.push(address.to_string());
            }
            Upstream::Encrypted { host, port, path } => {
                let scheme = if path.is_some() { "https" } else { "tls" };
                names.push(format!(
                    "{scheme}://{host}:{port}{}",
                    path.as_deref().unwrap_or("")
                ));
                encrypted.push(name_server(host, port, path)?);
            }
            Upstream::File(path) => {
                bail!("--nameserver @{}: it names another file", path.display())
            }
        }
    }
    let resolver: Arc<dyn Resolve> = match (settings.servers.is_empty(), encrypted.is_empty()) {
        (false, false) => bail!("--nameserver: encrypted and plain name servers do not mix"),
        (true, false) => Arc::new(Encrypted::new(encrypted, &settings)?),
        _ => Arc::new(DnsClient::new(settings).context("no name server")?),
    };
    Ok((resolver, names))
}

fn expand(upstreams: &[String]) -> anyhow::Result<Vec<Upstream>> {
    if upstreams.is_empty() {
        return system();
    }
    let mut all = Vec::new();
    for text in upstreams {
        let upstream = text.parse().map_err(anyhow::Error::msg);
        match upstream.with_context(|| format!("--nameserver {text}"))? {
            Upstream::File(path) => all.extend(file(&path)?),
            other => all.push(other),
        }
    }
    Ok(all)
}

/// The system's resolvers, as hickory-resolver reads its configuration.
fn system() -> anyhow::Result<Vec<Upstream>> {
    let (config, _) = hickory_resolver::system_conf::read_system_conf()
        .context("the system's resolver configuration; --nameserver names another")?;
    let mut servers: Vec<_> = config
        .name_servers()
        .iter()
        .map(|server| {
            let port = server
                .connections
                .first()
                .map_or(DNS, |connection| connection.port);
            Upstream::Plain((server.ip, port).into())
        })
        .collect();
    if servers.is_empty() {
        // resolv.conf(5): without one, the name server on the local machine.
        servers.push(Upstream::Plain(([127, 0, 0, 1], DNS).into()));
    }
    Ok(servers)
}

fn file(path: &Path) -> anyhow::Result<Vec<Upstream>> {
    let named = || format!("--nameserver @{}", path.display());
    let text = std::fs::read_to_string(path).with_context(named)?;
    let mut servers = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let server = line.parse::<Upstream>().map_err(anyhow::Error::msg);
        servers.push(server.with_context(|| format!("{}, line {number}: {line:?}", named()))?);
    }
    if servers.is_empty() {
        bail!("{}: no name server in it", named());
    }
    Ok(servers)
}

fn name_server(host: String, port: u16, path: Option<String>) -> anyhow::Result<NameServerConfig> {
    let address = (host.as_str(), port)
        .to_socket_addrs()
        .with_context(|| format!("--nameserver {host}"))?
        .next()
        .with_context(|| format!("--nameserver {host}: no address"))?;
    let server_name: Arc<str> = host.into();
    let protocol = match path {
        None => ProtocolConfig::Tls { server_name },
        Some(path) => ProtocolConfig::Https {
            server_name,
            path: path.into(),
        },
    };
    let mut connection = ConnectionConfig::new(protocol);
    connection.port = port;
    Ok(NameServerConfig::new(address.ip(), true, vec![connection]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_are_read_in_every_form() {
        for (text, expected) in [
            (
                "127.0.0.1",
                Upstream::Plain("127.0.0.1:53".parse().unwrap()),
            ),
            (
                "127.0.0.1:5353",
                Upstream::Plain("127.0.0.1:5353".parse().unwrap()),
            ),
            ("::1", Upstream::Plain("[::1]:53".parse().unwrap())),
            ("[::1]", Upstream::Plain("[::1]:53".parse().unwrap())),
            ("[::1]:5353", Upstream::Plain("[::1]:5353".parse().unwrap())),
            ("@servers", Upstream::File("servers".into())),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        let encrypted = |host: &str, port, path: Option<&str>| Upstream::Encrypted {
            host: host.into(),
            port,
            path: path.map(str::to_owned),
        };
        for (text, expected) in [
            ("tls://dns.example", encrypted("dns.example", 853, None)),
            ("tls://192.0.2.1:8853", encrypted("192.0.2.1", 8853, None)),
            ("tls://[2001:db8::1]:1", encrypted("2001:db8::1", 1, None)),
            (
                "https://dns.example",
                encrypted("dns.example", 443, Some("/dns-query")),
            ),
            (
                "https://dns.example:8443/q",
                encrypted("dns.example", 8443, Some("/q")),
            ),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        for text in [
            "",
            "dns.example",
            "127.0.0.1:x",
            "tls://",
            "https://dns.example:x/",
        ] {
            assert!(text.parse::<Upstream>().is_err(), "{text}");
        }
    }
}
