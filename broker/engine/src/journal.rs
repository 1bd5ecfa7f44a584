//! The metadata log as this broker uses it: follow it, propose to it, confirm that nothing is missing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use broker_metadata::{
    Change, Command, CommandResult, Incarnation, MetadataLog, ProposeError, ReadError, State, UnwrittenSnapshot,
};
use broker_store::{Sequence, SequenceName};
use tokio::sync::{Mutex, watch};

use crate::cluster::Cluster;
use crate::env::Env;

/// The metadata log; everything that happens to it happens one after the other.
#[derive(Debug)]
pub(crate) struct Journal {
    log: Mutex<MetadataLog>,
    /// The same log, for looking whether there is more of it while somebody holds the other.
    sequence: Sequence,
    /// One looks for all who wait.
    looking: Mutex<()>,
    /// The next entry after the last that this broker appended.
    appended: watch::Sender<u64>,
    state: watch::Sender<Arc<State>>,
    env: Env,
    /// Refreshes begun, and the latest one begun that has ended well.
    begun: AtomicU64,
    ended: AtomicU64,
    /// When the latest of those began, in milliseconds of the monotonic clock.
    confirmed_ms: AtomicU64,
}

/// Who wants a change, and why.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish<'a> {
    /// The incarnation that speaks; what it wants is rejected once it is fenced.
    pub(crate) origin: Option<Incarnation>,
    pub(crate) actor: &'a str,
    pub(crate) reason: &'a str,
}

impl Journal {
    pub(crate) fn new(log: MetadataLog, env: Env) -> Self {
        let state = watch::Sender::new(Arc::clone(log.state()));
        let confirmed_ms = AtomicU64::new(millis(env.monotonic()));
        Self {
            sequence: log.store().sequence(SequenceName::MetaLog),
            log: Mutex::new(log),
            looking: Mutex::new(()),
            appended: watch::Sender::new(0),
            state,
            env,
            begun: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            confirmed_ms,
        }
    }

    /// The state as it is applied.
    pub(crate) fn cluster(&self) -> Cluster {
        Cluster::new(self.state.subscribe())
    }

    /// Applies everything that was in the log when this was called.
    ///
    /// Those who wait at the same time share the GET; one that was begun before does not count.
    ///
    /// # Errors
    /// [`ReadError`].
    pub(crate) async fn confirm(&self) -> Result<(), ReadError> {
        let arrived = self.begun.load(Ordering::SeqCst);
        let _turn = self.looking.lock().await;
        if self.ended.load(Ordering::SeqCst) > arrived {
            return Ok(());
        }
        let refresh = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let began = self.env.monotonic();
        let next = self.state.borrow().next_seq();
        // Whoever proposes holds the log for as long as the store makes it wait: only what is there is worth waiting for.
        if self.sequence.get(next).await?.is_some() {
            let mut log = self.log.lock().await;
            let refreshed = log.refresh().await;
            self.publish(&log);
            refreshed?;
        }
        self.ended.store(refresh, Ordering::SeqCst);
        self.confirmed_ms.fetch_max(millis(began), Ordering::SeqCst);
        Ok(())
    }

    /// The snapshot that is due, if one is, `times` as much having happened as makes one due.
    pub(crate) async fn due_snapshot(&self, times: u64) -> Option<UnwrittenSnapshot> {
        self.log.lock().await.due_snapshot(times)
    }

    /// Changes whenever this broker has appended something: the next entry then.
    pub(crate) fn appended(&self) -> watch::Receiver<u64> {
        self.appended.subscribe()
    }

    /// How long ago metadata was last known to be complete.
    pub(crate) fn unconfirmed_for(&self) -> Duration {
        let confirmed = Duration::from_millis(self.confirmed_ms.load(Ordering::SeqCst));
        self.env.monotonic().saturating_sub(confirmed)
    }

    /// A command with an id of its own.
    pub(crate) fn command(&self, wish: Wish<'_>, change: Change) -> Command {
        Command {
            id: self.env.uuid(),
            origin: wish.origin,
            actor: wish.actor.to_owned(),
            time_ms: self.env.wall_ms(),
            reason: wish.reason.to_owned(),
            change,
        }
    }

    /// Appends commands as one entry; the results come in their order.
    ///
    /// # Errors
    /// [`ProposeError`].
    ///
    /// # Cancel safety
    /// After a cancelled call the commands may have taken effect.
    pub(crate) async fn propose(&self, commands: Vec<Command>) -> Result<Vec<CommandResult>, ProposeError> {
        let mut log = self.log.lock().await;
        let before = log.state().next_seq();
        let results = log.propose(commands).await;
        self.publish(&log);
        let next = log.state().next_seq();
        if next > before {
            self.appended.send_replace(next);
        }
        results
    }

    fn publish(&self, log: &MetadataLog) {
        let state = log.state();
        self.state.send_if_modified(|known| {
            let changed = known.next_seq() != state.next_seq() || known.digest() != state.digest();
            if changed {
                known.clone_from(state);
            }
            changed
        });
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
