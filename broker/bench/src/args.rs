//! The command line.

use std::path::PathBuf;

use clap::Parser;

/// Measures the broker: real processes on the S3 double, driven by librdkafka.
#[derive(Debug, Clone, Parser)]
#[command(name = "broker-bench", version)]
pub struct Arguments {
    /// Rows to measure, by name or the beginning of names; all without one.
    #[arg(value_name = "ROW")]
    pub rows: Vec<String>,
    /// Minutes that each load is measured, after it has warmed up; below 3 the figures are for orientation only.
    #[arg(long, default_value_t = 3.0)]
    pub minutes: f64,
    /// Runs of each row; the median of them counts.
    #[arg(long, default_value_t = 3)]
    pub runs: u32,
    /// File for everything that was measured, as JSON.
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Names the rows and their targets, and ends.
    #[arg(long)]
    pub list: bool,
    /// Seed of the double's latencies; run n takes seed + n.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Folder for logs and configurations; without it they lie in a temporary one, kept only when a row fails.
    #[arg(long)]
    pub folder: Option<PathBuf>,
    /// A broker built before, instead of building it (to measure another commit, or one with symbols).
    #[arg(long)]
    pub broker: Option<PathBuf>,
    /// A double built before, instead of building it.
    #[arg(long)]
    pub double: Option<PathBuf>,
    /// What the brokers log.
    #[arg(long, default_value = "warn")]
    pub log: String,
}
