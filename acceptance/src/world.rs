//! Everything a case needs, found or made once: tools, programs, package, emulator, and a scratch folder that goes away.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;

use crate::binaries::{self, Binaries, Scope};
use crate::emulator::Aws;
use crate::localstack::{self, LocalStack};
use crate::mirror::{self, Mirror};
use crate::package::{self, Package};
use crate::report::{Notes, Steps};
use crate::terraform::{self, Terraform};
use crate::{environment, terraform_cli};

/// The region everything is provisioned in.
pub const REGION: &str = "eu-central-1";

/// What a run works with; dropping it ends the emulator and removes the scratch folder.
#[derive(Debug)]
pub struct World {
    /// The emulated AWS.
    pub localstack: LocalStack,
    /// Questions to it.
    pub aws: Aws,
    /// Our programs.
    pub binaries: Binaries,
    /// The packed broker.
    pub package: Package,
    /// Where terraform finds providers.
    pub mirror: Mirror,
    terraform: PathBuf,
    used: AtomicUsize,
    // Last, so that it is removed after everything that writes into it has ended.
    scratch: tempfile::TempDir,
}

impl World {
    /// Finds, builds and starts everything, one printed step each.
    ///
    /// # Errors
    /// When something is missing: names it with the thing to do.
    pub fn start(steps: &mut Steps, scope: Scope) -> Result<Self> {
        let scratch = tempfile::Builder::new().prefix("ringfence-").tempdir()?;
        let root = scratch.path().to_path_buf();
        let (interpreter, terraform) = steps.step("find or fetch LocalStack and terraform", |notes| {
            let found = (localstack::prepare()?, terraform_cli::find()?);
            notes.add(format_args!("terraform: {}", found.1.display()));
            Ok(found)
        })?;
        let binaries = steps.step("build the broker and the provider (dev profile)", |_| {
            binaries::build(scope, &root.join("build.log"))
        })?;
        let (package, mirror) = steps.step("pack the broker, lay out the provider's mirror", |notes| {
            let made =
                (package::pack(&binaries.broker, &root.join("package"))?, mirror::lay(&binaries.provider, &root)?);
            describe(notes, &made.0, &made.1);
            Ok(made)
        })?;
        let localstack = steps.step("start LocalStack", |notes| {
            let started = LocalStack::start(&interpreter, &root.join("localstack"), 0)?;
            notes.add(format_args!("{}, process {}", started.endpoint(), started.id()));
            Ok(started)
        })?;
        let aws = Aws::new(localstack.address(), REGION);
        Ok(Self { localstack, aws, binaries, package, mirror, terraform, used: AtomicUsize::new(0), scratch })
    }

    /// The scratch folder.
    #[must_use]
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// A new empty folder in the scratch folder, with a readable name.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let number = self.used.fetch_add(1, Ordering::SeqCst);
        let folder = self.scratch.path().join(format!("{number:03}-{name}"));
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// An account id nobody has used in this run; the emulator keeps accounts apart.
    #[must_use]
    pub fn account(&self) -> String {
        format!("1{:011}", self.used.fetch_add(1, Ordering::SeqCst))
    }

    /// Terraform in a working directory of its own that holds nothing yet.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn terraform(&self, name: &str) -> Result<Terraform> {
        let scratch = self.folder(name)?;
        let work = scratch.join("work");
        std::fs::create_dir_all(&work)?;
        Ok(Terraform::new(&self.terraform, &self.mirror, work, scratch))
    }

    /// Terraform in a copy of `examples/NAME` or `modules/NAME`, beside copies of all modules.
    ///
    /// # Errors
    /// When there is no such folder.
    pub fn terraform_in(&self, place: &str) -> Result<Terraform> {
        let scratch = self.folder(&place.replace('/', "-"))?;
        let from = environment::workspace();
        terraform::copy(&from.join("modules"), &scratch.join("modules"))?;
        if place.starts_with("examples/") {
            terraform::copy(&from.join(place), &scratch.join(place))?;
        }
        Ok(Terraform::new(&self.terraform, &self.mirror, scratch.join(place), scratch))
    }
}

fn describe(notes: &mut Notes, package: &Package, mirror: &Mirror) {
    notes.add(format_args!(
        "package: {:.1} MiB, SHA-256 {}",
        f64::from(u32::try_from(package.bytes >> 10).unwrap_or(u32::MAX)) / 1024.0,
        package.sha256
    ));
    match &mirror.aws {
        Some(folder) => notes.add(format_args!("hashicorp/aws: from {}", folder.display())),
        None => notes.add("hashicorp/aws: from the registry"),
    }
}
