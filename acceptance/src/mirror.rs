//! Where terraform finds its providers here: ours in a filesystem mirror, hashicorp/aws in one too if the machine has it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::{environment, terraform_cli};

const OURS: &str = "registry.terraform.io/ringfence/ringfence";
const AWS: &str = "registry.terraform.io/hashicorp/aws";

/// A terraform configuration file and the folder our provider's processes are started from.
#[derive(Debug, Clone)]
pub struct Mirror {
    /// For `TF_CLI_CONFIG_FILE`.
    pub config: PathBuf,
    /// Everything terraform starts from here is our provider.
    pub provider: PathBuf,
    /// Where hashicorp/aws comes from: a folder, or the registry.
    pub aws: Option<PathBuf>,
}

/// Lays out the mirror and writes the configuration file, both under `folder`.
///
/// # Errors
/// When files cannot be written or linked.
pub fn lay(provider: &Path, folder: &Path) -> Result<Mirror> {
    let version = env!("CARGO_PKG_VERSION");
    let root = folder.join("mirror");
    let place = root.join(OURS).join(version).join(terraform_cli::platform());
    std::fs::create_dir_all(&place)?;
    let program = place.join(format!("terraform-provider-ringfence_v{version}"));
    // A copy: a hard link would be replaced by the next build while terraform is using it.
    std::fs::copy(provider, &program).with_context(|| format!("cannot copy {}", provider.display()))?;
    let aws = find_aws();
    let config = folder.join("terraform.rc");
    std::fs::write(&config, configuration(&root, aws.as_deref()))?;
    Ok(Mirror { config, provider: place.canonicalize()?, aws })
}

fn configuration(ours: &Path, aws: Option<&Path>) -> String {
    let ours = ours.display();
    let rest = aws.map_or_else(
        || "  direct {\n    exclude = [\"registry.terraform.io/ringfence/*\"]\n  }\n".to_owned(),
        |aws| format!("  filesystem_mirror {{\n    path    = \"{}\"\n    include = [\"registry.terraform.io/hashicorp/aws\"]\n  }}\n", aws.display()),
    );
    format!(
        "disable_checkpoint = true\nprovider_installation {{\n  filesystem_mirror {{\n    path    = \"{ours}\"\n    \
         include = [\"registry.terraform.io/ringfence/*\"]\n  }}\n{rest}}}\n"
    )
}

/// A filesystem mirror on this machine that holds hashicorp/aws.
fn find_aws() -> Option<PathBuf> {
    let home = environment::home();
    let folders = [
        PathBuf::from("/opt/tf-plugins"),
        home.join(".terraform.d/plugins"),
        home.join(".local/share/terraform/plugins"),
        PathBuf::from("/usr/local/share/terraform/plugins"),
        PathBuf::from("/usr/share/terraform/plugins"),
    ];
    folders.into_iter().find(|folder| folder.join(AWS).is_dir())
}
