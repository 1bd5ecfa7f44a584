//! InitProducerId: an idempotent producer gets its id, a transactional one takes its transactional id over.

use broker_engine::{InitProducerId, InitProducerIdError, ProducerIdentity};
use broker_wire::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};

use super::errors::{ErrorCoded as _, transaction_error_code};
use super::{Call, text};

/// From this version on clients know the error of a fenced producer.
const KNOWS_FENCED: i16 = 4;

/// Gives an id, or a newer epoch of the one there is.
pub(crate) async fn handle(call: &Call<'_>, request: InitProducerIdRequest) -> InitProducerIdResponse {
    let current = (request.producer_id >= 0)
        .then_some(ProducerIdentity { producer_id: request.producer_id, epoch: request.producer_epoch });
    let wanted = InitProducerId {
        transactional_id: text(request.transactional_id),
        transaction_timeout_ms: request.transaction_timeout_ms,
        current,
    };
    match call.server.engine.init_producer_id(wanted).await {
        Ok(identity) => InitProducerIdResponse {
            producer_id: identity.producer_id,
            producer_epoch: identity.epoch,
            ..Default::default()
        },
        Err(error) => {
            let error_code = match &error {
                InitProducerIdError::Transaction(error) => transaction_error_code(error, call.version >= KNOWS_FENCED),
                InitProducerIdError::Unavailable(_) => error.error_code(),
            };
            InitProducerIdResponse { error_code, producer_epoch: -1, ..Default::default() }
        }
    }
}
