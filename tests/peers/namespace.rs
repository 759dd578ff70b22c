//! Runs somebody else's daemon in namespaces of its own: what it forks ends with it, and what its package would have
//! set up (users, directories) is there for it alone.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::loopback;
use crate::harness::{Server, wait_for};

/// A daemon with all its children. It ends when this is dropped, or when the test process ends in whatever way.
#[derive(Debug)]
pub struct Daemon {
    // The shell in the namespace waits for the end of its input, which this holds.
    _shell: Server,
}

/// What the packages' scripts would have done, but in this namespace: their users, a fresh /run.
const PREPARE: &str = r#"
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
cp /etc/passwd passwd
cp /etc/group group
number=64000
for user in Debian-exim opensmtpd opensmtpq; do
    number=$((number + 1))
    grep -q "^$user:" passwd || echo "$user:x:$number:$number::/nonexistent:/usr/sbin/nologin" >>passwd
    grep -q "^$user:" group || echo "$user:x:$number:" >>group
done
mount --bind passwd /etc/passwd
mount --bind group /etc/group
"#;

impl Daemon {
    /// Runs a shell script in `directory` that ends by running the daemon in the foreground, and waits until all of
    /// `addresses` are listened on.
    #[track_caller]
    pub fn start(name: &str, directory: &Path, script: &str, addresses: &[SocketAddr]) -> Self {
        let log = directory.join("daemon.log");
        let mut child = Command::new("unshare")
            .args(["--mount", "--pid", "--fork", "--kill-child"])
            .args(["bash", "-euc"])
            .arg(format!(
                "{PREPARE}\n( {script}\n) >daemon.log 2>&1 </dev/null &\ncat >/dev/null"
            ))
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(directory.join("shell.log")).unwrap())
            .spawn()
            .unwrap_or_else(|error| panic!("unshare: {error}"));
        let said = || {
            let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
            read(&directory.join("shell.log")) + &read(&log)
        };
        for address in addresses {
            wait_for(
                &format!("{name} on {address}"),
                Duration::from_secs(60),
                || {
                    if let Some(status) = child.try_wait().unwrap() {
                        panic!("{name}: {status} (namespaces need root)\n{}", said());
                    }
                    loopback::is_listening(*address)
                },
            );
        }
        Self {
            _shell: Server(child),
        }
    }
}

/// What `tests/peers/setup` unpacked for the tests.
#[track_caller]
pub fn unpacked(path: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target/peers")
        .join(path);
    assert!(
        path.exists(),
        "{} is not there: run tests/peers/setup",
        path.display()
    );
    path
}

/// A directory that daemons may read in whatever user they become.
pub fn open_directory() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(directory.path(), open).unwrap();
    directory
}
