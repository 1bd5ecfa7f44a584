//! The `.tf` sources of a plan: where blocks stand, and the expressions behind what the plan leaves open.
//!
//! Invariant: sources only ever fill what the plan does not know. What the plan says wins.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use hcl_edit::{
    Span,
    expr::Expression,
    structure::{Block, Body},
};
use provider_boundary::model::Place;
use thiserror::Error;

use super::format::{ConfigModule, Plan};
use crate::{
    hcl::{self, HclError, Text},
    limits,
};

/// Why sources could not be read.
#[derive(Debug, Error)]
pub enum SourceError {
    /// A folder or file that cannot be read.
    #[error("cannot read {path}: {error}")]
    Io {
        /// Which.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// A file that is no HCL.
    #[error(transparent)]
    Hcl(#[from] HclError),
    /// A folder without any.
    #[error("{0} holds no .tf files")]
    Empty(String),
}

/// The sources of a configuration, by module path without keys: empty, `network`, `network.subnets`.
#[derive(Debug, Default)]
pub struct Sources {
    modules: BTreeMap<String, ModuleSource>,
}

/// One module.
#[derive(Debug, Default)]
pub(crate) struct ModuleSource {
    /// `aws_vpc.this`, `data.aws_region.current`.
    pub(crate) resources: BTreeMap<String, Sourced>,
    pub(crate) modules: BTreeMap<String, Sourced>,
    pub(crate) outputs: BTreeMap<String, Sourced>,
    pub(crate) variables: BTreeMap<String, Sourced>,
    pub(crate) locals: BTreeMap<String, Expression>,
}

/// One block and its place.
#[derive(Debug)]
pub(crate) struct Sourced {
    pub(crate) block: Block,
    pub(crate) place: Place,
}

impl Sources {
    /// Reads the root module at `root` and every module that the plan's configuration calls and that lies in a local
    /// folder, or in `.terraform/modules` when `terraform init` was run there.
    ///
    /// # Errors
    /// [`SourceError`] when the root module cannot be read. A called module that is not there is left out.
    pub(crate) fn read(root: &Path, plan: &Plan) -> Result<Sources, SourceError> {
        let installed = installed_modules(root);
        let mut sources = Sources::default();
        sources.modules.insert(String::new(), read_module(root, root)?);
        sources.read_calls(root, root, "", &plan.configuration.root_module, &installed)?;
        Ok(sources)
    }

    fn read_calls(
        &mut self,
        root: &Path,
        folder: &Path,
        path: &str,
        module: &ConfigModule,
        installed: &BTreeMap<String, PathBuf>,
    ) -> Result<(), SourceError> {
        for (name, call) in &module.module_calls {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let local = call.source.starts_with("./") || call.source.starts_with("../");
            let folder = if local { Some(folder.join(&call.source)) } else { installed.get(&path).cloned() };
            let Some(folder) = folder.filter(|folder| folder.is_dir()) else { continue };
            let folder = normal(&folder);
            self.modules.insert(path.clone(), read_module(root, &folder)?);
            self.read_calls(root, &folder, &path, &call.module, installed)?;
        }
        Ok(())
    }

    pub(crate) fn module(&self, path: &str) -> Option<&ModuleSource> {
        self.modules.get(path)
    }
}

/// `a/./b/../c` as `a/c`, without asking the file system.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir if normal.file_name().is_some() => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

/// Where `terraform init` put modules, as `.terraform/modules/modules.json` says.
fn installed_modules(root: &Path) -> BTreeMap<String, PathBuf> {
    let text = std::fs::read_to_string(root.join(".terraform/modules/modules.json")).unwrap_or_default();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let all = json.get("Modules").and_then(serde_json::Value::as_array).into_iter().flatten();
    let one = |module: &serde_json::Value| {
        let text = |name: &str| module.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
        Some((text("Key")?, root.join(text("Dir")?)))
    };
    all.filter_map(one).collect()
}

fn read_module(root: &Path, folder: &Path) -> Result<ModuleSource, SourceError> {
    let unreadable = |error| SourceError::Io { path: folder.display().to_string(), error };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "tf") && files.len() < limits::HCL_FILES_MAX {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(SourceError::Empty(folder.display().to_string()));
    }
    // Override files come last, each in the order of names. Source: Terraform language, "Override Files".
    files.sort_by_key(|path| (is_override(path), path.clone()));
    let mut module = ModuleSource::default();
    for path in files {
        let text = std::fs::read_to_string(&path)
            .map_err(|error| SourceError::Io { path: path.display().to_string(), error })?;
        let (text, body) = hcl::parse(&hcl::shown(&path, root), &text)?;
        module.add(&text, body, is_override(&path));
    }
    Ok(module)
}

fn is_override(path: &Path) -> bool {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    stem == "override" || stem.ends_with("_override")
}

impl ModuleSource {
    fn add(&mut self, text: &Text, body: Body, overrides: bool) {
        for block in body.into_blocks() {
            let place = text.place(block.span());
            let label = |at: usize| block.labels.get(at).map(|label| label.as_str().to_owned()).unwrap_or_default();
            let (first, both) = (label(0), format!("{}.{}", label(0), label(1)));
            let (list, name) = match block.ident.as_str() {
                "resource" => (&mut self.resources, both),
                "data" => (&mut self.resources, format!("data.{both}")),
                "module" => (&mut self.modules, first),
                "output" => (&mut self.outputs, first),
                "variable" => (&mut self.variables, first),
                "locals" => {
                    let all = block.body.into_iter().filter_map(|one| one.into_attribute().ok());
                    self.locals.extend(all.map(|one| (one.key.to_string(), one.value)));
                    continue;
                }
                _ => continue,
            };
            match list.get_mut(&name).filter(|_| overrides) {
                Some(base) => merge(&mut base.block.body, block.body),
                None => {
                    list.insert(name, Sourced { block, place });
                }
            }
        }
    }
}

/// An override replaces arguments one by one, and all nested blocks of a kind at once.
fn merge(base: &mut Body, by: Body) {
    let kinds: Vec<String> = by.blocks().map(|block| block.ident.to_string()).collect();
    for kind in kinds {
        base.remove_blocks(&kind);
    }
    for structure in by {
        if let Some(attribute) = structure.as_attribute() {
            base.remove_attribute(&attribute.key);
        }
        base.push(structure);
    }
}
