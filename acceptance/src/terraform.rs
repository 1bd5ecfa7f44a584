//! Drives terraform's command line in a working directory of its own: nothing of the user's configuration is read.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::measure::{Usage, Watch};
use crate::mirror::Mirror;
use crate::{environment, process};

/// One working directory with its state.
#[derive(Debug, Clone)]
pub struct Terraform {
    program: PathBuf,
    mirror: Mirror,
    folder: PathBuf,
    scratch: PathBuf,
    account: String,
    variables: Vec<(String, String)>,
}

/// What a plan said.
#[derive(Debug)]
pub struct Plan {
    /// The saved plan as `terraform show -json` prints it.
    pub json: Value,
    /// Whether terraform would do anything.
    pub is_empty: bool,
    /// What our provider used meanwhile.
    pub usage: Usage,
}

impl Plan {
    /// Whether anything would be destroyed or replaced.
    #[must_use]
    pub fn destroys(&self) -> bool {
        let deletes = |actions: &Value| actions.as_array().is_some_and(|all| all.iter().any(|one| one == "delete"));
        self.resources().any(|one| one.pointer("/change/actions").is_some_and(deletes))
    }

    /// Address, actions and differing attributes of everything that would be changed, for messages.
    #[must_use]
    pub fn changes(&self) -> String {
        let some = self.resources().filter(|one| {
            one.pointer("/change/actions").is_some_and(|actions| *actions != serde_json::json!(["no-op"]))
        });
        let lines = some.map(|one| {
            let part = |path: &str| one.pointer(path).cloned().unwrap_or_default();
            let (before, after) = (part("/change/before"), part("/change/after"));
            let names = after.as_object().into_iter().flat_map(|after| after.keys());
            let differing = names.filter(|name| before.get(name.as_str()) != after.get(name.as_str()));
            let shown = differing.map(|name| format!("\n  {name}: {:?} to {:?}", before.get(name), after.get(name)));
            format!("{} {}{}", part("/address"), part("/change/actions"), shown.collect::<String>())
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    fn resources(&self) -> impl Iterator<Item = &Value> {
        self.json.get("resource_changes").and_then(Value::as_array).into_iter().flatten()
    }
}

/// How an expected failure ended.
#[derive(Debug)]
pub struct Failure {
    /// Terraform's errors, line breaks and frames removed.
    pub message: String,
}

/// Whether a plan asks AWS for the present state first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// As users plan.
    Yes,
    /// Configuration against state only.
    No,
}

impl Terraform {
    /// Works in `folder`, with logs and data beside it in `scratch`.
    #[must_use]
    pub fn new(program: &Path, mirror: &Mirror, folder: PathBuf, scratch: PathBuf) -> Self {
        let account = ACCESS_KEY.to_owned();
        Self { program: program.to_path_buf(), mirror: mirror.clone(), folder, scratch, account, variables: Vec::new() }
    }

    /// Acts in another account from now on.
    #[must_use]
    pub fn in_account(self, account: &str) -> Self {
        Self { account: account.to_owned(), ..self }
    }

    /// The account it acts in.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Sets an input variable for every command from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Replaces `main.tf`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, configuration: &str) -> Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        Ok(std::fs::write(self.folder.join("main.tf"), configuration)?)
    }

    /// The working directory.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where terraform's output went.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.scratch.join("terraform.log")
    }

    /// `terraform init`.
    ///
    /// # Errors
    /// With the end of terraform's output, here and in every other command.
    pub fn init(&self) -> Result<()> {
        self.run(&["init", "-input=false", "-no-color"])
    }

    /// `terraform validate`.
    ///
    /// # Errors
    /// When the configuration is not valid.
    pub fn validate(&self) -> Result<()> {
        self.run(&["validate", "-no-color"])
    }

    /// `terraform test`.
    ///
    /// # Errors
    /// When a run fails.
    pub fn test(&self) -> Result<String> {
        process::read(&mut self.command(&["test", "-no-color"]), &self.log())
    }

