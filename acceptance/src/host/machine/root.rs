//! The file system an instance sees: the machine's own root under an overlay, with everything that no stock image has
//! hidden, and fresh /dev, /proc, /run, /sys and /tmp.
//!
//! It runs in a mount namespace of its own with private propagation, so nothing done here is seen or left outside.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::Mode;
use nix::unistd::{chdir, mkfifo, pivot_root, sethostname};

use super::protocol::Spec;
use crate::host::limits;

/// Where this program is found inside.
pub(super) const PROGRAM: &str = "/run/host/machine";
/// Where `systemctl` reaches init.
pub(super) const SOCKET: &str = "/run/host/systemctl";
/// The user-data, where cloud-init puts it.
pub(super) const USER_DATA: &str = "/var/lib/cloud/instance/scripts/part-001";
/// The search path of a stock system.
pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Makes the instance's root and moves into it.
pub(super) fn enter(spec: &Spec) -> Result<()> {
    let user_data = fs::read(spec.folder.join("user-data")).context("no user-data")?;
    let stage = spec.folder.join("root");
    fs::create_dir_all(&stage)?;
    tmpfs(&stage, &format!("size={},mode=755", limits::ROOT_BYTES))?;
    let system = stage.join("system");
    for folder in ["upper", "work", "system"] {
        fs::create_dir(stage.join(folder))?;
    }
    let options = format!("lowerdir=/,upperdir={0}/upper,workdir={0}/work", stage.display());
    mount(Some("overlay"), &system, Some("overlay"), MsFlags::empty(), Some(options.as_str()))
        .context("no overlay on /")?;
    hide(&system, &spec.hidden)?;
    run(&system, &spec.program)?;
    devices(&system)?;
    kernel(&system)?;
    files(&system, &spec.hostname, &user_data)?;
    sethostname(&spec.hostname).context("the host name cannot be set")?;
    chdir(&system)?;
    pivot_root(".", ".").context("the root cannot be changed")?;
    umount2(".", MntFlags::MNT_DETACH).context("the old root cannot be left")?;
    chdir("/").context("no root")
}

/// Covers what a stock image does not have: every folder in the root but the system's own, /usr/local, and `also`.
fn hide(system: &Path, also: &[PathBuf]) -> Result<()> {
    for entry in fs::read_dir(system)? {
        let entry = entry?;
        let name = entry.file_name();
        if STOCK.iter().any(|stock| name == *stock) || entry.file_type()?.is_symlink() {
            continue;
        }
        if entry.file_type()?.is_dir() {
            let mode = if name == "tmp" { "mode=1777" } else { "mode=755" };
            tmpfs(&entry.path(), mode)?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    for path in also {
        let inside = system.join(path.strip_prefix("/").unwrap_or(path));
        if inside.is_dir() {
            tmpfs(&inside, "mode=755")?;
        }
    }
    let local = system.join("usr/local");
    tmpfs(&local, "mode=755")?;
    for folder in ["bin", "sbin", "lib"] {
        fs::create_dir(local.join(folder))?;
    }
    tmpfs(&system.join("var/tmp"), "mode=1777")
}

/// /run with this program in it.
fn run(system: &Path, program: &Path) -> Result<()> {
    let host = system.join("run/host");
    fs::create_dir_all(&host)?;
    let inside = host.join("machine");
    fs::write(&inside, "")?;
    bind(program, &inside)
}

fn devices(system: &Path) -> Result<()> {
    let dev = system.join("dev");
    for name in ["null", "zero", "full", "random", "urandom", "tty"] {
        let inside = dev.join(name);
        fs::write(&inside, "")?;
        bind(&Path::new("/dev").join(name), &inside)?;
    }
    mkfifo(&dev.join("console"), Mode::S_IRUSR | Mode::S_IWUSR)?;
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        symlink(target, dev.join(name))?;
    }
    fs::create_dir(dev.join("shm"))?;
    tmpfs(&dev.join("shm"), "mode=1777")
}

fn kernel(system: &Path) -> Result<()> {
    mount(Some("proc"), &system.join("proc"), Some("proc"), SAFE, None::<&str>).context("no /proc")?;
    mount(Some("sysfs"), &system.join("sys"), Some("sysfs"), SAFE | MsFlags::MS_RDONLY, None::<&str>).context("no /sys")
}

/// The few files that tell one instance from another, the user-data, and the stand-in for systemctl.
fn files(system: &Path, hostname: &str, user_data: &[u8]) -> Result<()> {
    let systemctl = format!("#!/bin/sh\nexec {PROGRAM} machine systemctl \"$@\"\n");
    let hosts = format!("127.0.0.1 localhost\n127.0.1.1 {hostname}\n");
    write(system, "/etc/hosts", hosts.as_bytes(), 0o644)?;
    write(system, "/etc/hostname", format!("{hostname}\n").as_bytes(), 0o644)?;
    // The VPC's resolver: nothing answers there, and a query to it is an undeclared packet.
    write(system, "/etc/resolv.conf", b"nameserver 169.254.169.253\n", 0o644)?;
    write(system, "/usr/local/sbin/systemctl", systemctl.as_bytes(), 0o755)?;
    write(system, USER_DATA, user_data, 0o700)
}

fn write(system: &Path, path: &str, content: &[u8], mode: u32) -> Result<()> {
    let path = system.join(path.trim_start_matches('/'));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // Not through a link: it would lead out of the overlay's tree, into the machine's.
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    fs::write(&path, content).with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(fs::set_permissions(&path, Permissions::from_mode(mode))?)
}

/// Mounts an empty file system that lives in memory.
pub(super) fn tmpfs(target: &Path, options: &str) -> Result<()> {
    mount(Some("tmpfs"), target, Some("tmpfs"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV, Some(options))
        .with_context(|| format!("{} cannot be covered", target.display()))
}

/// Shows `source` at `target`.
pub(super) fn bind(source: &Path, target: &Path) -> Result<()> {
    mount(Some(source), target, None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .with_context(|| format!("{} cannot be shown at {}", source.display(), target.display()))
}

/// Folders of the root that stay as they are.
const STOCK: [&str; 12] =
    ["bin", "boot", "etc", "lib", "lib32", "lib64", "libx32", "sbin", "usr", "var", "proc", "sys"];
/// What nothing in an instance needs of a file system that holds no programs.
pub(super) const SAFE: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV).union(MsFlags::MS_NOEXEC);
