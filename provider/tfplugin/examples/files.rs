//! A provider for files on this machine: the whole life of a resource.

#![expect(clippy::panic, reason = "the example can be asked to panic")]

use std::io::ErrorKind;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tfplugin_rs::schema::{Check, Schema, boolean, computed, integer, optional, required, string};
use tfplugin_rs::value::Type;
use tfplugin_rs::{
    Attr, Config, Context, Diagnostic, Diagnostics, Function, FunctionError, Plan, Provider, Registry, Resource,
    Signature,
};

struct Files;

/// What the configured provider knows.
struct Data {
    folder: String,
}

impl Provider for Files {
    type Data = Data;
    const NAME: &'static str = "files";
    const VERSION: &'static str = "0.1.0";

    fn schema(&self) -> Schema {
        Schema::new("Files of one folder.").attributes([("folder", required(string(), "The folder."))])
    }

    fn register(&self, registry: &mut Registry<Data>) {
        registry.resource(File).function(Join);
    }

    async fn configure(&self, config: Config<'_>, _: &mut Diagnostics) -> Result<Option<Data>, Diagnostics> {
        Ok(config.get("folder")?.known().map(|folder| Data { folder }))
    }
}

struct File;

#[derive(Deserialize)]
struct Args {
    name: String,
    content: String,
    #[serde(default)]
    fail: Option<String>,
}

/// Only what the provider finds out: attributes that are not mentioned stay as planned.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    name: String,
    content: String,
    path: String,
    bytes: i64,
}

impl File {
    async fn write(cx: &Context<Data>, args: Args) -> Result<State, Diagnostics> {
        let Args { name, mut content, fail } = args;
        let path = format!("{}/{name}", cx.folder);
        let failed = |e| Diagnostic::error("cannot write the file", format!("{path}: {e}")).at("name");
        tokio::fs::write(&path, &content).await.map_err(failed)?;
        cx.keep(&json!({ "path": path }));
        match fail.as_deref() {
            Some("panic") => panic!("the example was asked to panic"),
            Some("betray") => content = "other".to_owned(),
            Some("wait") => {
                cx.stop().cancelled().await;
                return Err(Diagnostic::error("the example was interrupted", "").into());
            }
            _ => {}
        }
        let bytes = i64::try_from(content.len()).unwrap_or(i64::MAX);
        Ok(State { name, content, path, bytes })
    }

    async fn find(path: String, name: String) -> Result<Option<State>, Diagnostics> {
        match tokio::fs::read_to_string(&path).await {
            Ok(content) => {
                let bytes = i64::try_from(content.len()).unwrap_or(i64::MAX);
                Ok(Some(State { name, content, path, bytes }))
            }
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Diagnostic::error("cannot read the file", format!("{path}: {e}")).into()),
        }
    }
}

impl Resource for File {
    type Data = Data;
    type Args = Args;
    type State = State;
    const NAME: &'static str = "file";

    fn schema(&self) -> Schema {
        let simple = Check::text("must not contain a slash", |name| !name.contains('/'));
        Schema::new("A file.").attributes([
            ("name", required(string(), "Its name in the folder.").check(simple).replace()),
            ("content", required(string(), "What is in it.")),
            ("locked", optional(boolean(), "Refuse to delete it.").default(false)),
            ("fail", optional(string(), "How the example should fail, for tests.")),
            ("path", computed(string(), "Its full path.").keep()),
            ("bytes", computed(integer(), "Its size.")),
        ])
    }

    fn plan(&self, plan: &mut Plan<'_, Data>) -> Result<(), Diagnostics> {
        let content: Attr<String> = plan.get("content")?;
        plan.set("bytes", content.map(|content| content.len()))
    }

    fn plan_destroy(&self, _: Option<&Data>, saved: &Config<'_>, _: &mut Diagnostics) -> Result<(), Diagnostics> {
        match saved.get("locked")? {
            Attr::Known(true) => {
                Err(Diagnostic::error("the file is locked", "Set locked = false first.").at("locked").into())
            }
            _ => Ok(()),
        }
    }

    async fn create(&self, cx: &Context<Data>, args: Args) -> Result<State, Diagnostics> {
        Self::write(cx, args).await
    }

    async fn read(&self, _: &Context<Data>, state: State) -> Result<Option<State>, Diagnostics> {
        Self::find(state.path, state.name).await
    }

    async fn update(&self, cx: &Context<Data>, _: State, args: Args) -> Result<State, Diagnostics> {
        Self::write(cx, args).await
    }

    async fn delete(&self, _: &Context<Data>, state: State) -> Result<(), Diagnostics> {
        match tokio::fs::remove_file(&state.path).await {
            Err(e) if e.kind() != ErrorKind::NotFound => {
                Err(Diagnostic::error("cannot delete the file", format!("{}: {e}", state.path)).into())
            }
            _ => Ok(()),
        }
    }

    async fn import(&self, cx: &Context<Data>, id: String) -> Result<Option<State>, Diagnostics> {
        Self::find(format!("{}/{id}", cx.folder), id).await
    }
}

struct Join;

impl Function for Join {
    type Args = (String, String);
    type Output = serde_json::Value;
    const NAME: &'static str = "join";

    fn signature(&self) -> Signature {
        Signature::new("Joins a folder and a name.", Type::object([("path", Type::String)]))
            .parameter("folder", Type::String, "The folder.")
            .parameter("name", Type::String, "The name.")
    }

    fn call(&self, (folder, name): (String, String)) -> Result<serde_json::Value, FunctionError> {
        if name.contains('/') {
            return Err(FunctionError::new("the name must not contain a slash").at(1));
        }
        Ok(json!({ "path": format!("{folder}/{name}") }))
    }
}

fn main() -> ExitCode {
    tfplugin_rs::serve(Files)
}
