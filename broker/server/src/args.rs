//! The command line, as typed; [`crate::config`] makes sense of it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// A Kafka-compatible broker whose only storage is an object store.
#[derive(Debug, Parser)]
#[command(name = "ringfence-broker", version)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The two ways to run.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs a broker for development: nothing to prepare, topics are created when they are first used.
    Dev(DevArguments),
    /// Runs a broker as its configuration file says.
    Serve(ServeArguments),
}

/// The arguments of `dev`.
#[derive(Debug, Args)]
pub struct DevArguments {
    /// Address for clients; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:9092")]
    pub listen: String,
    /// Address that clients are told, when it is not the one they reached.
    #[arg(long)]
    pub advertised: Option<String>,
    /// Where records live: `memory`, a directory, or `s3://BUCKET/PREFIX`. Several brokers may share the latter two.
    #[arg(long, default_value = "memory")]
    pub store: String,
    /// Another address for S3.
    #[arg(long)]
    pub s3_endpoint: Option<String>,
    /// The region of the bucket.
    #[arg(long, env = "AWS_REGION", default_value = "us-east-1")]
    pub region: String,
    /// The number clients know this broker by; without it the cluster gives one.
    #[arg(long)]
    pub node_id: Option<i32>,
    /// The zone this broker says it is in.
    #[arg(long)]
    pub zone: Option<String>,
    /// Partitions of a topic that is created by being used.
    #[arg(long, default_value_t = 1)]
    pub partitions: u32,
    /// Address of the health endpoints; off without it.
    #[arg(long)]
    pub health_listen: Option<String>,
    /// Connections of clients at once; those of other brokers have places of their own.
    #[arg(long)]
    pub connections_max: Option<usize>,
    /// What to log, as in `info,broker_engine=debug`.
    #[arg(long, env = "RINGFENCE_LOG", default_value = "warn")]
    pub log: String,
}

/// The arguments of `serve`.
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// The configuration file, TOML.
    #[arg(long)]
    pub config: PathBuf,
    /// What to log, as in `info,broker_engine=debug`.
    #[arg(long, env = "RINGFENCE_LOG", default_value = "info")]
    pub log: String,
}
