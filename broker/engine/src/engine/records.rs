//! Deleting records.

use std::time::Duration;

use futures::future::join_all;

use super::Engine;
use crate::limits::ADMIN_WAIT_MAX;
use crate::topic::{DeleteRecords, DeleteRecordsError};

impl Engine {
    /// Makes partitions begin at later offsets; answers, in the order of the requests, with the first offset that is left,
    /// once that is durable.
    pub async fn delete_records(
        &self,
        requests: Vec<DeleteRecords>,
        wait: Duration,
    ) -> Vec<Result<i64, DeleteRecordsError>> {
        let life = match self.inner.serving() {
            Ok(life) => life,
            Err(error) => return requests.iter().map(|_| Err(error.clone().into())).collect(),
        };
        let wait = wait.min(ADMIN_WAIT_MAX);
        join_all(requests.iter().map(|request| life.delete_records(request, wait))).await
    }
}
