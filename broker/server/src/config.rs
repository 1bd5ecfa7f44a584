//! The configuration: read once, checked as a whole, every error reported.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;
use thiserror::Error;
use url::Url;
use uuid::Uuid;

use crate::args::DevArguments;
use crate::limits::{CONNECTIONS_MAX, PUT_BUDGET_PER_SECOND};

/// A checked configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Name of the cluster; all its keys in the store begin with it.
    pub cluster: String,
    /// What the cluster must be, when that is known.
    pub cluster_id: Option<Uuid>,
    /// What this machine is called; none takes the address that is listened on.
    pub host: Option<String>,
    /// The node id asked for.
    pub node_id: Option<i32>,
    /// The zone this broker is in.
    pub zone: Option<String>,
    /// Address for clients.
    pub listen: SocketAddr,
    /// Address that clients are told; none tells the one listened on.
    pub advertised: Option<HostPort>,
    /// Address of the health endpoints.
    pub health_listen: Option<SocketAddr>,
    /// Where everything lives.
    pub storage: Storage,
    /// PUTs per second that small writes may cost; none is no bound.
    pub put_budget_per_second: Option<u32>,
    /// Connections of clients at once.
    pub connections_max: usize,
    /// What is only done in development.
    pub development: Option<Development>,
}

/// What is only done in development.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Development {
    /// Partitions of a topic that is created by being used.
    pub auto_create_partitions: u32,
}

/// A host, by name or address, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// Name or literal address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// Where data and metadata live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// In this process; gone with it.
    Memory,
    /// Below a directory.
    Directory(PathBuf),
    /// In S3.
    S3(Box<S3Storage>),
}

/// One or two buckets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Storage {
    /// The region of both.
    pub region: String,
    /// Another address for S3.
    pub endpoint: Option<Url>,
    /// What AWS knows this broker as (`aws:userid`), where the metadata bucket's policy asks for it.
    pub actor: Option<String>,
    /// What all keys begin with, before the cluster's name.
    pub prefix: String,
    /// Whose credentials are used.
    pub credentials: Credentials,
    /// For records.
    pub data: Bucket,
    /// For everything else.
    pub metadata: Bucket,
}

/// Whose credentials are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Credentials {
    /// Those of the environment's variables.
    Environment,
    /// Those of the machine's role.
    #[default]
    Instance,
}

/// A bucket and the key its objects are encrypted with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// Its name.
    #[serde(default)]
    pub bucket: String,
    /// ARN of the key, sent with every PUT.
    pub kms_key_id: Option<String>,
}

/// Everything that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct ConfigError {
    /// One line each: which setting, what is wrong, what would be right.
    pub problems: Vec<String>,
}

/// The configuration file as it stands; every field may be missing so that all that are can be reported at once.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    cluster: Option<String>,
    cluster_id: Option<String>,
    host: Option<String>,
    node_id: Option<i32>,
    region: Option<String>,
    zone: Option<String>,
    listen: Option<String>,
    advertised: Option<String>,
    health_listen: Option<String>,
    s3_endpoint: Option<String>,
    #[serde(default)]
    credentials: Credentials,
    actor: Option<String>,
    put_budget_per_second: Option<u32>,
    connections_max: Option<usize>,
    data: Option<Bucket>,
    metadata: Option<Bucket>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("\n"))
    }
}

