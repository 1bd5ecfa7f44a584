//! Log lines on stderr in the form that Terraform reads: hclog's JSON.

use std::fmt::{Debug, Write as _};
use std::io::Write as _;

use serde_json::{Map, Value as Json};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// Crates whose own log tells nothing about a provider; some of it would hold what is in transit.
const SILENT: [&str; 7] = ["h2", "hyper", "hyper_util", "rustls", "tokio_util", "tonic", "tower"];

/// Starts the log of this process.
pub(super) fn start(provider: &str, level: LevelFilter, also_silent: &[&'static str]) {
    let silent = SILENT.iter().chain(also_silent).map(|target| (*target, LevelFilter::OFF));
    let filter = Targets::new().with_default(level).with_targets(silent);
    let lines = Lines { module: format!("provider.{provider}") };
    // A provider that set a subscriber of its own keeps it.
    let _ = tracing_subscriber::registry().with(lines.with_filter(filter)).try_init();
}

struct Lines {
    module: String,
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = line(&self.module, event, &timestamp());
        line.push('\n');
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }
}

fn line(module: &str, event: &Event<'_>, timestamp: &str) -> String {
    let mut fields = Fields::default();
    event.record(&mut fields);
    let level = match *event.metadata().level() {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    };
    let mut line = Map::new();
    line.insert("@level".to_owned(), level.into());
    line.insert("@message".to_owned(), fields.message.into());
    line.insert("@module".to_owned(), module.into());
    line.insert("@timestamp".to_owned(), timestamp.into());
    line.extend(fields.others);
    Json::Object(line).to_string()
}

#[expect(clippy::disallowed_methods, reason = "a log line has the wall clock's time")]
fn timestamp() -> String {
    let now = jiff::Timestamp::try_from(std::time::SystemTime::now()).unwrap_or_default();
    now.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Json>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Json) {
        self.others.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            let _ = write!(self.message, "{value:?}");
        } else {
            self.put(field, format!("{value:?}").into());
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            self.put(field, value.into());
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    struct Collected(Arc<Mutex<Vec<String>>>);

    impl<S: Subscriber> Layer<S> for Collected {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            self.0.lock().unwrap().push(line("provider.files", event, "then"));
        }
    }

    #[test]
    fn a_line_has_the_fields_that_terraform_reads() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let subscriber = tracing_subscriber::registry().with(Collected(Arc::clone(&lines)));
        tracing::subscriber::with_default(subscriber, || tracing::warn!(name = "a", tries = 3, "odd \"thing\""));
        let expected = r#"{"@level":"warn","@message":"odd \"thing\"","@module":"provider.files","@timestamp":"then","name":"a","tries":3}"#;
        assert_eq!(*lines.lock().unwrap(), [expected]);
    }

    #[test]
    fn a_timestamp_has_six_places() {
        let stamp = timestamp();
        assert_eq!(stamp.len(), "2006-01-02T15:04:05.000000Z".len(), "{stamp}");
    }
}
