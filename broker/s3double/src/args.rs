//! The command line.

use clap::Parser;

use crate::latency::{Spread, Spreads};
use crate::server::Settings;

/// A server that speaks S3 from memory, with realistic latency and faults on demand.
///
/// Prints `listening on ADDRESS` and `control on ADDRESS`, and at its end one line that says what S3 would have charged.
///
/// The control port: GET /counters (JSON), GET /cost (one line), POST /reset, GET and POST /faults (a list of rules,
/// which replaces the one before), POST /latency.
///
/// A rule: {"kind": "stall", "operations": ["put"], "bucket": "data", "prefix": "orders/wal/", "contains": "", "after_ms": 0,
/// "for_ms": 60000, "per_mille": 1000, "count": 5, "delay_ms": 5000, "status": 403}; everything but the kind may be left
/// out. Kinds: stall, 503, 500, 412 (to one's own success), own_conflict (409 to one's own success), 409, 404, 403,
/// lost_answer, lost_request, late (done after delay_ms), key_disabled, throttle. Operations: put, copy, upload_part,
/// multipart, get, head, list, delete, delete_many, bucket.
#[derive(Clone, Debug, Parser)]
#[command(name = "ringfence-s3double", version, verbatim_doc_comment)]
pub struct Arguments {
    /// Address for S3; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: String,
    /// Address of the control port.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub control: String,
    /// Buckets that are there from the start.
    #[arg(long, required = true, num_args = 1.., value_name = "NAME")]
    pub bucket: Vec<String>,
    /// Latency of writes in milliseconds, median and 99th percentile; 0,0 answers at once.
    #[arg(long, default_value = "30,120", value_name = "P50,P99")]
    pub put_ms: Spread,
    /// Latency of GET and HEAD.
    #[arg(long, default_value = "15,60", value_name = "P50,P99")]
    pub get_ms: Spread,
    /// Latency of listings; that of GET where it is not given.
    #[arg(long, value_name = "P50,P99")]
    pub list_ms: Option<Spread>,
    /// Latency of deletions; that of PUT where it is not given.
    #[arg(long, value_name = "P50,P99")]
    pub delete_ms: Option<Spread>,
    /// Decides latencies and which requests meet faults.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Buckets keep versions and delete markers.
    #[arg(long)]
    pub versioned: bool,
    /// What the buckets say their region is.
    #[arg(long, default_value = "us-east-1")]
    pub region: String,
    /// Verifies signatures with this key; without it any signature is accepted, and none.
    #[arg(long, value_name = "ID:SECRET")]
    pub verify: Option<String>,
    /// Seconds that the double's clock is ahead of this machine's.
    #[arg(long, default_value_t = 0, allow_negative_numbers = true, value_name = "SECONDS")]
    pub clock_ahead: i64,
    /// What to log.
    #[arg(long, default_value = "warn,s3s=off")]
    pub log: String,
}

impl Arguments {
    /// What a double is started with.
    #[must_use]
    pub fn settings(&self) -> Settings {
        Settings {
            buckets: self.bucket.clone(),
            versioned: self.versioned,
            spreads: Spreads {
                put_ms: self.put_ms,
                get_ms: self.get_ms,
                list_ms: self.list_ms.unwrap_or(self.get_ms),
                delete_ms: self.delete_ms.unwrap_or(self.put_ms),
            },
            seed: self.seed,
            region: self.region.clone(),
            credentials: self.verify.as_deref().map(|text| {
                let (id, secret) = text.split_once(':').unwrap_or((text, ""));
                (id.to_owned(), secret.to_owned())
            }),
            clock_ahead_s: self.clock_ahead,
        }
    }
}
