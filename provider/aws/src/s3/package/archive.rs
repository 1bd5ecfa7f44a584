//! The packaged broker as a file: its checksum and what it was built for.
//!
//! Reading is streamed: a plan never holds the package in memory.

use std::{
    fs::File,
    io::{self, Read, Seek},
    path::Path,
};

use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::limits;

/// Path of the broker inside the archive.
const BROKER: &str = "bin/ringfence-broker";
/// Bytes hashed at a time.
const CHUNK: usize = 64 * 1024;

/// What a plan says about a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) sha256: String,
    pub(crate) size_bytes: u64,
    /// As EC2 names it: `x86_64` or `arm64`.
    pub(crate) architecture: &'static str,
}

/// Why a file is no packaged broker.
#[derive(Debug, Error)]
pub(crate) enum BadPackage {
    /// There is no such file.
    #[error(
        "{path} is not a file; build the package first, or correct `path` (it is relative to where Terraform runs)"
    )]
    Missing {
        /// The path as written.
        path: String,
    },
    /// It cannot be opened or read.
    #[error(
        "the package {path} cannot be read: {error}; build it first, or correct `path` (it is relative to where Terraform runs)"
    )]
    Unreadable {
        /// The path as written.
        path: String,
        /// What the system said.
        error: io::Error,
    },
    /// It is too large to be one.
    #[error("the package {path} has {found} bytes, more than the {max} a package may have", max = limits::PACKAGE_BYTES_MAX)]
    TooLarge {
        /// The path as written.
        path: String,
        /// Its size.
        found: u64,
    },
    /// It is not a compressed archive with the broker in it.
    #[error("{path} is not a packaged broker: it is no .tar.gz with {BROKER} in it")]
    NoBroker {
        /// The path as written.
        path: String,
    },
    /// The broker is for another kind of machine.
    #[error("the broker in {path} is not a Linux program for x86_64 or arm64")]
    UnknownMachine {
        /// The path as written.
        path: String,
    },
}

/// Reads checksum, size and architecture of a package.
///
/// # Errors
/// [`BadPackage`], with what to do.
pub(crate) fn inspect(path: &str) -> Result<Package, BadPackage> {
    let unreadable = |error| BadPackage::Unreadable { path: path.into(), error };
    let mut file = File::open(Path::new(path)).map_err(unreadable)?;
    let size_bytes = file.metadata().map_err(unreadable)?.len();
    if size_bytes > limits::PACKAGE_BYTES_MAX {
        return Err(BadPackage::TooLarge { path: path.into(), found: size_bytes });
    }
    let sha256 = digest(&mut file).map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;
    let header = broker_header(&file).ok_or_else(|| BadPackage::NoBroker { path: path.into() })?;
    let architecture = machine(&header).ok_or_else(|| BadPackage::UnknownMachine { path: path.into() })?;
    Ok(Package { sha256, size_bytes, architecture })
}

fn digest(file: &mut File) -> io::Result<String> {
    let (mut digest, mut chunk) = (Sha256::new(), vec![0; CHUNK]);
    loop {
        let length = file.read(&mut chunk)?;
        match chunk.get(..length) {
            Some([]) | None => return Ok(hex::encode(digest.finalize())),
            Some(bytes) => digest.update(bytes),
        }
    }
}

fn broker_header(file: &File) -> Option<Vec<u8>> {
    let mut archive = tar::Archive::new(GzDecoder::new(file));
    for entry in archive.entries().ok()? {
        let entry = entry.ok()?;
        let path = entry.path().ok()?;
        if path.strip_prefix("./").unwrap_or(&path) == Path::new(BROKER) {
            let mut header = Vec::new();
            entry.take(limits::ELF_HEADER_BYTES as u64).read_to_end(&mut header).ok()?;
            return Some(header);
        }
    }
    None
}

/// Source: ELF specification, `e_ident` and `e_machine`.
fn machine(header: &[u8]) -> Option<&'static str> {
    let (magic, rest) = header.split_at_checked(4)?;
    let machine = rest.get(14..16)?;
    match (magic, machine) {
        (b"\x7fELF", [0x3e, 0]) => Some("x86_64"),
        (b"\x7fELF", [0xb7, 0]) => Some("arm64"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, content: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let encoder = flate2::write::GzEncoder::new(file.reopen().unwrap(), flate2::Compression::fast());
        let mut archive = tar::Builder::new(encoder);
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, name, content).unwrap();
        archive.into_inner().unwrap().finish().unwrap();
        file
    }

    fn elf(machine: u8) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        bytes[..4].copy_from_slice(b"\x7fELF");
        bytes[18] = machine;
        bytes
    }

    #[test]
    fn a_package_tells_its_checksum_and_architecture() {
        for (machine, architecture) in [(0x3e, "x86_64"), (0xb7, "arm64")] {
            let file = package("./bin/ringfence-broker", &elf(machine));
            let found = inspect(file.path().to_str().unwrap()).unwrap();
            assert_eq!(found.architecture, architecture);
            assert_eq!(found.sha256, hex::encode(Sha256::digest(std::fs::read(file.path()).unwrap())));
        }
    }

    #[test]
    fn files_that_are_no_packages_are_refused_with_what_to_do() {
        let error = inspect("/nowhere/package.tar.gz").unwrap_err().to_string();
        assert!(error.contains("cannot be read"), "{error}");
        let other = package("bin/other", &elf(0x3e));
        assert!(matches!(inspect(other.path().to_str().unwrap()), Err(BadPackage::NoBroker { .. })));
        let script = package("bin/ringfence-broker", b"#!/bin/sh\necho a script, no program\n");
        assert!(matches!(inspect(script.path().to_str().unwrap()), Err(BadPackage::UnknownMachine { .. })));
        let mut text = tempfile::NamedTempFile::new().unwrap();
        io::Write::write_all(&mut text, b"not an archive").unwrap();
        assert!(matches!(inspect(text.path().to_str().unwrap()), Err(BadPackage::NoBroker { .. })));
    }
}
