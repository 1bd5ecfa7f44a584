//! How this broker's wishes get into the metadata log.
//!
//! What cannot wait is appended at once. Everything else goes to the living broker with the lowest id, which appends one
//! entry per interval at most: so many brokers cannot keep the provider, which knows none of them, from getting its turn.
//! Which broker appends does not matter for safety: a command takes effect once, whoever proposes it how often.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use broker_metadata::{Change, Command, CommandResult};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::debug;

use super::Inner;
use crate::journal::Wish;
use crate::limits::{APPEND_INTERVAL, ENTRY_COMMAND_BYTES_MAX, FORWARD_WAIT_MAX, QUEUED_COMMAND_BYTES_MAX};
use crate::peers::{PeerAnswer, PeerRequest};

/// Commands that wait for the next entry.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: Mutex<VecDeque<Waiting>>,
    arrived: Notify,
}

#[derive(Debug)]
struct Waiting {
    commands: Vec<Command>,
    bytes: usize,
    answer: oneshot::Sender<Result<Vec<CommandResult>, String>>,
}

impl Queue {
    /// Waits until the commands have ended.
    async fn append(&self, commands: Vec<Command>) -> Result<Vec<CommandResult>, String> {
        let bytes = serde_json::to_vec(&commands).map_or(usize::MAX, |json| json.len());
        if bytes > ENTRY_COMMAND_BYTES_MAX {
            return Err(format!("{bytes} bytes of changes are more than an entry holds"));
        }
        let (answer, answered) = oneshot::channel();
        {
            let mut waiting = self.waiting();
            let queued: usize = waiting.iter().map(|one| one.bytes).sum();
            if queued.saturating_add(bytes) > QUEUED_COMMAND_BYTES_MAX {
                return Err("too many changes wait for the metadata log".to_owned());
            }
            waiting.push_back(Waiting { commands, bytes, answer });
        }
        self.arrived.notify_one();
        answered.await.unwrap_or_else(|_| Err("this broker ends".to_owned()))
    }

    /// What fits into one entry, without those who do not wait any more.
    fn take(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting();
        let (mut taken, mut bytes) = (Vec::new(), 0_usize);
        while let Some(next) = waiting.front() {
            bytes = bytes.saturating_add(next.bytes);
            if bytes > ENTRY_COMMAND_BYTES_MAX {
                break;
            }
            taken.extend(waiting.pop_front().filter(|one| !one.answer.is_closed()));
        }
        taken
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Appends what is queued, until the engine stops.
pub(crate) async fn append_queued(inner: Arc<Inner>) {
    let mut next_at = Instant::now();
    loop {
        tokio::select! {
            biased;
            () = inner.stop.cancelled() => return,
            () = inner.queue.arrived.notified() => {}
        }
        tokio::select! {
            biased;
            () = inner.stop.cancelled() => return,
            () = sleep_until(next_at) => {}
        }
        let taken = inner.queue.take();
        if taken.is_empty() {
            continue;
        }
        next_at = Instant::now() + APPEND_INTERVAL;
        tokio::select! {
            biased;
            () = inner.stop.cancelled() => return,
            () = append(&inner, taken) => {}
        }
        // What did not fit, or came meanwhile.
        inner.queue.arrived.notify_one();
    }
}

async fn append(inner: &Inner, taken: Vec<Waiting>) {
    let commands = taken.iter().flat_map(|one| one.commands.iter().cloned()).collect();
    match inner.journal.propose(commands).await {
        Ok(results) => {
            let mut results = results.into_iter();
            for one in taken {
                let own = results.by_ref().take(one.commands.len()).collect();
                // Whoever has gone meanwhile does not want to know.
                let _gone = one.answer.send(Ok(own));
            }
        }
        Err(problem) => {
            for one in taken {
                let _gone = one.answer.send(Err(problem.to_string()));
            }
        }
    }
}

impl Inner {
    /// Gets one change into the metadata log, and this broker's view up to it.
    ///
    /// # Errors
    /// What went wrong, in words; rejections are in the result.
    ///
    /// # Cancel safety
    /// After a cancelled call the change may take effect.
    pub(crate) async fn propose_one(&self, wish: Wish<'_>, change: Change) -> Result<CommandResult, String> {
        let results = self.propose(vec![self.journal.command(wish, change)]).await?;
        results.into_iter().next().ok_or_else(|| "the command has no result".to_owned())
    }

    /// Gets commands into the metadata log, and this broker's view up to them; the results come in their order.
    ///
    /// # Errors
    /// What went wrong, in words.
    ///
    /// # Cancel safety
    /// After a cancelled call the commands may take effect.
    pub(crate) async fn propose(&self, commands: Vec<Command>) -> Result<Vec<CommandResult>, String> {
        if commands.iter().any(|command| is_urgent(&command.change)) {
            return self.journal.propose(commands).await.map_err(|error| error.to_string());
        }
        let Some(appender) = self.cluster.lowest_ready() else { return self.queue.append(commands).await };
        let (incarnation, info) = appender;
        if self.life().is_none_or(|life| life.id == incarnation) {
            return self.queue.append(commands).await;
        }
        if !self.detector().is_quiet(self.env.monotonic(), incarnation) {
            let asked = self.network.ask(info, PeerRequest::Propose { commands: commands.clone() });
            match timeout(FORWARD_WAIT_MAX, asked).await {
                Ok(Ok(PeerAnswer::Proposed(Some(results)))) if results.len() == commands.len() => {
                    // Whoever asked this broker for the change finds it here.
                    self.journal.confirm().await.map_err(|error| error.to_string())?;
                    return Ok(results);
                }
                other => debug!(?other, %incarnation, "a change is not appended by another broker"),
            }
        }
        self.journal.propose(commands).await.map_err(|error| error.to_string())
    }

    /// Appends what another broker passes on; none where it is not known what became of it.
    pub(super) async fn append_for_peer(&self, commands: Vec<Command>) -> Option<Vec<CommandResult>> {
        self.queue.append(commands).await.ok()
    }
}

/// Whether partitions are not served until the change is there, or a broker cannot begin.
fn is_urgent(change: &Change) -> bool {
    matches!(
        change,
        Change::RegisterBroker(_)
            | Change::BrokerReady { .. }
            | Change::DrainBroker { .. }
            | Change::DeregisterBroker { .. }
            | Change::FenceBrokers { .. }
            | Change::Release { .. }
    )
}
