//! InitProducerId: an idempotent producer gets its id.

use broker_engine::{InitProducerId, ProducerIdentity};
use broker_wire::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};

use super::errors::ErrorCoded as _;
use super::{Call, text};

/// Gives an id, or a newer epoch of the one there is.
pub(crate) async fn handle(call: &Call<'_>, request: InitProducerIdRequest) -> InitProducerIdResponse {
    let current = (request.producer_id >= 0)
        .then_some(ProducerIdentity { producer_id: request.producer_id, epoch: request.producer_epoch });
    let wanted = InitProducerId { transactional_id: text(request.transactional_id), current };
    match call.server.engine.init_producer_id(wanted).await {
        Ok(identity) => InitProducerIdResponse {
            producer_id: identity.producer_id,
            producer_epoch: identity.epoch,
            ..Default::default()
        },
        Err(error) => {
            InitProducerIdResponse { error_code: error.error_code(), producer_epoch: -1, ..Default::default() }
        }
    }
}
