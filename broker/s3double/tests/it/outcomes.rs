//! Each kind of fault, and the outcome that it must have in the broker's store.

use std::time::Duration;

use broker_s3double::{Kind, Operation, Rule};
use broker_store::{Failure, Filled, Frozen, Outcome, Patience, Prefix, StoreError};
use tokio::time::Instant;

use crate::rig::Rig;

fn puts(kind: Kind) -> Rule {
    Rule::always(kind).of([Operation::Put])
}

/// One create that meets a fault, and whether an object is there afterwards.
async fn met(rig: &Rig, broker: i32, kind: Kind) -> (Outcome, bool) {
    rig.double.set_faults(vec![puts(kind).times(1)]).unwrap();
    let outcome = rig.wal(broker).create(0, &Frozen::shared("mine".into())).await;
    assert_eq!(rig.double.faults()[0].struck, 1, "{kind:?} struck");
    let there = rig.wal(broker).get(0).await.unwrap().is_some();
    (outcome, there)
}

fn failed(outcome: &Outcome) -> &StoreError {
    match outcome {
        Outcome::Refused(error) | Outcome::Unknown(error) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_lost_answer_and_a_lost_request_are_unknown() {
    let rig = Rig::start().await;
    for (broker, kind, is_there) in [(1, Kind::LostAnswer, true), (2, Kind::LostRequest, false)] {
        let (outcome, there) = met(&rig, broker, kind).await;
        assert!(matches!(&outcome, Outcome::Unknown(error) if error.failure == Failure::Unknown), "{outcome:?}");
        assert_eq!(there, is_there, "{kind:?}");
    }
}

#[tokio::test]
async fn what_s3_says_while_it_is_overloaded_or_broken_is_unknown() {
    let rig = Rig::start().await;
    let expected = [
        (Kind::SlowDown, Failure::Throttled, 503, "SlowDown"),
        (Kind::Throttle, Failure::Throttled, 400, "ThrottlingException"),
        (Kind::Broken, Failure::Unknown, 500, "InternalError"),
    ];
    for (broker, (kind, failure, status, code)) in (1..).zip(expected) {
        let (outcome, there) = met(&rig, broker, kind).await;
        assert!(matches!(outcome, Outcome::Unknown(_)), "{kind:?}: {outcome:?}");
        let error = failed(&outcome);
        assert_eq!((error.failure, error.status, error.code.as_deref()), (failure, Some(status), Some(code)));
        assert!(error.request_id.is_some() && !there);
    }
}

#[tokio::test]
async fn a_disabled_key_and_a_denial_are_refusals() {
    let rig = Rig::start().await;
    for (broker, kind, code) in [(1, Kind::KeyDisabled, "KMS.DisabledException"), (2, Kind::Denied, "AccessDenied")] {
        let (outcome, there) = met(&rig, broker, kind).await;
        assert!(matches!(outcome, Outcome::Refused(_)), "{kind:?}: {outcome:?}");
        assert_eq!((failed(&outcome).code.as_deref(), there), (Some(code), false));
    }
    // S3 documents 400; whoever meets 403 for it means the same.
    let rule = Rule { status: Some(403), ..puts(Kind::KeyDisabled) };
    rig.double.set_faults(vec![rule]).unwrap();
    let outcome = rig.wal(3).create(0, &Frozen::shared("mine".into())).await;
    assert!(matches!(&outcome, Outcome::Refused(error) if error.status == Some(403)), "{outcome:?}");
}

#[tokio::test]
async fn conditions_that_fail_are_taken_or_a_conflict() {
    let rig = Rig::start().await;
    let (outcome, there) = met(&rig, 1, Kind::TakenByItself).await;
    assert!(matches!(outcome, Outcome::Taken) && there, "{outcome:?}");
    let (outcome, there) = met(&rig, 2, Kind::OwnConflict).await;
    assert!(matches!(outcome, Outcome::Conflict) && there, "{outcome:?}");
    let (outcome, there) = met(&rig, 3, Kind::Conflict).await;
    assert!(matches!(outcome, Outcome::Conflict) && !there, "{outcome:?}");
}

#[tokio::test]
async fn a_fill_goes_through_every_fault_and_knows_its_own_object() {
    let rig = Rig::start().await;
    let kinds = [
        Kind::LostAnswer,
        Kind::LostRequest,
        Kind::SlowDown,
        Kind::Throttle,
        Kind::Broken,
        Kind::KeyDisabled,
        Kind::Denied,
        Kind::TakenByItself,
        Kind::OwnConflict,
        Kind::Conflict,
    ];
    for (broker, kind) in (1..).zip(kinds) {
        rig.double.set_faults(vec![puts(kind).times(2)]).unwrap();
        let mine = Frozen::shared(format!("{kind:?}").into());
        let filled = rig.wal(broker).fill(0, &mine, Patience::forever()).await.unwrap();
        assert_eq!(filled, Filled::Mine, "{kind:?}");
        rig.double.set_faults(vec![puts(kind).times(1)]).unwrap();
        let other = rig.wal(broker).fill(0, &Frozen::shared("other".into()), Patience::forever()).await.unwrap();
        assert_eq!(other, Filled::Other(mine.bytes().clone()), "{kind:?}");
    }
}

#[tokio::test]
async fn a_late_write_lands_after_its_answer_was_given_up_also_where_the_key_was_deleted() {
    let rig = Rig::start().await;
    let late = Rule { delay_ms: 300, ..puts(Kind::Late).times(1) };
    rig.double.set_faults(vec![late.clone()]).unwrap();
    let first = Frozen::shared("late".into());
    let outcome = rig.wal(1).create(0, &first).await;
    assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
    assert_eq!(rig.wal(1).get(0).await.unwrap(), None, "not yet");
    rig.double.settled().await;
    let second = rig.wal(1).fill(0, &Frozen::shared("second".into()), Patience::forever()).await.unwrap();
    assert_eq!(second, Filled::Other(first.bytes().clone()));

    rig.double.set_faults(vec![late]).unwrap();
    assert!(matches!(rig.wal(1).create(1, &first).await, Outcome::Unknown(_)));
    rig.wal(1).fill(1, &Frozen::shared("winner".into()), Patience::forever()).await.unwrap();
    rig.wal(1).delete(1).await.unwrap();
    rig.double.settled().await;
    assert_eq!(rig.wal(1).get(1).await.unwrap().as_ref(), Some(first.bytes()), "a deleted number is created again");
}

#[tokio::test]
async fn a_stalled_request_goes_on_when_the_stall_ends() {
    let rig = Rig::start().await;
    rig.double.set_faults(vec![Rule { for_ms: Some(300), ..Rule::always(Kind::Stall) }]).unwrap();
    let started = Instant::now();
    let outcome = rig.wal(1).create(0, &Frozen::shared("held".into())).await;
    assert!(matches!(outcome, Outcome::Created), "{outcome:?}");
    assert!(started.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn a_write_lands_though_its_client_went_away() {
    let rig = Rig::start().await;
    rig.double.set_faults(vec![puts(Kind::Stall)]).unwrap();
    let (wal, content) = (rig.wal(1), Frozen::shared("orphaned".into()));
    let given_up = tokio::time::timeout(Duration::from_millis(200), wal.create(0, &content)).await;
    assert!(given_up.is_err());
    rig.double.set_faults(Vec::new()).unwrap();
    rig.double.settled().await;
    assert_eq!(wal.get(0).await.unwrap().as_ref(), Some(content.bytes()));
}

#[tokio::test]
async fn reads_meet_faults_too() {
    let rig = Rig::start().await;
    let content = Frozen::shared("there".into());
    rig.wal(1).fill(0, &content, Patience::forever()).await.unwrap();
    let reads = |kind| Rule::always(kind).of([Operation::Get, Operation::List]);
    rig.double.set_faults(vec![reads(Kind::Absent)]).unwrap();
    assert_eq!(rig.wal(1).get(0).await.unwrap(), None, "404 on an object that is there");
    for (kind, failure) in [
        (Kind::SlowDown, Failure::Throttled),
        (Kind::KeyDisabled, Failure::Refused),
        (Kind::Broken, Failure::Unknown),
        (Kind::LostRequest, Failure::Unknown),
    ] {
        rig.double.set_faults(vec![reads(kind)]).unwrap();
        assert_eq!(rig.wal(1).get(0).await.unwrap_err().failure, failure, "GET, {kind:?}");
        assert_eq!(rig.store.list(Prefix::Live).await.unwrap_err().failure, failure, "LIST, {kind:?}");
    }
}
