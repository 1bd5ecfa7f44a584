//! The transactions of one partition of `__transaction_state`: the state machines and what runs them.
//!
//! Invariant: what is answered has been read from, or was written to, durable objects. The shell holds one lock, never across
//! an await; whoever resigns answers everyone, also those who come later.

mod log;
mod markers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

use super::api::{AddMode, TransactionDescription, TransactionError, TransactionListing};
use super::machine::{Answer, Effect, End, Event, Now, Ticket, Transaction};
use super::record::Stage;
use crate::group::Tools;
use crate::life::Life;
use crate::limits::{TRANSACTION_WAIT_MAX, TRANSACTIONAL_IDS_PER_PARTITION_MAX};
use crate::topic::{Partition, PartitionId, ProducerIdentity};

/// The coordinator of the transactional ids of one partition.
#[derive(Debug)]
pub(crate) struct Coordinator {
    partition: Arc<Partition>,
    tools: Tools,
    life: Weak<Life>,
    state: Mutex<State>,
    deadline_moved: Notify,
}

#[derive(Debug, Default)]
struct State {
    transactions: BTreeMap<String, Transaction>,
    waiting: BTreeMap<Ticket, oneshot::Sender<Answer>>,
    tickets: Ticket,
    /// This broker is not the coordinator any more.
    resigned: bool,
}

impl Coordinator {
    /// A producer takes a transactional id over; answered when that is durable.
    pub(crate) async fn init(
        self: &Arc<Self>,
        transactional_id: &str,
        timeout_ms: i32,
        current: Option<ProducerIdentity>,
        fresh_id: i64,
    ) -> Answer {
        self.ask(transactional_id, |ticket| Event::Init { ticket, timeout_ms, current, fresh_id }).await
    }

    /// Partitions become part of a transaction, or are looked for in it; the coordinator's epoch.
    pub(crate) async fn add(
        self: &Arc<Self>,
        transactional_id: &str,
        producer: ProducerIdentity,
        mode: AddMode,
        partitions: BTreeSet<PartitionId>,
    ) -> Result<i32, TransactionError> {
        match mode {
            AddMode::Verify => {
                let state = self.state();
                if state.resigned {
                    return Err(TransactionError::NotCoordinator);
                }
                let known = state.transactions.get(transactional_id);
                known.ok_or(TransactionError::InvalidProducerIdMapping)?.verify(producer, &partitions)?;
            }
            AddMode::Add => {
                self.ask(transactional_id, |ticket| Event::Add { ticket, producer, partitions }).await?;
            }
        }
        Ok(self.partition.leader_epoch.0)
    }

    /// A transaction ends; answered when its fate is durable.
    pub(crate) async fn end(self: &Arc<Self>, transactional_id: &str, end: End, fresh_id: i64) -> Answer {
        self.ask(transactional_id, |ticket| Event::End { ticket, end, fresh_id }).await
    }

    /// Whether [`Coordinator::init`] or [`Coordinator::end`] may need a fresh producer id.
    pub(crate) fn may_need_id(&self, transactional_id: &str) -> bool {
        self.state().transactions.get(transactional_id).is_none_or(Transaction::may_need_id)
    }

    /// The transactional ids.
    pub(crate) fn list(&self) -> Vec<TransactionListing> {
        let now_ms = self.tools.env.wall_ms();
        let state = self.state();
        let listing = |(id, transaction): (&String, &Transaction)| {
            let record = transaction.durable()?;
            Some(TransactionListing {
                transactional_id: id.clone(),
                producer_id: record.producer.producer_id,
                state: record.stage.name(),
                open_ms: (record.started_ms >= 0).then(|| now_ms.saturating_sub(record.started_ms).max(0)),
            })
        };
        state.transactions.iter().filter_map(listing).collect()
    }

    /// A transactional id in full; `name_of` gives the names of topics.
    ///
    /// # Errors
    /// [`TransactionError::NotFound`].
    pub(crate) fn describe(
        &self,
        transactional_id: &str,
        name_of: impl Fn(PartitionId) -> Option<String>,
    ) -> Result<TransactionDescription, TransactionError> {
        let state = self.state();
        let transaction = state.transactions.get(transactional_id).and_then(Transaction::durable);
        let record = transaction.ok_or(TransactionError::NotFound)?;
        let partition = |id: &PartitionId| Some((name_of(*id)?, id.partition));
        Ok(TransactionDescription {
            state: record.stage.name(),
            timeout_ms: record.timeout_ms,
            started_ms: record.started_ms,
            producer: record.producer,
            partitions: record.partitions.iter().filter_map(partition).collect(),
        })
    }

