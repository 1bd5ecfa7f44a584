//! LocalStack: set up once in the user's cache, started on a free port of 127.0.0.1 with a state folder of its own.
//!
//! Auto scaling, load balancing, CloudTrail and ACM PCA come from the moto that LocalStack bundles, registered by
//! `acceptance/localstack/lsmoto.py`; everything is one process with one shared state.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::clock::{self, Poll};
use crate::process::{self, Running};
use crate::{environment, http, interrupt, python};

const REQUIREMENTS: &str = include_str!("../localstack/requirements.txt");
const PLUGIN: &str = include_str!("../localstack/lsmoto.py");
const PLUGIN_METADATA: &str = include_str!("../localstack/lsmoto-0.1.dist-info/METADATA");
const PLUGIN_ENTRY_POINTS: &str = include_str!("../localstack/lsmoto-0.1.dist-info/entry_points.txt");

/// It starts in 6 to 24 seconds; a busy machine may take this long.
const START_LIMIT: Duration = Duration::from_secs(180);

/// A running LocalStack; dropping it ends the process.
#[derive(Debug)]
pub struct LocalStack {
    port: u16,
    process: Running,
}

/// Makes the virtual environment if it is not there; answers its interpreter.
///
/// # Errors
/// When no fitting Python is found or pip fails.
pub fn prepare() -> Result<PathBuf> {
    python::find()?.environment("localstack", REQUIREMENTS)
}

impl LocalStack {
    /// Starts LocalStack with its state and log in `state`, and waits until it answers. Port 0 takes a free one.
    ///
    /// # Errors
    /// When it ends or does not answer in time: shows the end of its log.
    pub fn start(interpreter: &Path, state: &Path, port: u16) -> Result<Self> {
        let port = if port == 0 { free_port()? } else { port };
        let plugin = state.join("plugin");
        let info = plugin.join("lsmoto-0.1.dist-info");
        let temporary = state.join("tmp");
        std::fs::create_dir_all(&info)?;
        std::fs::create_dir_all(&temporary)?;
        std::fs::write(plugin.join("lsmoto.py"), PLUGIN)?;
        std::fs::write(info.join("METADATA"), PLUGIN_METADATA)?;
        std::fs::write(info.join("entry_points.txt"), PLUGIN_ENTRY_POINTS)?;
        let address = format!("127.0.0.1:{port}");
        let mut command = process::command(interpreter);
        command.args(["-m", "localstack.runtime.main"]).current_dir(state).env_clear();
        for name in ["PATH", "HOME", "LANG"] {
            command.envs(environment::variable(name).map(|value| (name, value)));
        }
        command
            .env("GATEWAY_LISTEN", &address)
            .env("LOCALSTACK_HOST", &address)
            .env("DISABLE_EVENTS", "1")
            .env("SKIP_SSL_CERT_DOWNLOAD", "1")
            .env("DNS_ADDRESS", "0")
            .env("FILESYSTEM_ROOT", state.join("volume"))
            .env("TMPDIR", &temporary)
            .env("XDG_CACHE_HOME", state.join("cache"))
            .env("S3_SKIP_KMS_KEY_VALIDATION", "0")
            .env("PYTHONPATH", &plugin);
        let process = Running::start(&mut command, &state.join("localstack.log")).context("LocalStack")?;
        let mut started = Self { port, process };
        started.wait_ready()?;
        Ok(started)
    }

    fn wait_ready(&mut self) -> Result<()> {
        let address = self.address();
        clock::poll("start of LocalStack", START_LIMIT, || {
            interrupt::check()?;
            self.process.expect_running()?;
            Ok(match http::get(&address, "/_localstack/health") {
                Ok(answer) if answer.status() == Some(200) => Poll::Ready(()),
                Ok(answer) => Poll::Pending(answer.start),
                Err(error) => Poll::Pending(format!("{error:#}")),
            })
        })
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Fails if it died.
    ///
    /// # Errors
    /// With the end of its log.
    pub fn expect_running(&mut self) -> Result<()> {
        self.process.expect_running()
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Where its output goes.
    #[must_use]
    pub fn log(&self) -> &Path {
        self.process.log()
    }

    /// Leaves it running when this process ends.
    pub fn leave(self) {
        self.process.leave();
    }
}

/// A port that was free a moment ago.
///
/// # Errors
/// When loopback cannot be bound at all.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0").context("cannot bind 127.0.0.1")?.local_addr()?.port())
}