impl Config {
    /// The configuration of a configuration file's text.
    ///
    /// # Errors
    /// [`ConfigError`] with everything that is wrong.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        let file: File = toml::from_str(text).map_err(|e| ConfigError { problems: vec![e.to_string()] })?;
        let mut check = Check::default();
        let config = Self {
            cluster: check.cluster(file.cluster),
            cluster_id: check.required("cluster_id", file.cluster_id).and_then(|text| check.uuid(&text)),
            host: check.required("host", file.host),
            node_id: check.node_id(file.node_id),
            zone: file.zone,
            listen: check.address("listen", file.listen.as_deref().unwrap_or("0.0.0.0:9092")),
            advertised: check.required("advertised", file.advertised).map(|text| check.host_port("advertised", &text)),
            health_listen: file.health_listen.map(|text| check.address("health_listen", &text)),
            storage: Storage::S3(Box::new(S3Storage {
                region: check.required("region", file.region).unwrap_or_default(),
                endpoint: check.url("s3_endpoint", file.s3_endpoint.as_deref()),
                actor: file.actor,
                prefix: String::new(),
                credentials: file.credentials,
                data: check.bucket("data", file.data),
                metadata: check.bucket("metadata", file.metadata),
            })),
            put_budget_per_second: Some(check.put_budget(file.put_budget_per_second)),
            connections_max: check.connections("connections_max", file.connections_max),
            development: None,
        };
        check.finish(config)
    }

    /// The configuration of `dev`.
    ///
    /// # Errors
    /// [`ConfigError`] with everything that is wrong.
    pub fn from_dev(arguments: &DevArguments) -> Result<Self, ConfigError> {
        let mut check = Check::default();
        if !(1..=10_000).contains(&arguments.partitions) {
            check.problem("partitions", "must be between 1 and 10000");
        }
        let node_id = check.node_id(arguments.node_id);
        let config = Self {
            cluster: "dev".to_owned(),
            cluster_id: None,
            host: node_id.map(|node_id| format!("dev-{node_id}")),
            node_id,
            zone: arguments.zone.clone(),
            listen: check.address("listen", &arguments.listen),
            advertised: arguments.advertised.as_deref().map(|text| check.host_port("advertised", text)),
            health_listen: arguments.health_listen.as_deref().map(|text| check.address("health-listen", text)),
            storage: check.dev_storage(arguments),
            put_budget_per_second: None,
            connections_max: check.connections("connections-max", arguments.connections_max),
            development: Some(Development { auto_create_partitions: arguments.partitions }),
        };
        check.finish(config)
    }
}

/// Collects problems; each check returns something usable, so that the next can go on.
#[derive(Default)]
struct Check {
    problems: Vec<String>,
}

impl Check {
    fn finish(self, config: Config) -> Result<Config, ConfigError> {
        if self.problems.is_empty() { Ok(config) } else { Err(ConfigError { problems: self.problems }) }
    }

    fn problem(&mut self, setting: &str, what: impl fmt::Display) {
        self.problems.push(format!("{setting}: {what}"));
    }

    fn required(&mut self, setting: &str, value: Option<String>) -> Option<String> {
        if value.as_deref().unwrap_or_default().is_empty() {
            self.problem(setting, "is missing");
            return None;
        }
        value
    }

    fn cluster(&mut self, name: Option<String>) -> String {
        let name = self.required("cluster", name).unwrap_or_default();
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if !name.chars().all(allowed) || name.len() > 128 {
            self.problem("cluster", "may have up to 128 letters, digits, dots, dashes and underscores");
        }
        name
    }

    fn uuid(&mut self, text: &str) -> Option<Uuid> {
        let parsed = Uuid::parse_str(text);
        if parsed.is_err() {
            self.problem("cluster_id", format_args!("{text:?} is not a UUID"));
        }
        parsed.ok()
    }

    fn node_id(&mut self, node_id: Option<i32>) -> Option<i32> {
        if node_id.is_some_and(|id| id < 0) {
            self.problem("node_id", "must not be negative");
        }
        node_id
    }

    fn address(&mut self, setting: &str, text: &str) -> SocketAddr {
        text.parse().unwrap_or_else(|_| {
            self.problem(setting, format_args!("{text:?} is not an address with a port, as in 127.0.0.1:9092"));
            SocketAddr::from(([127, 0, 0, 1], 0))
        })
    }

    fn host_port(&mut self, setting: &str, text: &str) -> HostPort {
        let parsed = text.rsplit_once(':').and_then(|(host, port)| {
            let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
            let port = port.parse().ok().filter(|port| *port != 0 && !host.is_empty())?;
            Some(HostPort { host, port })
        });
        parsed.unwrap_or_else(|| {
            self.problem(setting, format_args!("{text:?} is not a host with a port, as in broker.example:9092"));
            HostPort { host: String::new(), port: 0 }
        })
    }

    fn url(&mut self, setting: &str, text: Option<&str>) -> Option<Url> {
        let text = text?;
        let parsed = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        if parsed.is_none() {
            self.problem(setting, format_args!("{text:?} is not a URL that begins with http:// or https://"));
        }
        parsed
    }

    fn bucket(&mut self, part: &str, bucket: Option<Bucket>) -> Bucket {
        let bucket = bucket.unwrap_or(Bucket { bucket: String::new(), kms_key_id: None });
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
        if !(3..=63).contains(&bucket.bucket.len()) || !bucket.bucket.chars().all(allowed) {
            self.problem(&format!("{part}.bucket"), format_args!("{:?} is not the name of a bucket", bucket.bucket));
        }
        if bucket.kms_key_id.as_deref().is_some_and(str::is_empty) {
            self.problem(&format!("{part}.kms_key_id"), "is empty");
        }
        bucket
    }

