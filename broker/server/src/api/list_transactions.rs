//! ListTransactions: the transactional ids that this broker coordinates.

use broker_engine::TransactionListing;
use broker_wire::Str;
use broker_wire::messages::list_transactions::{ListTransactionsRequest, ListTransactionsResponse, TransactionState};

use super::Call;

/// Kafka's names of the states.
const STATES: [&str; 6] = ["Empty", "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort"];

/// Lists what fits all filters.
pub(crate) fn handle(call: &Call<'_>, request: &ListTransactionsRequest) -> ListTransactionsResponse {
    let fits = |listing: &TransactionListing| {
        let states = &request.state_filters;
        let ids = &request.producer_id_filters;
        let is_long = request.duration_filter < 0 || listing.open_ms.is_some_and(|ms| ms > request.duration_filter);
        (states.is_empty() || states.iter().any(|state| **state == *listing.state))
            && (ids.is_empty() || ids.contains(&listing.producer_id))
            && is_long
    };
    let found = call.server.engine.list_transactions().into_iter().filter(fits).map(|listing| TransactionState {
        transactional_id: Str::from(listing.transactional_id),
        producer_id: listing.producer_id,
        transaction_state: Str::from_static(listing.state),
    });
    let is_unknown = |state: &&Str| !STATES.contains(&&***state);
    ListTransactionsResponse {
        transaction_states: found.collect(),
        unknown_state_filters: request.state_filters.iter().filter(is_unknown).cloned().collect(),
        ..Default::default()
    }
}
