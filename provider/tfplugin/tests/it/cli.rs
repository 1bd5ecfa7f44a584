//! The example provider through the real CLI.

use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use serde_json::Value as Json;
use tempfile::TempDir;

use crate::until;

/// A folder with a provider, a configuration, and what Terraform keeps beside it.
struct World {
    folder: TempDir,
    variables: Vec<(&'static str, String)>,
}

struct Ran {
    code: i32,
    text: String,
}

/// The example, built now.
pub(crate) static EXAMPLE: LazyLock<PathBuf> = LazyLock::new(|| {
    let arguments = ["build", "--package", "tfplugin-rs", "--example", "files", "--message-format", "json"];
    let built = Command::new(env!("CARGO")).args(arguments).stderr(Stdio::inherit()).output().unwrap();
    let messages = String::from_utf8(built.stdout).unwrap();
    let mut messages = messages.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok());
    let found = messages.find(|message| message["target"]["name"] == "files" && message["executable"].is_string());
    PathBuf::from(found.unwrap()["executable"].as_str().unwrap())
});

/// Nothing when there is no Terraform; the test then counts as skipped, and says so.
fn world() -> Option<World> {
    if let Err(error) = Command::new("terraform").arg("version").output()
        && error.kind() == ErrorKind::NotFound
    {
        println!("skipped: terraform is not on PATH");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    for name in ["bin", "data", "work"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    fs::copy(&*EXAMPLE, folder.path().join("bin/terraform-provider-files")).unwrap();
    let overrides = format!(
        "provider_installation {{\n  dev_overrides {{\n    \"files/files\" = \"{}\"\n  }}\n  direct {{}}\n}}\n",
        folder.path().join("bin").display()
    );
    fs::write(folder.path().join("terraform.rc"), overrides).unwrap();
    Some(World { folder, variables: Vec::new() })
}

impl World {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the configuration of one file, with these arguments.
    fn configure(&self, arguments: &str) {
        let configuration = format!(
            "terraform {{\n  required_providers {{\n    files = {{\n      source = \"files/files\"\n    }}\n  }}\n}}\n\
             provider \"files\" {{\n  folder = \"{}\"\n}}\n\
             resource \"files_file\" \"a\" {{\n  {arguments}\n}}\n\
             output \"joined\" {{\n  value = provider::files::join(\"a\", \"b\").path\n}}\n",
            self.path("data").display(),
        );
        fs::write(self.path("work/main.tf"), configuration).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("terraform");
        command
            .args(arguments)
            .arg("-no-color")
            .current_dir(self.path("work"))
            .env("TF_CLI_CONFIG_FILE", self.path("terraform.rc"))
            .env("CHECKPOINT_DISABLE", "1")
            .env("TMPDIR", self.folder.path())
            .envs(self.variables.clone());
        command
    }

    fn terraform(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        Ran { code: output.status.code().unwrap(), text: String::from_utf8_lossy(&text).into_owned() }
    }

    fn apply(&self) -> Ran {
        self.terraform(&["apply", "-auto-approve"])
    }

    #[track_caller]
    fn applies(&self) {
        let ran = self.apply();
        assert_eq!(ran.code, 0, "{}", ran.text);
    }

    #[track_caller]
    fn plan_is_empty(&self) {
        let ran = self.terraform(&["plan", "-detailed-exitcode"]);
        assert_eq!(ran.code, 0, "{}", ran.text);
    }

    /// The saved instance.
    fn instance(&self) -> Json {
        let state: Json = serde_json::from_slice(&fs::read(self.path("work/terraform.tfstate")).unwrap()).unwrap();
        state["resources"][0]["instances"][0].clone()
    }

    fn content(&self, name: &str) -> String {
        fs::read_to_string(self.path("data").join(name)).unwrap()
    }
}

#[test]
fn a_file_is_made_changed_imported_and_destroyed() {
    let Some(world) = world() else { return };
    world.configure("name = \"a.txt\"\n  content = \"one\"");
    world.applies();
    world.plan_is_empty();
    assert_eq!(world.content("a.txt"), "one");

    world.configure("name = \"a.txt\"\n  content = \"three\"");
    let ran = world.terraform(&["plan"]);
    assert!(ran.text.contains("bytes   = 3 -> 5"), "{}", ran.text);
    world.applies();
    world.plan_is_empty();
    assert_eq!(world.content("a.txt"), "three");

    fs::remove_file(world.path("data/a.txt")).unwrap();
    let ran = world.terraform(&["plan", "-detailed-exitcode"]);
    assert!(ran.code == 2 && ran.text.contains("will be created"), "what is gone is made again: {}", ran.text);
    world.applies();

    fs::remove_file(world.path("work/terraform.tfstate")).unwrap();
    let ran = world.terraform(&["import", "files_file.a", "a.txt"]);
    assert_eq!(ran.code, 0, "{}", ran.text);
    world.plan_is_empty();

    let ran = world.terraform(&["destroy", "-auto-approve"]);
    assert_eq!(ran.code, 0, "{}", ran.text);
    assert!(!world.path("data/a.txt").exists());
}

#[test]
fn a_wrong_argument_is_named_at_its_line() {
    let Some(world) = world() else { return };
    world.configure("name = \"a/b\"\n  content = \"one\"");
    let ran = world.terraform(&["validate"]);
    assert_eq!(ran.code, 1);
    for part in ["name must not contain a slash", "in resource \"files_file\" \"a\":", "name = \"a/b\""] {
        assert!(ran.text.contains(part), "{part} is not in {}", ran.text);
    }
}

#[test]
fn a_panic_in_create_is_an_error_with_message_and_place_and_the_object_is_kept() {
    let Some(world) = world() else { return };
    world.configure("name = \"a.txt\"\n  content = \"one\"\n  fail = \"panic\"");
    let ran = world.apply();
    assert_eq!(ran.code, 1);
    for part in ["the provider panicked", "the example was asked to panic", "examples/files.rs:"] {
        assert!(ran.text.contains(part), "{part} is not in {}", ran.text);
    }
    let instance = world.instance();
    assert_eq!(instance["status"], "tainted");
    assert!(instance["attributes"]["path"].as_str().unwrap().ends_with("/a.txt"), "{instance}");

    world.configure("name = \"a.txt\"\n  content = \"one\"");
    world.applies();
    world.plan_is_empty();
}

#[test]
fn a_result_that_differs_from_the_plan_is_saved_with_an_error_at_the_attribute() {
    let Some(world) = world() else { return };
    world.configure("name = \"a.txt\"\n  content = \"one\"\n  fail = \"betray\"");
    let ran = world.apply();
    assert_eq!(ran.code, 1);
    for part in ["the result is not what was planned", "content = \"one\"", "Planned was \"one\", and it is \"other\""]
    {
        assert!(ran.text.contains(part), "{part} is not in {}", ran.text);
    }
    assert!(!ran.text.contains("inconsistent result"), "Terraform has nothing to add: {}", ran.text);
    assert_eq!(world.instance()["status"], "tainted");
}

#[test]
fn a_refused_destroy_ends_in_the_plan() {
    let Some(world) = world() else { return };
    world.configure("name = \"a.txt\"\n  content = \"one\"\n  locked = true");
    world.applies();
    let ran = world.terraform(&["plan", "-destroy"]);
    assert!(ran.code == 1 && ran.text.contains("the file is locked"), "{}", ran.text);
}

#[test]
fn an_interrupt_ends_a_create_and_keeps_what_it_made() {
    let Some(world) = world() else { return };
    world.configure("name = \"a.txt\"\n  content = \"one\"\n  fail = \"wait\"");
    let mut terraform = world.command(&["apply", "-auto-approve"]).stdout(Stdio::null()).spawn().unwrap();
    until(|| world.path("data/a.txt").exists());
    interrupt(&terraform);
    let ended = terraform.wait().unwrap();
    assert_eq!(ended.code(), Some(1));
    assert!(world.instance()["attributes"]["path"].is_string(), "{}", world.instance());
}

#[test]
fn six_megabytes_pass() {
    let Some(world) = world() else { return };
    fs::write(world.path("work/large.txt"), "0123456789abcdef".repeat(6 << 16)).unwrap();
    world.configure("name = \"a.txt\"\n  content = file(\"large.txt\")");
    world.applies();
    assert_eq!(world.instance()["attributes"]["bytes"], 6 << 20);
}

#[test]
fn a_plain_connection_works_when_terraform_wants_one() {
    let Some(mut world) = world() else { return };
    world.variables.push(("TF_DISABLE_PLUGIN_TLS", "1".to_owned()));
    world.configure("name = \"a.txt\"\n  content = \"one\"");
    world.applies();
}

#[test]
fn a_process_started_with_debug_can_be_attached_to() {
    let Some(mut world) = world() else { return };
    let mut provider = Command::new(&*EXAMPLE).arg("--debug").stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(provider.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let value = line.trim().strip_prefix("TF_REATTACH_PROVIDERS='").unwrap().strip_suffix('\'').unwrap();
    world.variables.push(("TF_REATTACH_PROVIDERS", value.to_owned()));
    world.configure("name = \"a.txt\"\n  content = \"one\"");
    world.applies();
    world.plan_is_empty();
    interrupt(&provider);
    assert!(provider.wait().unwrap().success());
}

#[test]
fn nothing_is_left_in_the_folder_for_sockets() {
    let Some(world) = world() else { return };
    world.configure("name = \"a.txt\"\n  content = \"one\"");
    world.applies();
    let left = || {
        let entries = fs::read_dir(world.folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        entries.filter(|name| name.to_string_lossy().starts_with("tfplugin-")).count()
    };
    until(|| left() == 0);
}

fn interrupt(process: &Child) {
    let id = process.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
}