    /// Answers everyone who waits: this broker is not the coordinator any more.
    pub(crate) fn resign(&self) {
        let waiting = {
            let mut state = self.state();
            state.resigned = true;
            std::mem::take(&mut state.waiting)
        };
        for (_, waiting) in waiting {
            let _gone = waiting.send(Err(TransactionError::NotCoordinator));
        }
        self.deadline_moved.notify_one();
    }

    /// Lets time pass for the transactions until cancelled or resigned.
    pub(crate) async fn run(self: Arc<Self>) {
        while self.partition.is_open() && !self.state().resigned {
            let next = self.state().transactions.values().filter_map(Transaction::next_deadline).min();
            let pause = next.map(|at| at.saturating_sub(self.tools.env.monotonic()).max(Duration::from_millis(1)));
            tokio::select! {
                biased;
                () = self.tools.cancel.cancelled() => break,
                () = self.deadline_moved.notified() => {}
                () = tokio::time::sleep(pause.unwrap_or_default()), if pause.is_some() => self.tick(),
            }
        }
        self.resign();
    }

    fn tick(self: &Arc<Self>) {
        let now = self.now();
        let mut state = self.state();
        let is_due = |transaction: &Transaction| transaction.next_deadline().is_some_and(|at| at <= now.monotonic);
        let due = state.transactions.iter().filter(|(_, transaction)| is_due(transaction));
        let due: Vec<String> = due.map(|(id, _)| id.clone()).collect();
        for id in due {
            self.step(&mut state, &id, Event::Tick);
        }
    }

    /// Takes a request to its transaction and waits for the answer.
    async fn ask(self: &Arc<Self>, transactional_id: &str, event: impl FnOnce(Ticket) -> Event) -> Answer {
        let (answer, waiting) = oneshot::channel();
        let ticket = {
            let mut state = self.state();
            if state.resigned {
                return Err(TransactionError::NotCoordinator);
            }
            let is_new = !state.transactions.contains_key(transactional_id);
            if is_new && state.transactions.len() >= TRANSACTIONAL_IDS_PER_PARTITION_MAX {
                return Err(TransactionError::CoordinatorNotAvailable);
            }
            state.tickets += 1;
            let ticket = state.tickets;
            state.waiting.insert(ticket, answer);
            state.transactions.entry(transactional_id.to_owned()).or_default();
            self.step(&mut state, transactional_id, event(ticket));
            ticket
        };
        match tokio::time::timeout(TRANSACTION_WAIT_MAX, waiting).await {
            Ok(answer) => answer.unwrap_or(Err(TransactionError::NotCoordinator)),
            Err(_) => {
                self.state().waiting.remove(&ticket);
                Err(TransactionError::CoordinatorNotAvailable)
            }
        }
    }

    /// Lets a transaction take an event, and does what it asks for.
    fn step(self: &Arc<Self>, state: &mut State, id: &str, event: Event) {
        let Some(transaction) = state.transactions.get_mut(id) else { return };
        let effects = transaction.step(event, self.now());
        if transaction.is_gone() {
            state.transactions.remove(id);
        }
        self.carry_out(state, id, effects);
    }

    fn carry_out(self: &Arc<Self>, state: &mut State, id: &str, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Answer(ticket, answer) => {
                    if let Some(waiting) = state.waiting.remove(&ticket) {
                        let _gone = waiting.send(answer);
                    }
                }
                Effect::Store(record) => {
                    self.tools.tasks.spawn(Arc::clone(self).store(id.to_owned(), record));
                }
                Effect::Mark(record) => {
                    debug_assert!(matches!(record.stage, Stage::Prepared(_)), "only what is decided is marked");
                    self.tools.tasks.spawn(Arc::clone(self).mark(id.to_owned(), record));
                }
            }
        }
        self.deadline_moved.notify_one();
    }

    fn now(&self) -> Now {
        Now { monotonic: self.tools.env.monotonic(), wall_ms: self.tools.env.wall_ms() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
