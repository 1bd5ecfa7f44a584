//! AddOffsetsToTxn: a group's offsets become part of a transaction.

use broker_engine::{AddOffsetsRequest, ProducerIdentity};
use broker_wire::ErrorCode;
use broker_wire::messages::add_offsets_to_txn::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse};

use super::Call;
use super::errors::transaction_error_code;

/// From this version on clients know the error of a fenced producer.
const KNOWS_FENCED: i16 = 2;

/// Answers when that is durable.
pub(crate) async fn handle(call: &Call<'_>, request: AddOffsetsToTxnRequest) -> AddOffsetsToTxnResponse {
    let wanted = AddOffsetsRequest {
        transactional_id: request.transactional_id.to_string(),
        producer: ProducerIdentity { producer_id: request.producer_id, epoch: request.producer_epoch },
        group: request.group_id.to_string(),
    };
    let added = call.server.engine.add_offsets_to_transaction(wanted).await;
    let code = |error| transaction_error_code(&error, call.version >= KNOWS_FENCED);
    AddOffsetsToTxnResponse { error_code: added.err().map_or(ErrorCode::None, code), ..Default::default() }
}
