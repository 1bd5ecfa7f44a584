//! Becomes a service: puts the unit's settings into force on this process, then turns into the unit's command.
//!
//! It runs as a process of its own (`machine service SETTINGS`), so that everything done here, the mount namespace
//! included, belongs to that one service.

use std::convert::Infallible;
use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Group, User, chdir};

use super::root::{PATH, SAFE, bind, tmpfs};
use super::unit::{ProtectSystem, Settings};

/// Turns into the command of `settings`. Returns only with an error.
pub(super) fn become_it(settings: &Settings) -> Result<Infallible> {
    let user = account(settings)?;
    unshare(CloneFlags::CLONE_NEWNS).context("no mount namespace")?;
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
    let writable = writable(settings, user.as_ref())?;
    protect(settings, &writable)?;
    for (name, value) in &settings.limits {
        limit(name, value.unwrap_or(RLIM_INFINITY))?;
    }
    if let Some(score) = settings.oom_score_adjust {
        fs::write("/proc/self/oom_score_adj", score.to_string())?;
    }
    umask(Mode::from_bits_truncate(settings.umask.unwrap_or(0o022)));
    chdir(settings.working_directory.as_deref().unwrap_or("/")).context("no working directory")?;
    let error = command(settings, user.as_ref())?.exec();
    Err(error).context("setpriv cannot be started")
}

fn account(settings: &Settings) -> Result<Option<User>> {
    let Some(name) = &settings.user else { return Ok(None) };
    let user = User::from_name(name)?;
    Ok(Some(user.with_context(|| format!("there is no user {name}: systemd would fail with 217/USER"))?))
}

/// The command behind setpriv, which takes away user, groups and privileges in one step.
fn command(settings: &Settings, user: Option<&User>) -> Result<Command> {
    let mut command = Command::new("/usr/bin/setpriv");
    command.env_clear().env("PATH", PATH);
    if let Some(user) = user {
        let group = match &settings.group {
            Some(name) => Group::from_name(name)?.with_context(|| format!("there is no group {name}"))?.gid,
            None => user.gid,
        };
        command.args([&format!("--reuid={}", user.uid), &format!("--regid={group}"), "--init-groups"]);
        command.env("USER", &user.name).env("LOGNAME", &user.name).env("HOME", &user.dir).env("SHELL", &user.shell);
    }
    if settings.no_new_privileges {
        command.arg("--no-new-privs");
    }
    if settings.drop_capabilities {
        command.args(["--bounding-set=-all", "--inh-caps=-all"]);
    }
    command.arg("--").args(&settings.command).envs(&settings.environment);
    Ok(command)
}

/// Makes every path the service may write a mount of its own, which stays writable when the rest no longer is.
fn writable(settings: &Settings, user: Option<&User>) -> Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> = settings.writable.iter().map(PathBuf::from).filter(|path| path.exists()).collect();
    for name in &settings.runtime_directories {
        let path = Path::new("/run").join(name);
        fs::create_dir_all(&path)?;
        if let Some(user) = user {
            chown(&path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
        }
        paths.push(path);
    }
    for path in &paths {
        bind(path, path)?;
    }
    Ok(paths)
}

fn protect(settings: &Settings, writable: &[PathBuf]) -> Result<()> {
    let read_only: &[&str] = match settings.protect_system {
        ProtectSystem::No => &[],
        ProtectSystem::Yes => &["/usr", "/boot"],
        ProtectSystem::Full => &["/usr", "/boot", "/etc"],
        ProtectSystem::Strict => &["/"],
    };
    for folder in read_only.iter().map(Path::new).filter(|folder| *folder != Path::new("/") && folder.is_dir()) {
        bind(folder, folder)?;
    }
    for (target, flags) in mounts()? {
        let below = |folder: &str| target.starts_with(folder);
        let kernel = ["/dev", "/proc", "/sys"].iter().any(|folder| below(folder));
        if read_only.iter().any(|folder| below(folder))
            && !kernel
            && !writable.iter().any(|path| target.starts_with(path))
        {
            freeze(&target, flags)?;
        }
    }
    if settings.protect_processes {
        let options = Some("hidepid=invisible");
        mount(Some("proc"), Path::new("/proc"), Some("proc"), SAFE, options).context("no /proc of its own")?;
    }
    if settings.protect_kernel {
        bind(Path::new("/proc/sys"), Path::new("/proc/sys"))?;
        freeze(Path::new("/proc/sys"), SAFE)?;
    }
    if settings.private_tmp {
        tmpfs(Path::new("/tmp"), "mode=1777")?;
        tmpfs(Path::new("/var/tmp"), "mode=1777")?;
    }
    let homes: &[&str] = if settings.protect_home { &["/home", "/root"] } else { &[] };
    let hidden = homes.iter().copied().chain(settings.hidden.iter().map(String::as_str)).map(Path::new);
    for path in hidden.filter(|path| path.exists()) {
        if path.is_dir() { tmpfs(path, "mode=000")? } else { bind(Path::new("/dev/null"), path)? }
    }
    Ok(())
}

/// Makes a mount read-only; `flags` are those it has.
fn freeze(target: &Path, flags: MsFlags) -> Result<()> {
    let flags = flags | MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
    mount(None::<&str>, target, None::<&str>, flags, None::<&str>)
        .with_context(|| format!("{} cannot be made read-only", target.display()))
}

/// Every mount with its own flags. Source: proc_pid_mountinfo(5).
fn mounts() -> Result<Vec<(PathBuf, MsFlags)>> {
    let table = fs::read_to_string("/proc/self/mountinfo").context("no mount table")?;
    let rows = table.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(4);
        let (target, options) = (fields.next()?, fields.next()?);
        let flags = options.split(',').map(|option| match option {
            "nosuid" => MsFlags::MS_NOSUID,
            "nodev" => MsFlags::MS_NODEV,
            "noexec" => MsFlags::MS_NOEXEC,
            _ => MsFlags::empty(),
        });
        Some((PathBuf::from(target), flags.collect()))
    });
    Ok(rows.collect())
}

/// Sets a limit, or the nearest one this machine permits: lowering always works, raising takes a privilege that containers lack.
fn limit(name: &str, value: u64) -> Result<()> {
    let resource = resource(name)?;
    if setrlimit(resource, value, value).is_ok() {
        return Ok(());
    }
    let (_, hard) = getrlimit(resource)?;
    let nearest = value.min(hard);
    eprintln!("machine: limit {name} is {nearest} instead of {value}: this machine permits no more");
    setrlimit(resource, nearest, nearest).with_context(|| format!("limit {name} cannot be set to {nearest}"))
}

fn resource(name: &str) -> Result<Resource> {
    Ok(match name {
        "as" => Resource::RLIMIT_AS,
        "core" => Resource::RLIMIT_CORE,
        "cpu" => Resource::RLIMIT_CPU,
        "data" => Resource::RLIMIT_DATA,
        "fsize" => Resource::RLIMIT_FSIZE,
        "memlock" => Resource::RLIMIT_MEMLOCK,
        "nofile" => Resource::RLIMIT_NOFILE,
        "nproc" => Resource::RLIMIT_NPROC,
        "stack" => Resource::RLIMIT_STACK,
        other => bail!("there is no limit {other}"),
    })
}
