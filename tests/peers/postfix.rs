//! Postfix, one instance with as many services as a test wants, each on an address of its own.

use std::net::SocketAddr;

use tempfile::TempDir;

use super::certificates::Identity;
use super::namespace::{Daemon, open_directory};

/// How long the throttling service remembers a client.
pub const THROTTLE_SECONDS: u64 = 8;

/// What listens on an address.
#[derive(Clone, Debug)]
pub enum Service {
    /// smtpd with STARTTLS.
    Tls(Identity),
    /// smtpd without.
    Clear,
    /// A postscreen that waits six seconds between the first and the second line of the greeting, before smtpd.
    Screened,
    /// smtpd that answers 421 to a second connection within [`THROTTLE_SECONDS`].
    Throttling,
}

/// A running Postfix.
#[derive(Debug)]
pub struct Postfix {
    _daemon: Daemon,
    directory: TempDir,
}

impl Postfix {
    /// `identity` is that of the services that name none.
    pub fn start(name: &str, identity: &Identity, services: &[(SocketAddr, Service)]) -> Self {
        let directory = open_directory();
        let here = directory.path().display();
        let (key, chain) = identity.write(directory.path(), "server");
        for made in ["etc", "queue", "data"] {
            std::fs::create_dir(directory.path().join(made)).unwrap();
        }
        let main = format!(
            "compatibility_level = 3.6
             queue_directory = {here}/queue
             data_directory = {here}/data
             maillog_file = {here}/postfix.log
             maillog_file_prefixes = /
             inet_interfaces = 127.0.0.1
             inet_protocols = ipv4
             myhostname = {name}
             mydestination =
             mynetworks = 192.0.2.1
             alias_maps =
             local_recipient_maps =
             smtpd_peername_lookup = no
             smtpd_client_event_limit_exceptions =
             anvil_rate_time_unit = {THROTTLE_SECONDS}s
             smtpd_tls_security_level = may
             smtpd_tls_chain_files = {}, {}
             postscreen_access_list =
             postscreen_greet_wait = 6s
             postscreen_greet_banner = $myhostname wait for the rest
            ",
            key.display(),
            chain.display(),
        );
        let main = main.replace("\n             ", "\n");
        std::fs::write(directory.path().join("etc/main.cf"), main).unwrap();

        let mut master = String::from(MASTER);
        for (number, (address, service)) in services.iter().enumerate() {
            let rest = match service {
                Service::Tls(identity) => {
                    let name = format!("server{number}");
                    let (key, chain) = identity.write(directory.path(), &name);
                    let files = format!("{},{}", key.display(), chain.display());
                    format!("n - - smtpd -o smtpd_tls_chain_files={files}")
                }
                Service::Clear => "n - - smtpd -o smtpd_tls_security_level=none".to_owned(),
                Service::Screened => "n - 1 postscreen".to_owned(),
                Service::Throttling => {
                    "n - - smtpd -o smtpd_client_connection_rate_limit=1".to_owned()
                }
            };
            master += &format!("{address} inet n - {rest}\n");
        }
        std::fs::write(directory.path().join("etc/master.cf"), master).unwrap();

        // Without a terminal, `postfix` says its troubles only where the log is.
        let script = "chown postfix data\nexec postfix -c $PWD/etc start-fg";
        let addresses: Vec<SocketAddr> = services.iter().map(|(address, _)| *address).collect();
        let daemon = Daemon::start("Postfix", directory.path(), script, &addresses);
        Self {
            _daemon: daemon,
            directory,
        }
    }

    /// What it logged: a line for each connection, with the commands that it saw.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("postfix.log")).unwrap_or_default()
    }
}

/// What the services above need behind them.
const MASTER: &str = "\
smtpd pass - - n - - smtpd
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
dnsblog unix - - n - 0 dnsblog
tlsproxy unix - - n - 0 tlsproxy
rewrite unix - - n - - trivial-rewrite
proxymap unix - - n - - proxymap
cleanup unix n - n - 0 cleanup
postlog unix-dgram n - n - 1 postlogd
";