    /// `terraform plan`, kept for [`Terraform::apply_plan`].
    ///
    /// # Errors
    /// When planning fails.
    pub fn plan(&self, refresh: Refresh) -> Result<Plan> {
        self.plan_with(&[if refresh == Refresh::Yes { "-refresh=true" } else { "-refresh=false" }])
    }

    /// The plan of `terraform destroy`.
    ///
    /// # Errors
    /// When planning fails.
    pub fn plan_destroy(&self) -> Result<Plan> {
        self.plan_with(&["-destroy"])
    }

    fn plan_with(&self, more: &[&str]) -> Result<Plan> {
        let mut words = vec!["plan", "-input=false", "-no-color", "-detailed-exitcode", "-out=saved.tfplan"];
        words.extend(more);
        let log = self.log();
        let from = std::fs::metadata(&log).map_or(0, |meta| meta.len());
        let watch = Watch::start(self.mirror.provider.clone());
        let status = process::status(&mut self.command(&words), &log, LIMIT)?;
        let usage = watch.stop();
        let is_empty = match status.code() {
            Some(0) => true,
            Some(2) => false,
            _ => bail!("terraform plan ended with {status}:\n{}", process::tail(&log, from)),
        };
        let json = self.json(&["show", "-json", "saved.tfplan"])?;
        Ok(Plan { json, is_empty, usage })
    }

    /// Applies the last saved plan.
    ///
    /// # Errors
    /// When applying fails; what was made is in the state.
    pub fn apply_plan(&self) -> Result<()> {
        self.run(&["apply", "-input=false", "-no-color", "saved.tfplan"])
    }

    /// Plans and applies in one go.
    ///
    /// # Errors
    /// When planning or applying fails.
    pub fn apply(&self) -> Result<()> {
        self.run(&["apply", "-input=false", "-no-color", "-auto-approve"])
    }

    /// `terraform destroy`.
    ///
    /// # Errors
    /// When something could not be destroyed.
    pub fn destroy(&self) -> Result<()> {
        self.run(&["destroy", "-input=false", "-no-color", "-auto-approve"])
    }

    /// `terraform import`.
    ///
    /// # Errors
    /// When there is no such object or the resource cannot be imported.
    pub fn import(&self, address: &str, id: &str) -> Result<()> {
        self.run(&["import", "-input=false", "-no-color", address, id])
    }

    /// Takes an object out of the state, leaving it alone otherwise.
    ///
    /// # Errors
    /// When the state has no such object.
    pub fn forget(&self, address: &str) -> Result<()> {
        self.run(&["state", "rm", address])
    }

    /// The state as `terraform show -json` prints it.
    ///
    /// # Errors
    /// When there is no readable state.
    pub fn state(&self) -> Result<Value> {
        self.json(&["show", "-json"])
    }

    /// Attributes of one object of the root module.
    ///
    /// # Errors
    /// When the state does not hold it.
    pub fn attributes(&self, address: &str) -> Result<Value> {
        let state = self.state()?;
        let found =
            resources(&state).into_iter().find(|object| object.get("address").is_some_and(|known| known == address));
        let object = found.with_context(|| format!("{address} is not in the state"))?;
        object.get("values").cloned().with_context(|| format!("{address} has no values"))
    }

    /// Addresses of everything in the state, sorted.
    ///
    /// # Errors
    /// When there is no readable state.
    pub fn addresses(&self) -> Result<Vec<String>> {
        let state = self.state()?;
        let all = resources(&state).into_iter().filter_map(|object| Some(object.get("address")?.as_str()?.to_owned()));
        let mut all: Vec<String> = all.collect();
        all.sort();
        Ok(all)
    }

    /// The value of one output.
    ///
    /// # Errors
    /// When there is no such output.
    pub fn output(&self, name: &str) -> Result<Value> {
        let all = self.json(&["output", "-json"])?;
        all.get(name).and_then(|output| output.get("value")).cloned().with_context(|| format!("no output {name}"))
    }

