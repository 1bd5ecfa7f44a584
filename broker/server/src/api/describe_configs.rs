//! DescribeConfigs: every config of a topic or broker, with its source and default.

use broker_engine::{ConfigEntry, ConfigResource, ConfigSource, ConfigType};
use broker_wire::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResponse,
    DescribeConfigsResult, DescribeConfigsSynonym,
};
use broker_wire::{ErrorCode, Str};

use super::errors::ErrorCoded as _;
use super::{Call, distinct};

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const SOURCE_DEFAULT: i8 = 5;

/// Describes each resource.
pub(crate) fn handle(call: &Call<'_>, request: DescribeConfigsRequest) -> DescribeConfigsResponse {
    let (synonyms, documentation) = (request.include_synonyms, request.include_documentation);
    let asked = distinct(request.resources, |asked| (asked.resource_type, asked.resource_name.clone()));
    let results = asked.into_iter().map(|asked| {
        let mut result = describe(call, &asked);
        for config in &mut result.configs {
            if !synonyms {
                config.synonyms.clear();
            }
            config.documentation = config.documentation.take().filter(|_| documentation);
        }
        result
    });
    DescribeConfigsResponse { results: results.collect(), ..Default::default() }
}

fn describe(call: &Call<'_>, asked: &DescribeConfigsResource) -> DescribeConfigsResult {
    let empty = DescribeConfigsResult {
        resource_type: asked.resource_type,
        resource_name: asked.resource_name.clone(),
        ..Default::default()
    };
    let resource = match (asked.resource_type, asked.resource_name.parse()) {
        (TOPIC, _) => ConfigResource::Topic(asked.resource_name.to_string()),
        (BROKER, Ok(node_id)) => ConfigResource::Broker(node_id),
        _ => {
            let error_message = Some(Str::from_static("only topics and brokers have configs"));
            return DescribeConfigsResult { error_code: ErrorCode::InvalidRequest, error_message, ..empty };
        }
    };
    let wanted = |entry: &ConfigEntry| {
        asked.configuration_keys.as_ref().is_none_or(|keys| keys.iter().any(|key| *key == entry.name.as_str()))
    };
    match call.server.engine.describe_configs(&resource) {
        Ok(entries) => {
            DescribeConfigsResult { configs: entries.into_iter().filter(wanted).map(config).collect(), ..empty }
        }
        Err(error) => DescribeConfigsResult {
            error_code: error.error_code(),
            error_message: Some(Str::from(error.to_string())),
            ..empty
        },
    }
}

fn config(entry: ConfigEntry) -> DescribeConfigsResourceResult {
    let name = Str::from(entry.name);
    let source = match entry.source {
        ConfigSource::Topic => 1,
        ConfigSource::Broker => 4,
        ConfigSource::Default => SOURCE_DEFAULT,
    };
    let synonym =
        |value: &str, source| DescribeConfigsSynonym { name: name.clone(), value: Some(Str::from(value)), source };
    let mut synonyms = vec![synonym(&entry.value, source)];
    synonyms.extend(entry.default.as_deref().map(|default| synonym(default, SOURCE_DEFAULT)));
    DescribeConfigsResourceResult {
        value: Some(Str::from(entry.value)),
        read_only: entry.read_only,
        config_source: source,
        is_sensitive: false,
        synonyms,
        config_type: match entry.config_type {
            ConfigType::Boolean => 1,
            ConfigType::String => 2,
            ConfigType::Int => 3,
            ConfigType::Long => 5,
            ConfigType::Double => 6,
            ConfigType::List => 7,
        },
        documentation: Some(Str::from_static(entry.documentation)),
        name,
    }
}
