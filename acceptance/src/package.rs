//! The broker's package: program and unit file in one archive whose bytes depend on nothing but their content.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use flate2::{Compression, GzBuilder};

use crate::{cache, environment, process};

/// A package on disk.
#[derive(Debug, Clone)]
pub struct Package {
    /// `ringfence-broker-<version>-<arch>.tar.gz`.
    pub path: PathBuf,
    /// Hexadecimal SHA-256 of the file.
    pub sha256: String,
    /// Size in bytes.
    pub bytes: u64,
}

/// Strips a copy of `broker` and packs it with the unit file into `folder`.
///
/// # Errors
/// When `strip` is missing or a file cannot be read or written.
pub fn pack(broker: &Path, folder: &Path) -> Result<Package> {
    std::fs::create_dir_all(folder)?;
    let stripped = folder.join("ringfence-broker");
    let strip =
        environment::on_path("strip").context("`strip` is missing: install binutils (apt-get install binutils)")?;
    process::run(process::command(strip).arg("-o").arg(&stripped).arg(broker), &folder.join("strip.log"))?;
    let unit = environment::workspace().join("broker/server/ringfence-broker.service");
    let name = format!("ringfence-broker-{}-{}.tar.gz", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
    let path = folder.join(name);
    let gzip = GzBuilder::new().mtime(0).write(File::create(&path)?, Compression::fast());
    let mut archive = tar::Builder::new(gzip);
    append(&mut archive, "bin/ringfence-broker", 0o755, &stripped)?;
    append(&mut archive, "ringfence-broker.service", 0o644, &unit)?;
    archive.into_inner()?.finish()?.sync_all()?;
    let bytes = std::fs::read(&path)?;
    Ok(Package { path, sha256: cache::sha256(&bytes), bytes: bytes.len().try_into()? })
}

fn append(archive: &mut tar::Builder<impl std::io::Write>, name: &str, mode: u32, file: &Path) -> Result<()> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len().try_into()?);
    header.set_mode(mode);
    header.set_mtime(0);
    archive.append_data(&mut header, name, bytes.as_slice())?;
    Ok(())
}
