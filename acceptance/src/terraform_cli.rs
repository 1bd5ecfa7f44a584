//! Finds terraform, or fetches one pinned release and checks it against the checksum written here.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{cache, environment, process, python};

/// Write-only attributes need 1.11.
const OLDEST: (u32, u32) = (1, 11);

/// The release that is fetched when none is found.
const RELEASE: &str = "1.11.4";

/// SHA-256 of that release's archives, by the platform's name in the archive. Source: its published SHA256SUMS.
const CHECKSUMS: &[(&str, &str)] = &[
    ("linux_amd64", "1ce994251c00281d6845f0f268637ba50c0005657eb3cf096b92f753b42ef4dc"),
    ("linux_arm64", "a43d1d0da9b9bab214a8305a39db0e40869572594ccf50c416a7756499143633"),
];

/// Fetches an archive, compares its checksum, and unpacks one program out of it.
const FETCH: &str = r"
import hashlib, io, os, sys, urllib.request, zipfile
url, expected, target = sys.argv[1:]
with urllib.request.urlopen(url, timeout=120) as answer:
    archive = answer.read()
found = hashlib.sha256(archive).hexdigest()
if found != expected:
    sys.exit(f'{url} has SHA-256 {found}, expected {expected}: not used')
with zipfile.ZipFile(io.BytesIO(archive)) as names, open(target, 'wb') as file:
    file.write(names.read('terraform'))
os.chmod(target, 0o755)
";

/// The terraform to use: on PATH if it is new enough, else the pinned release in the user's cache.
///
/// # Errors
/// When there is none and it cannot be fetched: says what to install.
pub fn find() -> Result<PathBuf> {
    if let Some(program) = environment::on_path("terraform").filter(|program| is_new_enough(program)) {
        return Ok(program);
    }
    let platform = platform();
    let Some((_, checksum)) = CHECKSUMS.iter().find(|(name, _)| *name == platform) else {
        bail!(
            "no terraform >= {}.{} on PATH, and none is pinned for {platform}: install one from your distribution",
            OLDEST.0,
            OLDEST.1
        );
    };
    let url = format!("https://releases.hashicorp.com/terraform/{RELEASE}/terraform_{RELEASE}_{platform}.zip");
    let folder = cache::folder("terraform", &[&url, checksum], |folder| fetch(&url, checksum, folder))?;
    Ok(folder.join("terraform"))
}

fn fetch(url: &str, checksum: &str, folder: &Path) -> Result<()> {
    eprintln!("    fetching terraform {RELEASE} (once)");
    let mut command = process::command(python::find()?.program());
    command.args(["-c", FETCH, url, checksum]).arg(folder.join("terraform"));
    process::run(&mut command, &folder.join("log")).with_context(|| {
        format!(
            "no terraform >= {}.{} on PATH and {url} could not be fetched. Download that file elsewhere (SHA-256 {checksum}), \
             unpack it into a folder on PATH, and run this command again",
            OLDEST.0, OLDEST.1
        )
    })
}

/// The platform's name in terraform's archives and plugin folders.
#[must_use]
pub fn platform() -> String {
    let machine = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{}_{machine}", std::env::consts::OS)
}

fn is_new_enough(program: &Path) -> bool {
    version(program).is_some_and(|version| version >= OLDEST)
}

fn version(program: &Path) -> Option<(u32, u32)> {
    let output = Command::new(program).args(["version", "-json"]).env("CHECKPOINT_DISABLE", "1").output().ok()?;
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    let mut numbers = answer.get("terraform_version")?.as_str()?.split('.').map(str::parse::<u32>);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}
