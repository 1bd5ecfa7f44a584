//! EndTxn: a transaction is committed or aborted.

use broker_engine::{EndTransactionRequest, ProducerIdentity, TransactionOutcome, TransactionProtocol};
use broker_wire::messages::end_txn::{EndTxnRequest, EndTxnResponse};

use super::Call;
use super::errors::transaction_error_code;

/// From this version on each transaction has an epoch of its own (KIP-890).
const EPOCH_PER_TRANSACTION: i16 = 5;
/// From this version on clients know the error of a fenced producer.
const KNOWS_FENCED: i16 = 2;

/// Answers when the transaction's fate is durable.
pub(crate) async fn handle(call: &Call<'_>, request: EndTxnRequest) -> EndTxnResponse {
    let end = EndTransactionRequest {
        transactional_id: request.transactional_id.to_string(),
        producer: ProducerIdentity { producer_id: request.producer_id, epoch: request.producer_epoch },
        outcome: if request.committed { TransactionOutcome::Commit } else { TransactionOutcome::Abort },
        protocol: if call.version >= EPOCH_PER_TRANSACTION {
            TransactionProtocol::EpochPerTransaction
        } else {
            TransactionProtocol::Classic
        },
    };
    match call.server.engine.end_transaction(end).await {
        Ok(next) => EndTxnResponse { producer_id: next.producer_id, producer_epoch: next.epoch, ..Default::default() },
        Err(error) => EndTxnResponse {
            error_code: transaction_error_code(&error, call.version >= KNOWS_FENCED),
            ..Default::default()
        },
    }
}
