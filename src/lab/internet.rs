//! The whole of a world at work: its DNS, its workers, its roots, and at the end what they saw.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, bail};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::dns::{DnsServer, TlsaLeaf, Zones};
use super::pki::LabAuthority;
use super::worker::{Orders, READY, listens};
use super::world::{self, DnsFault, WorldItem, WorldName, WorldServer};

/// How a world is served.
#[derive(Clone, Copy, Debug)]
pub struct LabOptions {
    /// The port of every mail server; 0 takes a free one.
    pub port: u16,
    /// The port of the DNS server; 0 takes a free one.
    pub dns_port: u16,
    /// For losses.
    pub seed: u64,
}

/// A world at work.
pub struct Internet {
    /// The DNS server's address.
    pub dns: SocketAddr,
    /// The port of every mail server.
    pub port: u16,
    /// A file with the root certificate of the lab in PEM.
    pub roots: PathBuf,
    /// Names that the DNS serves.
    pub names: usize,
    /// Listeners.
    pub listeners: usize,
    dns_server: DnsServer,
    workers: Vec<Worker>,
    _claim: TcpListener,
}

/// A share of the open files of a worker goes to listeners, the rest to connections.
const LISTENERS: u64 = 2;

/// Every lab that runs holds its port on this address, so that two labs never choose the same.
const CLAIM: Ipv4Addr = Ipv4Addr::new(127, 255, 255, 254);

/// Free ports are looked for here, below those the kernel gives to clients.
const FREE: std::ops::Range<u16> = 10_000..30_000;

/// How often a free port is looked for.
const TRIES: u32 = 50;

impl Internet {
    /// Starts everything that the world names; all listeners stand when it returns.
    pub fn start(world: impl BufRead, options: LabOptions) -> anyhow::Result<Self> {
        let mut plan = Plan::read(world)?;
        let zones = plan.zones()?;
        let names = zones.len();
        let listeners = plan
            .servers
            .iter()
            .filter_map(|(one, _)| listens(one))
            .count();
        let roots = write_roots(&plan.authority.root_pem())?;
        let (claim, port, workers) = plan.start_workers(options.port, options.seed)?;
        let dns_server = DnsServer::start(zones, options.dns_port, options.seed)
            .with_context(|| format!("DNS on 127.0.0.1:{}", options.dns_port))?;
        Ok(Self {
            dns: dns_server.address,
            port,
            roots,
            names,
            listeners,
            dns_server,
            workers,
            _claim: claim,
        })
    }

