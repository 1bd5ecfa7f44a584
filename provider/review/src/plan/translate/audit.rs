//! Trails, event rules, Config recorders.

use provider_boundary::model::{
    Fact, World,
    audit::{Detector, Recorder, Trail},
};

use super::super::{
    object::{self, Object, Objects},
    value::Value,
};

const KINDS: &[&str] = &[
    "aws_cloudtrail",
    "aws_cloudwatch_event_rule",
    "aws_cloudwatch_event_target",
    "aws_config_configuration_recorder",
    "aws_config_configuration_recorder_status",
    "aws_config_delivery_channel",
];

pub(super) fn translate(objects: &Objects, world: &mut World) -> &'static [&'static str] {
    world.trails.extend(objects.of(&["aws_cloudtrail"]).map(trail));
    world.detectors.extend(objects.of(&["aws_cloudwatch_event_rule"]).map(|object| detector(objects, object)));
    world.recorders.extend(objects.of(&["aws_config_configuration_recorder"]).map(|object| {
        let group = object.first("recording_group");
        Recorder { origin: object.origin.clone(), all: object::flag(&group.get("all_supported"), true) }
    }));
    KINDS
}

fn detector(objects: &Objects, object: &Object) -> Detector {
    let names: Vec<String> =
        ["name", "id"].iter().filter_map(|name| object.get(name).as_str().map(str::to_owned)).collect();
    let state = object.get("state");
    Detector {
        origin: object.origin.clone(),
        name: object.text("name"),
        arn: object.text("arn"),
        // `is_enabled` is the older argument; either may be computed from the other, and both default to on.
        enabled: match (&state, object.get("is_enabled")) {
            (Value::Text(text), _) if !text.is_empty() => Fact::Known(text.starts_with("ENABLED")),
            (_, Value::Bool(on)) => Fact::Known(on),
            _ if object.created() && !object.configures("state") && !object.configures("is_enabled") => {
                Fact::Known(true)
            }
            (Value::Unknown(reason), _) => Fact::Unknown(reason.clone()),
            _ => Fact::Known(true),
        },
        bus: object.maybe("event_bus_name").unwrap_or_else(|| Fact::Known("default".into())),
        pattern: object.maybe("event_pattern").unwrap_or_else(|| Fact::Known(String::new())),
        targets: objects.belonging("aws_cloudwatch_event_target", "rule", &names).map(|one| one.text("arn")).collect(),
    }
}

fn trail(object: &Object) -> Trail {
    let (writes, data) = selectors(object);
    Trail {
        origin: object.origin.clone(),
        name: object.text("name"),
        arn: object.text("arn"),
        logging: object.flag("enable_logging", true),
        multi_region: object.flag("is_multi_region_trail", false),
        validated: object.flag("enable_log_file_validation", false),
        bucket: object.text("s3_bucket_name"),
        key: object.maybe("kms_key_id"),
        log_group: object.maybe("cloud_watch_logs_group_arn"),
        management_writes: writes,
        data_events: data,
    }
}

/// Whether management writes are recorded, and the prefixes of ARNs whose data events are.
fn selectors(object: &Object) -> (Fact<bool>, Fact<Vec<String>>) {
    let (basic, advanced) = (object.get("event_selector"), object.get("advanced_event_selector"));
    if let Value::Unknown(reason) = &basic
        && object.configures("event_selector")
    {
        return (Fact::Unknown(reason.clone()), Fact::Unknown(reason.clone()));
    }
    if !advanced.items().is_empty() && !matches!(advanced, Value::Unknown(_)) {
        return of_advanced(&advanced.items());
    }
    let blocks = if matches!(basic, Value::Unknown(_)) { Vec::new() } else { basic.items() };
    if blocks.is_empty() {
        // A trail without selectors records management events, reads and writes.
        return (Fact::Known(true), Fact::Known(Vec::new()));
    }
    let said = |block: &Value, name: &str| object::text(&block.get(name)).text().unwrap_or_default().to_owned();
    let writes = blocks.iter().any(|one| {
        object::flag(&one.get("include_management_events"), true) != Fact::Known(false)
            && said(one, "read_write_type") != "ReadOnly"
    });
    let mut data = Vec::new();
    for block in &blocks {
        for resource in block.get("data_resource").items() {
            data.extend(resource.get("values").items());
        }
    }
    (Fact::Known(writes), object::list(&Value::List(data)))
}

fn of_advanced(selectors: &[Value]) -> (Fact<bool>, Fact<Vec<String>>) {
    let (mut writes, mut data) = (false, Vec::new());
    for selector in selectors {
        let fields = selector.get("field_selector").items();
        let field = |name: &str| fields.iter().find(|one| one.get("field").as_str() == Some(name));
        let equals = |name: &str, value: &str| {
            field(name).is_some_and(|one| one.get("equals").items().contains(&Value::text(value)))
        };
        let read_only = equals("readOnly", "true");
        if equals("eventCategory", "Management") && !read_only {
            // Excluding services by name narrows it; which, nobody here can judge.
            writes = writes || field("eventSource").is_none() && field("eventName").is_none();
        }
        if equals("eventCategory", "Data") {
            match field("resources.ARN") {
                None => {
                    data.push(Value::text(if equals("resources.type", "AWS::S3::Object") { "arn:aws:s3" } else { "*" }))
                }
                Some(arns) => {
                    data.extend(arns.get("starts_with").items());
                    data.extend(arns.get("equals").items());
                }
            }
        }
    }
    (Fact::Known(writes), object::list(&Value::List(data)))
}
