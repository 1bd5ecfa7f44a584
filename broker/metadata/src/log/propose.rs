//! Proposing commands.

use std::sync::Arc;

use broker_store::{Filled, Frozen, Nonce, Unfilled};
use sha2::{Digest as _, Sha256};

use super::{LogOptions, MetadataLog, ProposeError, ReadError};
use crate::command::Command;
use crate::entry::Entry;
use crate::outcome::CommandResult;
use crate::state::{Digest, State};

impl MetadataLog {
    /// Appends commands as one entry and tells how each ended, in their order.
    ///
    /// The commands are applied to a copy first. If somebody else takes the number, the state is refreshed and the
    /// commands are tried on the new one. Commands that were proposed before return their first results; commands that
    /// are all rejected are not written if the state they were checked against is complete.
    ///
    /// # Errors
    /// [`ProposeError`]; after `Unknown`, proposing the same commands again (same ids) is safe and tells what happened.
    ///
    /// # Cancel safety
    /// Dropping the future is as `Unknown`.
    pub async fn propose(&mut self, commands: Vec<Command>) -> Result<Vec<CommandResult>, ProposeError> {
        self.resolve_pending().await?;
        loop {
            if let Some(results) = self.remembered(&commands) {
                return Ok(results);
            }
            let mut next = State::clone(&self.state);
            let results = next.apply(&commands);
            if results.iter().all(Result::is_err) && self.refresh().await?.entries == 0 {
                return Ok(results);
            } else if next.next_seq() != self.state.next_seq() + 1 {
                continue;
            }
            let content = self.freeze(commands.clone())?;
            if self.fill(&content).await? == Filled::Mine {
                let seq = self.state.next_seq();
                self.state = Arc::new(next);
                self.took(seq, content.bytes());
                return Ok(results);
            }
        }
    }

    /// Finds out what became of an entry whose outcome was unknown; nothing else may be tried before.
    async fn resolve_pending(&mut self) -> Result<(), ProposeError> {
        self.refresh().await?;
        while let Some((_, content)) = self.pending.clone() {
            self.fill(&content).await?;
            self.refresh().await?;
        }
        Ok(())
    }

    /// Creates the next entry; if it is somebody else's, applies that.
    async fn fill(&mut self, content: &Frozen) -> Result<Filled, ProposeError> {
        let seq = self.state.next_seq();
        let was_unknown = self.pending.is_some();
        // Noted before the first attempt: whoever drops this future does not know the outcome either.
        self.pending = Some((seq, content.clone()));
        match self.sequence.fill(seq, content, self.options.patience).await {
            Ok(filled) => {
                self.pending = None;
                if let Filled::Other(bytes) = &filled {
                    self.apply_bytes(seq, bytes).await?;
                }
                Ok(filled)
            }
            Err(Unfilled::NotWritten(error)) if !was_unknown => {
                self.pending = None;
                Err(ProposeError::NotWritten(error))
            }
            Err(Unfilled::NotWritten(error) | Unfilled::Unknown(error)) => Err(ProposeError::Unknown(error)),
        }
    }

    fn remembered(&self, commands: &[Command]) -> Option<Vec<CommandResult>> {
        commands.iter().map(|command| self.state.result_of(command.id).cloned()).collect()
    }

    fn freeze(&mut self, commands: Vec<Command>) -> Result<Frozen, ProposeError> {
        let nonce = nonce(&self.options, self.nonces, self.last_entry);
        self.nonces += 1;
        let entry = Entry {
            cluster: self.cluster_id,
            seq: self.state.next_seq(),
            nonce: nonce.0,
            state_before: self.state.digest(),
            predecessor: self.last_entry,
            writer: self.options.writer.clone(),
            commands,
        };
        Ok(entry.freeze()?)
    }
}

/// Different for every process, place and attempt.
pub(super) fn nonce(options: &LogOptions, count: u64, last_entry: Digest) -> Nonce {
    let mut hash = Sha256::new();
    hash.update(options.seed.to_be_bytes());
    hash.update(count.to_be_bytes());
    hash.update(last_entry.0);
    hash.update(options.writer.as_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    Nonce(u128::from_be_bytes(digest.first_chunk().copied().unwrap_or_default()))
}

impl From<broker_store::StoreError> for ProposeError {
    fn from(error: broker_store::StoreError) -> Self {
        Self::Read(ReadError::Store(error))
    }
}
