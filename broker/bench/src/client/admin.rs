//! Topics.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures::executor::block_on;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;

/// How long the cluster may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Creates topics of as many partitions and with the same configs.
///
/// # Errors
/// When one is refused, or the cluster takes longer than a minute.
pub fn create_topics(servers: &str, names: &[String], partitions: i32, configs: &[(&str, &str)]) -> Result<()> {
    let client: AdminClient<DefaultClientContext> = super::config(servers, &[]).create()?;
    let topic = |name| {
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        configs.iter().fold(topic, |topic, (name, value)| topic.set(name, value))
    };
    let topics: Vec<NewTopic<'_>> = names.iter().map(|name| topic(name.as_str())).collect();
    let options = AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE));
    let results = block_on(client.create_topics(&topics, &options)).context("create topics")?;
    for result in results {
        if let Err((name, code)) = result {
            bail!("create topic {name}: {code}");
        }
    }
    Ok(())
}
