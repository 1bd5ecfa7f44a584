//! The transactions' log: writing records, and rebuilding everything from them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};

use broker_record::BatchBuilder;
use tokio::sync::Notify;
use tracing::error;

use super::{Coordinator, State};
use crate::group::Tools;
use crate::life::Life;
use crate::log::{ReadError, Ticket};
use crate::topic::{Partition, Placed};
use crate::txn::machine::{Event, Transaction};
use crate::txn::record::{TransactionRecord, decode_key, encode_key};

impl Coordinator {
    /// Reads a partition's whole log; prepared transactions go on where they were once [`Coordinator::resume`] is called.
    ///
    /// # Errors
    /// [`ReadError`]; the caller tries again.
    pub(crate) async fn load(
        partition: Arc<Partition>,
        tools: Tools,
        life: Weak<Life>,
    ) -> Result<Arc<Self>, ReadError> {
        let mut records = BTreeMap::<String, TransactionRecord>::new();
        let start = partition.log_start();
        let replayed = tools.reader.scan(&partition, start, |batch| {
            for record in batch.records().map_err(|_| ReadError::Corrupt)? {
                let record = record.map_err(|_| ReadError::Corrupt)?;
                let id = record.key.as_deref().and_then(|key| decode_key(key).ok());
                match (id, record.value.as_deref().map(TransactionRecord::decode)) {
                    (Some(id), Some(Ok(known))) => {
                        records.insert(id, known);
                    }
                    (Some(id), None) => {
                        records.remove(&id);
                    }
                    (None, _) | (_, Some(Err(_))) => {
                        error!(offset = %record.offset, "a record of the transaction log is not understood");
                        return Err(ReadError::Corrupt);
                    }
                }
            }
            Ok(())
        });
        replayed.await?;
        let state = Mutex::new(State::default());
        let coordinator = Arc::new(Self { partition, tools, life, state, deadline_moved: Notify::new() });
        coordinator.restore(records);
        Ok(coordinator)
    }

    fn restore(&self, records: BTreeMap<String, TransactionRecord>) {
        let now = self.now();
        let mut state = self.state();
        for (id, record) in records {
            let (transaction, _) = Transaction::restore(record, now);
            state.transactions.insert(id, transaction);
        }
    }

    /// Goes on writing the markers of what was decided before this broker became the coordinator.
    pub(crate) fn resume(self: &Arc<Self>) {
        let now = self.now();
        let mut state = self.state();
        let durable: Vec<(String, TransactionRecord)> = state
            .transactions
            .iter()
            .filter_map(|(id, transaction)| Some((id.clone(), transaction.durable()?.clone())))
            .collect();
        for (id, record) in durable {
            let (transaction, effects) = Transaction::restore(record, now);
            state.transactions.insert(id.clone(), transaction);
            self.carry_out(&mut state, &id, effects);
        }
    }

    /// Writes a record, or deletes the id, and tells the transaction. Where that fails this broker is not the coordinator
    /// any more.
    pub(super) async fn store(self: Arc<Self>, id: String, record: Option<TransactionRecord>) {
        if self.write(&id, record.as_ref()).await.is_some() {
            let mut state = self.state();
            self.step(&mut state, &id, Event::Stored);
        } else {
            self.resign();
        }
    }

    async fn write(&self, id: &str, record: Option<&TransactionRecord>) -> Option<()> {
        let mut batch = BatchBuilder::new(self.tools.env.wall_ms());
        batch.push(Some(&encode_key(id)), record.map(TransactionRecord::encode).as_deref());
        let batch = batch.build();
        let reserved = self.tools.memory.reserve(batch.bytes().len()).await?;
        let mut ticket: Ticket = match self.partition.append(&batch, &self.tools.wal, reserved) {
            Ok(Placed::At(_, ticket)) => ticket,
            Ok(Placed::Before(_) | Placed::OutOfOrder | Placed::Fenced | Placed::Unverified) | Err(_) => return None,
        };
        ticket.wait_for(|durable| *durable).await.ok().map(drop)
    }
}
