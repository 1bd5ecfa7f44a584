//! A provider for tests: lamps in memory, which can be made to misbehave.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use tfplugin_rs::schema::{
    Check, Schema, boolean, computed, integer, map, nested, nested_list, optional, optional_computed, required, set,
    string,
};
use tfplugin_rs::value::Type;
use tfplugin_rs::{
    Attr, Config, Context, DataSource, Diagnostic, Diagnostics, Function, FunctionError, Plan, Provider, Registry,
    Resource, Signature,
};

/// All lamps by name, as attributes.
pub(crate) type Lamps = Arc<Mutex<BTreeMap<String, Json>>>;

#[derive(Clone, Default)]
pub(crate) struct Shop {
    pub(crate) lamps: Lamps,
}

pub(crate) struct Data {
    lamps: Lamps,
}

impl Provider for Shop {
    type Data = Data;
    const NAME: &'static str = "shop";
    const VERSION: &'static str = "1.2.3";

    fn schema(&self) -> Schema {
        Schema::new("A shop.").attributes([
            ("region", required(string(), "Where it is.")),
            ("token", optional(string(), "What opens it.").sensitive().check(Check::length(3, 9))),
        ])
    }

    fn register(&self, registry: &mut Registry<Data>) {
        registry.resource(Lamp).data_source(Count).function(Double);
    }

    async fn configure(&self, config: Config<'_>, _: &mut Diagnostics) -> Result<Option<Data>, Diagnostics> {
        let region: Attr<String> = config.get("region")?;
        Ok(region.known().map(|_| Data { lamps: Arc::clone(&self.lamps) }))
    }
}

pub(crate) struct Lamp;

#[derive(Deserialize)]
pub(crate) struct Args {
    name: String,
    #[serde(default)]
    misbehave: String,
    #[serde(default)]
    pin: Option<String>,
    #[serde(default)]
    bulbs: Vec<Json>,
    #[serde(default)]
    label: Option<String>,
}

/// What is reported beside what is planned.
pub(crate) type State = Json;

impl Resource for Lamp {
    type Data = Data;
    type Args = Args;
    type State = State;
    const NAME: &'static str = "lamp";

    fn schema(&self) -> Schema {
        Schema::new("A lamp.").version(2).attributes([
            ("name", required(string(), "Its name.").check(Check::length(1, 10)).replace()),
            ("watts", optional(integer(), "Its power.").default(60).check(Check::between(1, 100))),
            ("tags", optional(map(Type::String), "Its tags.")),
            ("rooms", optional(set(Type::String), "Where it is.").check(Check::not_empty().each())),
            ("pin", optional(string(), "What unlocks it.").write_only()),
            ("color", optional(string(), "Its color.").replace_if(|saved, _| saved.as_str() == Some("black"))),
            ("label", optional_computed(string(), "Its label.")),
            ("misbehave", optional(string(), "What to do wrong.")),
            ("shade", optional(nested([("height", required(integer(), "Its height."))]), "Its shade.")),
            (
                "bulbs",
                optional(
                    nested_list([
                        ("socket", required(string(), "Its socket.").replace()),
                        ("dim", optional(boolean(), "Whether it can be dimmed.").default(false)),
                        ("serial", computed(string(), "Its serial number.")),
                    ]),
                    "Its bulbs.",
                ),
            ),
            ("id", computed(string(), "Its id.").keep()),
            ("lit", computed(boolean(), "Whether it is lit.")),
        ])
    }

    fn validate(&self, config: &Config<'_>, out: &mut Diagnostics) -> Result<(), Diagnostics> {
        if config.get::<String>("color")? == Attr::Known("invisible".to_owned()) {
            out.push(Diagnostic::warning("nobody will see it", "").at("color"));
            return Err(Diagnostic::error("a lamp must be visible", "Choose a color.").at("color").into());
        }
        Ok(())
    }

    fn plan(&self, plan: &mut Plan<'_, Data>) -> Result<(), Diagnostics> {
        match plan.get::<String>("misbehave")?.known().as_deref() {
            Some("plan another value") => plan.set("name", "other"),
            Some("plan a value from nowhere") => plan.set("color", "red"),
            Some("panic in plan") => panic!("no plan"),
            _ => Ok(()),
        }
    }

    fn plan_destroy(&self, _: Option<&Data>, saved: &Config<'_>, out: &mut Diagnostics) -> Result<(), Diagnostics> {
        if saved.get::<String>("misbehave")? == Attr::Known("refuse to go".to_owned()) {
            return Err(Diagnostic::error("it does not want to go", "").into());
        }
        out.push(Diagnostic::warning("a dark room", ""));
        Ok(())
    }

    async fn create(&self, cx: &Context<Data>, args: Args) -> Result<State, Diagnostics> {
        misbehave(cx, &args, "create").await?;
        cx.set_private("made_with_pin", args.pin.is_some());
        let state = self.describe(&args);
        cx.lamps.lock().unwrap().insert(args.name, state.clone());
        Ok(state)
    }