    /// Variables for the command that uses this world.
    pub fn environment(&self) -> [(&'static str, String); 3] {
        [
            ("MAIL_LAB_DNS", self.dns.to_string()),
            ("MAIL_LAB_PORT", self.port.to_string()),
            ("MAIL_LAB_ROOTS", self.roots.display().to_string()),
        ]
    }

    /// That a worker has ended, which none does before it is told to: its servers are gone.
    ///
    /// # Errors
    ///
    /// A worker has ended.
    pub fn check(&mut self) -> anyhow::Result<()> {
        for worker in &mut self.workers {
            if let Some(status) = worker.child.try_wait()? {
                bail!("a worker ended, and its servers with it ({status})");
            }
        }
        Ok(())
    }

    /// Ends it and writes what the servers saw, a line for each address and one for the DNS.
    pub fn stop(self, counters: Option<&Path>) -> anyhow::Result<()> {
        let mut output: Box<dyn Write> = match counters {
            Some(path) => Box::new(BufWriter::new(
                File::create(path).with_context(|| path.display().to_string())?,
            )),
            None => Box::new(io::sink()),
        };
        for worker in self.workers {
            worker.stop(&mut output)?;
        }
        let dns = serde_json::to_string(&*self.dns_server.counters)?;
        writeln!(output, r#"{{"type":"dns",{}"#, &dns[1..])?;
        output.flush().context("counters")?;
        let _ = std::fs::remove_file(&self.roots);
        Ok(())
    }
}

/// A world as far as it is read.
struct Plan {
    names: Zones,
    /// Names whose TLSA records need the certificate of a server that may stand further down.
    waiting: Vec<WorldName>,
    everywhere: Option<DnsFault>,
    servers: Vec<(WorldServer, Option<usize>)>,
    authority: LabAuthority,
}

impl Plan {
    fn read(world: impl BufRead) -> anyhow::Result<Self> {
        let mut plan = Self {
            names: Zones::default(),
            waiting: Vec::new(),
            everywhere: None,
            servers: Vec::new(),
            authority: LabAuthority::new().context("the lab's root")?,
        };
        let mut addresses = HashSet::new();
        world::read(world, |item| plan.take(item, &mut addresses))?;
        Ok(plan)
    }

    fn take(&mut self, item: WorldItem, addresses: &mut HashSet<IpAddr>) -> Result<(), String> {
        match item {
            WorldItem::Name(name) if name.tlsa.iter().any(|text| text.contains('@')) => {
                self.waiting.push(*name);
            }
            WorldItem::Name(name) => self.names.add(&name, &|_| None)?,
            WorldItem::Dns(fault) => self.everywhere = Some(fault),
            WorldItem::Server(server) => {
                if let Some(ip) = server.ip
                    && !addresses.insert(ip)
                {
                    return Err(format!("{ip} stands there twice"));
                }
                let credential = match &server.tls {
                    Some(tls) => Some(
                        self.authority
                            .credential(tls)
                            .map_err(|error| format!("certificate: {error}"))?,
                    ),
                    None => None,
                };
                self.servers.push((*server, credential));
            }
        }
        Ok(())
    }

    fn zones(&mut self) -> anyhow::Result<Zones> {
        let mut zones = std::mem::take(&mut self.names);
        let credentials: HashMap<IpAddr, usize> = self
            .servers
            .iter()
            .filter_map(|(server, credential)| Some((server.ip?, (*credential)?)))
            .collect();
        for name in &self.waiting {
            let leaf_of = |ip: IpAddr| {
                let credential = &self.authority.credentials()[*credentials.get(&ip)?];
                Some(TlsaLeaf {
                    certificate: credential.chain[0].clone(),
                    spki: credential.spki.clone(),
                })
            };
            zones.add(name, &leaf_of).map_err(anyhow::Error::msg)?;
        }
        if let Some(fault) = &self.everywhere {
            zones
                .trouble_everywhere(fault)
                .map_err(anyhow::Error::msg)?;
        }
        Ok(zones)
    }

    /// Starts the workers at `port`, or at one that is free on every address of the world.
    fn start_workers(
        &self,
        port: u16,
        seed: u64,
    ) -> anyhow::Result<(TcpListener, u16, Vec<Worker>)> {
        if port != 0 {
            let claim = claim(port).with_context(|| format!("port {port}"))?;
            return Ok((claim, port, self.workers_at(port)?));
        }
        let mut random = StdRng::seed_from_u64(seed ^ u64::from(std::process::id()));
        let mut last = None;
        for _ in 0..TRIES {
            let port = random.random_range(FREE);
            let Ok(claim) = claim(port) else { continue };
            match self.workers_at(port) {
                Ok(workers) => return Ok((claim, port, workers)),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| anyhow::anyhow!("no free port")))
    }

    fn workers_at(&self, port: u16) -> anyhow::Result<Vec<Worker>> {
        let (_, hard) = rlimit::Resource::NOFILE.get()?;
        let capacity = usize::try_from(hard / LISTENERS)
            .unwrap_or(usize::MAX)
            .max(1);
        let listening: Vec<_> = self
            .servers
            .iter()
            .filter(|(server, _)| listens(server).is_some())
            .collect();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        // A small world starts fastest with one worker, a large one has the machine's cores.
        let wanted = if listening.len() > 500 {
            cores.min(8)
        } else {
            1
        };
        let count = listening.len().div_ceil(capacity).max(wanted);
        let mut orders: Vec<Orders> = (0..count)
            .map(|_| Orders {
                port,
                credentials: self.authority.credentials().to_vec(),
                intermediate: self.authority.intermediate(),
                servers: Vec::new(),
            })
            .collect();
        for (nth, one) in listening.into_iter().enumerate() {
            orders[nth % count].servers.push(one.clone());
        }
        let started: Vec<Worker> = orders.iter().map(Worker::start).collect::<Result<_, _>>()?;
        started.into_iter().map(Worker::ready).collect()
    }
}

/// Holds a port against other labs.
fn claim(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((CLAIM, port))
}

/// A process that serves a share of the world.
struct Worker {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Worker {
    fn start(orders: &Orders) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("this program")?;
        let mut child = Command::new(program)
            .arg("--worker")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("a worker")?;
        let output = child.stdout.take().context("a worker's output")?;
        let mut line = serde_json::to_vec(orders)?;
        line.push(b'\n');
        child
            .stdin
            .as_mut()
            .context("a worker's input")?
            .write_all(&line)
            .context("a worker's orders")?;
        Ok(Self {
            child,
            output: BufReader::new(output),
        })
    }

    fn ready(mut self) -> anyhow::Result<Self> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        if line.trim_end() != READY {
            let status = self.child.wait()?;
            bail!("a worker ended before it was ready ({status})");
        }
        Ok(self)
    }

    fn stop(mut self, counters: &mut dyn Write) -> anyhow::Result<()> {
        drop(self.child.stdin.take());
        io::copy(&mut self.output.by_ref(), counters).context("counters")?;
        let status = self.child.wait()?;
        anyhow::ensure!(
            status.success(),
            "a worker ended before its time ({status})"
        );
        Ok(())
    }
}

impl Drop for Worker {
    /// One that was not stopped in order is not left behind, nor waited for while it writes counters that nobody reads.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write_roots(pem: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::temp_dir().join(format!("mail-lab-{}.pem", std::process::id()));
    std::fs::write(&path, pem).with_context(|| path.display().to_string())?;
    Ok(path)
}
