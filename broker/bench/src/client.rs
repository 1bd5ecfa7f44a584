//! librdkafka, told to cost little and to hide nothing.

pub mod admin;
pub mod consumer;
pub mod load;
pub mod producer;

use rdkafka::ClientConfig;

/// Settings of every client: what waits for a leader looks for it often.
const COMMON: &[(&str, &str)] = &[
    ("client.id", "broker-bench"),
    ("socket.nagle.disable", "true"),
    ("reconnect.backoff.ms", "50"),
    ("reconnect.backoff.max.ms", "250"),
    ("topic.metadata.refresh.fast.interval.ms", "50"),
    ("allow.auto.create.topics", "false"),
];

/// A client's settings.
pub type Settings = [(&'static str, &'static str)];

/// The version of librdkafka.
#[must_use]
pub fn version() -> String {
    rdkafka::util::get_rdkafka_version().1
}

fn config(servers: &str, settings: &Settings) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers);
    for (name, value) in COMMON.iter().chain(settings) {
        config.set(*name, *value);
    }
    config
}