    async fn read(&self, cx: &Context<Data>, state: State) -> Result<Option<State>, Diagnostics> {
        let name = state["name"].as_str().unwrap_or_default();
        if let Some(true) = cx.private::<bool>("made_with_pin") {
            cx.warn(Diagnostic::warning("it has a pin", ""));
        }
        Ok(cx.lamps.lock().unwrap().get(name).cloned())
    }

    async fn update(&self, cx: &Context<Data>, _: State, args: Args) -> Result<State, Diagnostics> {
        misbehave(cx, &args, "update").await?;
        let state = self.describe(&args);
        cx.lamps.lock().unwrap().insert(args.name, state.clone());
        Ok(state)
    }

    async fn delete(&self, cx: &Context<Data>, state: State) -> Result<(), Diagnostics> {
        cx.lamps.lock().unwrap().remove(state["name"].as_str().unwrap_or_default());
        Ok(())
    }

    async fn import(&self, cx: &Context<Data>, id: String) -> Result<Option<State>, Diagnostics> {
        let name = id.trim_start_matches("id-").to_owned();
        let found = cx.lamps.lock().unwrap().contains_key(&name);
        Ok(found.then(|| json!({ "name": name, "id": id })))
    }

    fn upgrade(&self, version: i64, mut state: Json) -> Result<Json, Diagnostics> {
        if version < 2 {
            state["watts"] = json!(state["power"].as_str().unwrap_or_default().parse::<i64>().unwrap_or(1));
            state.as_object_mut().map(|fields| fields.remove("power"));
        }
        Ok(state)
    }
}

impl Lamp {
    fn describe(&self, args: &Args) -> State {
        let bulbs = args.bulbs.iter().map(|bulb| {
            let mut bulb = bulb.clone();
            bulb["serial"] = json!(format!("serial-{}", bulb["socket"].as_str().unwrap_or_default()));
            bulb
        });
        let mut state = json!({ "name": args.name, "id": format!("id-{}", args.name), "lit": true });
        state["label"] = json!(args.label.clone().unwrap_or_else(|| format!("lamp {}", args.name)));
        if !args.bulbs.is_empty() {
            state["bulbs"] = Json::Array(bulbs.collect());
        }
        match args.misbehave.as_str() {
            "return another value" => state["watts"] = json!(1),
            "return null" => state["watts"] = Json::Null,
            "forget an attribute" => drop(state.as_object_mut().unwrap().remove("lit")),
            "return a write-only value" => state["pin"] = json!("1234"),
            "return an unknown attribute" => state["height"] = json!(1),
            "return another type" => state["watts"] = json!("many"),
            "return fewer bulbs" => state["bulbs"] = json!([]),
            _ => {}
        }
        state
    }
}

async fn misbehave(cx: &Context<Data>, args: &Args, call: &str) -> Result<(), Diagnostics> {
    match args.misbehave.as_str() {
        "fail at once" => Err(Diagnostic::error("out of lamps", "Order more.").at("name").into()),
        "fail half-made" => {
            cx.keep(&json!({ "id": "half" }));
            Err(Diagnostic::error("it broke", format!("In {call}.")).into())
        }
        "panic" => {
            cx.keep(&json!({ "id": "half" }));
            panic!("a bulb burst in {call}")
        }
        "wait" => {
            cx.keep(&json!({ "id": "half" }));
            cx.stop().cancelled().await;
            Err(Diagnostic::error("interrupted", "").into())
        }
        _ => Ok(()),
    }
}

struct Count;

#[derive(Deserialize)]
struct CountArgs {
    #[serde(default)]
    prefix: String,
}

#[derive(Serialize)]
struct CountState {
    lamps: usize,
}

impl DataSource for Count {
    type Data = Data;
    type Args = CountArgs;
    type State = CountState;
    const NAME: &'static str = "count";

    fn schema(&self) -> Schema {
        Schema::new("How many lamps there are.").attributes([
            ("prefix", optional(string(), "How their names begin.")),
            ("lamps", computed(integer(), "How many.")),
        ])
    }

    async fn read(&self, cx: &Context<Data>, args: CountArgs) -> Result<CountState, Diagnostics> {
        let lamps = cx.lamps.lock().unwrap().keys().filter(|name| name.starts_with(&args.prefix)).count();
        Ok(CountState { lamps })
    }
}

struct Double;

impl Function for Double {
    type Args = (i64,);
    type Output = Json;
    const NAME: &'static str = "double";

    fn signature(&self) -> Signature {
        Signature::new("Twice as much.", Type::object([("twice", Type::Number)])).parameter("of", Type::Number, "What.")
    }

    fn call(&self, (of,): (i64,)) -> Result<Json, FunctionError> {
        match of {
            13 => panic!("unlucky"),
            0 => Err(FunctionError::new("nothing to double").at(0)),
            of => Ok(json!({ "twice": of * 2 })),
        }
    }
}
