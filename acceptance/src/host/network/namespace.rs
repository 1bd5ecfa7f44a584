//! Network namespaces by name: made, entered by one thread, removed; and what dead runs left is swept.
//!
//! Every name starts with `rf` and the process id of the run that made it. Nothing else on the machine is ever touched.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, anyhow, bail};
use nix::sched::{CloneFlags, setns};

/// A network namespace that ends with its owner.
#[derive(Debug)]
pub(super) struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes the namespace `name`, without any interface but a loopback that is up.
    pub(super) fn create(name: String) -> Result<Self> {
        ip(&["netns", "add", &name])?;
        let namespace = Self { name };
        // Without it the kernel would send router solicitations that nobody declared.
        namespace
            .run("sysctl", &["-q", "-w", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"])?;
        namespace.ip(&["link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The file that stands for it.
    pub(super) fn path(&self) -> PathBuf {
        Path::new(FOLDER).join(&self.name)
    }

    /// Runs `ip` on this namespace's interfaces.
    pub(super) fn ip(&self, arguments: &[&str]) -> Result<()> {
        let mut all = vec!["-n", &self.name];
        all.extend_from_slice(arguments);
        ip(&all)
    }

    /// Runs a command inside, and returns what it printed.
    pub(super) fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let mut all = vec!["netns", "exec", &self.name, program];
        all.extend_from_slice(arguments);
        output(Command::new("ip").args(&all))
    }

    /// Runs `action` on a thread of its own that has entered the namespace: sockets made there stay there.
    pub(super) fn inside<T: Send>(&self, action: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let path = self.path();
        let entered = move || {
            let file = File::open(&path).with_context(|| format!("no namespace {}", path.display()))?;
            setns(file, CloneFlags::CLONE_NEWNET).with_context(|| format!("{} cannot be entered", path.display()))?;
            action()
        };
        std::thread::scope(|scope| scope.spawn(entered).join())
            .map_err(|_| anyhow!("a thread in a namespace panicked"))?
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Err(error) = ip(&["netns", "del", &self.name]) {
            eprintln!("host: {error:#}");
        }
    }
}

/// Whether this process may make network and mount namespaces; `Err` says why not.
pub(in crate::host) fn permitted() -> Result<()> {
    for tool in ["ip", "nft", "nsenter", "unshare", "setpriv"] {
        if crate::environment::on_path(tool).is_none() {
            bail!("the command {tool} is missing (install iproute2, nftables and util-linux)");
        }
    }
    if !nix::unistd::geteuid().is_root() {
        bail!("not root");
    }
    let mut probe = Command::new("unshare");
    probe.args([
        "--net",
        "--mount",
        "--pid",
        "--ipc",
        "--uts",
        "--fork",
        "--propagation",
        "private",
        "sh",
        "-e",
        "-c",
        PROBE,
    ]);
    output(&mut probe).map(drop).context("namespaces are not permitted here")
}

/// Removes the namespaces of runs whose process is gone, and returns their names.
pub(super) fn sweep() -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(FOLDER) else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let stale = names.filter(|name| owner(name).is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()));
    stale.filter(|name| ip(&["netns", "del", name]).is_ok()).collect()
}

/// The process id in a namespace's name, if the name is one of ours.
fn owner(name: &str) -> Option<u32> {
    let rest = name.strip_prefix(PREFIX)?;
    let (pid, _) = rest.split_once('-').unwrap_or((rest, ""));
    pid.parse().ok()
}

/// The name of an outer namespace; one process may make several.
pub(super) fn outer_name() -> String {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let name = format!("{PREFIX}{}", std::process::id());
    match MADE.fetch_add(1, Ordering::Relaxed) {
        0 => name,
        made => format!("{name}-{made}"),
    }
}

/// Runs `ip`.
pub(super) fn ip(arguments: &[&str]) -> Result<()> {
    output(Command::new("ip").args(arguments)).map(drop)
}

/// Runs a command to its end.
///
/// # Errors
/// Names the command and quotes what it said when it did not succeed.
pub(super) fn output(command: &mut Command) -> Result<String> {
    let shown = format!("{command:?}").replace('"', "");
    let done = command.stdin(Stdio::null()).output().with_context(|| format!("{shown} cannot be started"))?;
    if !done.status.success() {
        bail!("{shown} failed ({}): {}", done.status, String::from_utf8_lossy(&done.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

/// Makes one of everything an instance needs, inside namespaces that end with it.
const PROBE: &str =
    "ip link add probe type bridge; ip link add probe1 type veth peer name probe2; nft add table inet probe
    mount -t tmpfs probe /mnt; cd /mnt; mkdir upper work root
    mount -t overlay probe -o lowerdir=/,upperdir=upper,workdir=work root";
const PREFIX: &str = "rf";
const FOLDER: &str = "/run/netns";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_our_making_are_ever_swept() {
        assert_eq!(owner("rf123"), Some(123));
        assert_eq!(owner("rf123-i-0abc"), Some(123));
        for foreign in ["rfx", "rf", "docker0", "rf12a-i", "cni-rf1"] {
            assert_eq!(owner(foreign), None, "{foreign}");
        }
    }
}
