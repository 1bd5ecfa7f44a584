//! What Terraform tells a provider by its environment, read once.

use std::path::PathBuf;

use tracing::level_filters::LevelFilter;

const MAGIC_COOKIE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";

/// The environment of a provider's process.
#[derive(Clone, Debug)]
pub(super) struct Environment {
    /// Whether Terraform started this process as a provider.
    pub(super) started_by_terraform: bool,
    /// The only certificate that may connect (PEM). Without it the connection is plain: `TF_DISABLE_PLUGIN_TLS`.
    pub(super) client_certificate: Option<String>,
    /// The protocol versions that Terraform speaks, separated by commas.
    pub(super) protocol_versions: Option<String>,
    /// Where sockets belong.
    pub(super) socket_folder: PathBuf,
    /// Whether the handshake has the field about multiplexing.
    pub(super) asks_for_multiplexing: bool,
    /// How much to log.
    pub(super) log_level: LevelFilter,
}

impl Environment {
    pub(super) fn read(provider: &str) -> Self {
        let own_level = format!("TF_LOG_PROVIDER_{}", provider.to_uppercase());
        let level = [own_level.as_str(), "TF_LOG_PROVIDER", "TF_LOG"].into_iter().find_map(variable);
        Self {
            started_by_terraform: variable("TF_PLUGIN_MAGIC_COOKIE").as_deref() == Some(MAGIC_COOKIE),
            client_certificate: variable("PLUGIN_CLIENT_CERT"),
            protocol_versions: variable("PLUGIN_PROTOCOL_VERSIONS"),
            socket_folder: variable("PLUGIN_UNIX_SOCKET_DIR").map_or_else(std::env::temp_dir, PathBuf::from),
            asks_for_multiplexing: variable("PLUGIN_MULTIPLEX_GRPC").is_some(),
            log_level: log_level(level.as_deref()),
        }
    }
}

/// A variable that is set to something.
#[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Terraform takes `JSON` and anything it does not know as `TRACE`.
fn log_level(text: Option<&str>) -> LevelFilter {
    match text.map(str::to_lowercase).as_deref() {
        None | Some("off") => LevelFilter::OFF,
        Some("error") => LevelFilter::ERROR,
        Some("warn") => LevelFilter::WARN,
        Some("info") => LevelFilter::INFO,
        Some("debug") => LevelFilter::DEBUG,
        Some(_) => LevelFilter::TRACE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_levels_are_read_as_terraform_reads_them() {
        assert_eq!(log_level(None), LevelFilter::OFF);
        assert_eq!(log_level(Some("Off")), LevelFilter::OFF);
        assert_eq!(log_level(Some("WARN")), LevelFilter::WARN);
        assert_eq!(log_level(Some("json")), LevelFilter::TRACE);
        assert_eq!(log_level(Some("nonsense")), LevelFilter::TRACE);
    }
}