    /// Runs a command that has to fail.
    ///
    /// # Errors
    /// When it succeeds.
    pub fn failure(&self, words: &[&str]) -> Result<Failure> {
        let log = self.scratch.join("failure.log");
        let _before = std::fs::remove_file(&log);
        let mut all = words.to_vec();
        all.extend(["-input=false", "-no-color"]);
        let status = process::status(&mut self.command(&all), &log, LIMIT)?;
        let text = std::fs::read_to_string(&log)?;
        if status.success() {
            bail!("terraform {} was expected to fail and did not:\n{}", words.join(" "), process::tail(&log, 0));
        }
        let errors = text.find("Error: ").and_then(|at| text.get(at..)).unwrap_or(&text);
        Ok(Failure { message: plain(errors) })
    }

    /// Fails if the secret key stands in the state, a plan, or a log of this run.
    ///
    /// # Errors
    /// Names the file.
    pub fn expect_no_secret(&self) -> Result<()> {
        let mut folders = vec![self.scratch.clone(), self.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder)? {
                let path = entry?.path();
                // Providers lie there as links; nothing of this run is written into them.
                if path.is_symlink() || path.ends_with("data") {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else if holds(&std::fs::read(&path)?, CANARY.as_bytes()) {
                    bail!("the secret key stands in {}", path.display());
                }
            }
        }
        Ok(())
    }

    fn run(&self, words: &[&str]) -> Result<()> {
        process::run_within(&mut self.command(words), &self.log(), LIMIT)
    }

    fn json(&self, words: &[&str]) -> Result<Value> {
        let text = process::read(&mut self.command(words), &self.log())?;
        serde_json::from_str(&text).with_context(|| format!("terraform {} printed no JSON", words.join(" ")))
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = process::command(&self.program);
        command.args(words).current_dir(&self.folder).env_clear();
        for name in ["PATH", "LANG", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE"] {
            command.envs(environment::variable(name).map(|value| (name, value)));
        }
        command
            .env("HOME", self.scratch.join("home"))
            .env("TF_CLI_CONFIG_FILE", &self.mirror.config)
            .env("TF_DATA_DIR", self.scratch.join("data"))
            .env("TF_IN_AUTOMATION", "1")
            .env("TF_LOG_PROVIDER", "WARN")
            .env("TF_LOG_PATH", self.scratch.join("provider.log"))
            .env("AWS_ACCESS_KEY_ID", &self.account)
            .env("AWS_SECRET_ACCESS_KEY", CANARY)
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
        command.envs(self.variables.iter().map(|(name, value)| (format!("TF_VAR_{name}"), value)));
        command
    }
}

/// LocalStack takes a 12-digit access key for the account; this one is its default account.
pub const ACCESS_KEY: &str = "000000000000";

/// The longest that a command may take against an emulator: ten times what it takes.
const LIMIT: Duration = Duration::from_secs(300);

/// The secret key every terraform run gets: it must turn up nowhere.
const CANARY: &str = "canary-0a9f4c51d2e84b7796";

/// All managed and data objects of a state, child modules included.
#[must_use]
pub fn resources(state: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    let mut modules: Vec<&Value> = state.pointer("/values/root_module").into_iter().collect();
    while let Some(module) = modules.pop() {
        found.extend(module.get("resources").and_then(Value::as_array).into_iter().flatten());
        modules.extend(module.get("child_modules").and_then(Value::as_array).into_iter().flatten());
    }
    found
}

/// Text without terraform's frames and line breaks.
#[must_use]
pub fn plain(text: &str) -> String {
    let words = text.replace(['│', '╷', '╵'], " ");
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// Copies a folder of configuration, without what terraform leaves in it.
///
/// # Errors
/// When a file cannot be read or written.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        let text = name.to_string_lossy();
        if text.starts_with(".terraform") || text.contains(".tfstate") || text.ends_with(".tfplan") {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to.join(&name))?;
        } else {
            std::fs::copy(entry.path(), to.join(&name))?;
        }
    }
    Ok(())
}