    fn put_budget(&mut self, budget: Option<u32>) -> u32 {
        let budget = budget.unwrap_or(PUT_BUDGET_PER_SECOND);
        if !(1..=1_000).contains(&budget) {
            self.problem("put_budget_per_second", "must be between 1 and 1000");
        }
        budget
    }

    fn connections(&mut self, setting: &str, connections: Option<usize>) -> usize {
        let connections = connections.unwrap_or(CONNECTIONS_MAX);
        if !(1..=CONNECTIONS_MAX).contains(&connections) {
            self.problem(setting, format_args!("must be between 1 and {CONNECTIONS_MAX}"));
        }
        connections
    }

    fn dev_storage(&mut self, arguments: &DevArguments) -> Storage {
        let endpoint = self.url("s3-endpoint", arguments.s3_endpoint.as_deref());
        if arguments.store == "memory" {
            return Storage::Memory;
        }
        let Some(location) = arguments.store.strip_prefix("s3://") else {
            return Storage::Directory(PathBuf::from(&arguments.store));
        };
        let (bucket, prefix) = location.split_once('/').unwrap_or((location, ""));
        let bucket = self.bucket("store", Some(Bucket { bucket: bucket.to_owned(), kms_key_id: None }));
        Storage::S3(Box::new(S3Storage {
            region: arguments.region.clone(),
            endpoint,
            actor: None,
            prefix: prefix.trim_matches('/').to_owned(),
            credentials: Credentials::Environment,
            data: bucket.clone(),
            metadata: bucket,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
        cluster = "orders"
        cluster_id = "0192f0c1-2345-7abc-8def-0123456789ab"
        host = "i-0abc"
        region = "eu-central-1"
        zone = "eu-central-1a"
        listen = "0.0.0.0:9092"
        advertised = "10.0.1.5:9092"
        health_listen = "0.0.0.0:9464"
        put_budget_per_second = 20
        [data]
        bucket = "orders-data"
        kms_key_id = "arn:aws:kms:eu-central-1:111122223333:key/1"
        [metadata]
        bucket = "orders-metadata"
    "#;

    #[test]
    fn a_complete_file_is_accepted() {
        let config = Config::from_toml(FILE).unwrap();
        assert_eq!(config.advertised, Some(HostPort { host: "10.0.1.5".to_owned(), port: 9092 }));
        let Storage::S3(storage) = config.storage else { panic!("not S3") };
        assert_eq!((storage.data.bucket.as_str(), storage.credentials), ("orders-data", Credentials::Instance));
    }

    #[test]
    fn requests_cost_money_unless_somebody_says_how_much_they_may() {
        let config = Config::from_toml(&FILE.replace("put_budget_per_second = 20", "")).unwrap();
        assert_eq!(config.put_budget_per_second, Some(20));
        let config = Config::from_toml(&FILE.replace("second = 20", "second = 40")).unwrap();
        assert_eq!(config.put_budget_per_second, Some(40));
    }

    #[test]
    fn credentials_come_from_the_environment_when_the_file_says_so() {
        let config = Config::from_toml(&format!("credentials = \"environment\"\n{FILE}")).unwrap();
        let Storage::S3(storage) = config.storage else { panic!("not S3") };
        assert_eq!(storage.credentials, Credentials::Environment);
    }

    #[test]
    fn all_errors_are_reported_together() {
        let text = r#"
            cluster = "a/b"
            cluster_id = "nonsense"
            listen = "somewhere"
            s3_endpoint = "ftp://x"
            put_budget_per_second = 0
        "#;
        let problems = Config::from_toml(text).unwrap_err().problems;
        let settings: Vec<&str> = problems.iter().filter_map(|line| line.split(':').next()).collect();
        assert_eq!(
            settings,
            [
                "cluster",
                "cluster_id",
                "host",
                "listen",
                "advertised",
                "region",
                "s3_endpoint",
                "data.bucket",
                "metadata.bucket",
                "put_budget_per_second"
            ]
        );
    }

    #[test]
    fn a_misspelt_setting_is_named() {
        let error = Config::from_toml(&format!("clutser = \"x\"\n{FILE}")).unwrap_err();
        assert!(error.to_string().contains("clutser"));
    }
}
