//! Offsets that are committed in transactions.

use broker_engine::{
    AddOffsetsRequest, CommitOffset, Engine, GroupError, OffsetCommitError, OffsetFetchRequest, ProducerTransaction,
    TransactionError, TransactionOutcome, TransactionProtocol, TransactionSupport, TransactionalCommitError,
    TransactionalCommitRequest,
};

use super::producer::Producer;
use crate::support::*;

const GROUP: &str = "copiers";

impl Retriable for TransactionalCommitError {
    fn is_retriable(&self) -> bool {
        match self {
            Self::Transaction(error) => error.is_retriable(),
            Self::Offset(OffsetCommitError::Group(error)) => {
                matches!(error, GroupError::NotCoordinator | GroupError::CoordinatorLoading)
            }
            Self::Offset(_) => false,
        }
    }
}

fn commit(producer: &Producer, support: TransactionSupport, offset: i64) -> TransactionalCommitRequest {
    TransactionalCommitRequest {
        transaction: ProducerTransaction { transactional_id: producer.transactional_id.clone(), support },
        producer: producer.identity,
        group: GROUP.to_owned(),
        generation: -1,
        member_id: String::new(),
        group_instance_id: None,
        offsets: vec![CommitOffset { topic: topic(), partition: 0, offset, leader_epoch: 0, metadata: String::new() }],
    }
}

async fn commit_patiently(engine: &Engine, producer: &Producer, support: TransactionSupport, offset: i64) {
    patiently(|| async { engine.transactional_offset_commit(commit(producer, support, offset)).await.remove(0) }).await;
}

/// The offset, and whether a transaction may replace it.
async fn fetched(engine: &Engine) -> (i64, bool) {
    patiently(|| async {
        let request = OffsetFetchRequest { group: GROUP.to_owned(), partitions: Some(vec![(topic(), 0)]) };
        engine.offset_fetch(request).await.map(|found| (found[0].offset, found[0].is_unstable))
    })
    .await
}

async fn settled(engine: &Engine) -> i64 {
    loop {
        match fetched(engine).await {
            (offset, false) => return offset,
            (_, true) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn offsets_count_when_their_transaction_is_committed_and_not_before() {
    let stores = memory();
    let engine = start("a", &stores).await;
    create_topic(&engine, 1).await;
    let engines = [&engine];
    let support = TransactionSupport::Classic;
    let mut producer = Producer::init(&engines, "t", TransactionProtocol::Classic).await;
    let refused = engine.transactional_offset_commit(commit(&producer, support, 1)).await;
    assert_eq!(refused, [Err(TransactionError::InvalidState.into())], "the group is not in the transaction");
    for (offset, outcome) in [(5, TransactionOutcome::Commit), (6, TransactionOutcome::Abort)] {
        let request = AddOffsetsRequest {
            transactional_id: "t".to_owned(),
            producer: producer.identity,
            group: GROUP.to_owned(),
        };
        patiently(|| engine.add_offsets_to_transaction(request.clone())).await;
        commit_patiently(&engine, &producer, support, offset).await;
        assert_eq!(fetched(&engine).await, (if offset == 5 { -1 } else { 5 }, true));
        producer.end(&engines, outcome).await;
        assert_eq!(settled(&engine).await, 5);
    }
    // An open one is found again, and ends as its producer says.
    let request =
        AddOffsetsRequest { transactional_id: "t".to_owned(), producer: producer.identity, group: GROUP.to_owned() };
    patiently(|| engine.add_offsets_to_transaction(request.clone())).await;
    commit_patiently(&engine, &producer, support, 7).await;
    engine.kill().await;
    let next = start("b", &stores).await;
    fence(&next, &engine).await;
    assert_eq!(fetched(&next).await, (5, true));
    producer.end(&[&next], TransactionOutcome::Commit).await;
    assert_eq!(settled(&next).await, 7);
    next.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_group_becomes_part_of_a_transaction_by_the_commit_itself() {
    let stores = memory();
    let engine = start("a", &stores).await;
    create_topic(&engine, 1).await;
    let engines = [&engine];
    let mut producer = Producer::init(&engines, "t", TransactionProtocol::EpochPerTransaction).await;
    for offset in [3, 4] {
        commit_patiently(&engine, &producer, TransactionSupport::ImplicitAdd, offset).await;
        producer.end(&engines, TransactionOutcome::Commit).await;
        assert_eq!(settled(&engine).await, offset);
    }
    engine.kill().await;
    let next = start("b", &stores).await;
    fence(&next, &engine).await;
    assert_eq!(settled(&next).await, 4);
    next.stop().await;
}
