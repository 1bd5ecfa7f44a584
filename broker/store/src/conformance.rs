//! What every store must do, as one suite: memory, directory, S3 and S3's stand-ins run the same checks.
//!
//! The suite writes under the store's cluster name and leaves objects behind; give it a cluster or prefix of its own.

use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use futures::{StreamExt as _, TryStreamExt as _};
use thiserror::Error;
use uuid::Uuid;

use crate::error::{Failure, Filled, Outcome, Unfilled};
use crate::faults::{Faults, PutFault};
use crate::frozen::{Frozen, Nonce};
use crate::key::{Incarnation, Key, Prefix};
use crate::limits::PARALLEL_GETS_MAX;
use crate::patience::Patience;
use crate::sequence::{End, Sequence, SequenceName};
use crate::store::Store;

/// A store does not do what it must.
#[derive(Clone, Debug, Error)]
#[error("{check}: {problem}")]
pub struct NotConforming {
    /// The check that failed.
    pub check: &'static str,
    /// What was found.
    pub problem: String,
}

type Checked = Result<(), String>;

/// Runs every check and returns their names.
///
/// # Errors
/// The first [`NotConforming`].
pub async fn run(store: &Store) -> Result<Vec<&'static str>, NotConforming> {
    let mut passed = Vec::new();
    macro_rules! check {
        ($($name:ident),* $(,)?) => {$({
            let check = stringify!($name);
            $name(store).await.map_err(|problem| NotConforming { check, problem })?;
            passed.push(check);
        })*};
    }
    check!(
        a_created_object_is_read_back,
        a_taken_number_keeps_its_first_content,
        one_of_many_creators_wins,
        a_range_is_read,
        an_absent_object_is_no_failure,
        a_hint_is_overwritten,
        ranges_are_cut_to_the_object,
        numbers_are_listed_in_order,
        a_listing_goes_on_over_its_pages,
        the_end_of_a_sequence_is_found,
        a_deleted_number_is_absent,
        what_is_permanent_stays,
        the_five_outcomes_are_told_apart,
        every_fault_is_resolved,
        a_slow_create_is_repeated_beside_itself,
        a_throttled_create_is_never_given_up,
        a_late_write_changes_nothing,
        a_bounded_create_tells_whether_anything_was_written,
    );
    Ok(passed)
}

fn content(text: &str) -> Frozen {
    let nonce = Nonce(Uuid::new_v4().as_u128());
    let mut bytes = nonce.0.to_be_bytes().to_vec();
    bytes.extend_from_slice(text.as_bytes());
    let bytes = Bytes::from(bytes);
    Frozen::new(nonce, bytes.clone()).unwrap_or_else(|_| Frozen::shared(bytes))
}

/// A sequence that nobody else uses.
fn fresh(store: &Store) -> Sequence {
    let (epoch, broker) = (i64::from(fold(Uuid::new_v4())), i32::try_from(fold(Uuid::new_v4()) >> 1).unwrap_or(1));
    store.sequence(SequenceName::Wal(Incarnation { broker, epoch }))
}

fn fold(id: Uuid) -> u32 {
    let (first, ..) = id.as_fields();
    first
}

fn ensure(holds: bool, problem: &str) -> Checked {
    if holds { Ok(()) } else { Err(problem.to_owned()) }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

async fn a_created_object_is_read_back(store: &Store) -> Checked {
    let (sequence, mine) = (fresh(store), content("first"));
    let outcome = sequence.create(0, &mine).await;
    ensure(matches!(outcome, Outcome::Created), &format!("the create met {outcome:?}"))?;
    let read = sequence.get(0).await.map_err(text)?;
    ensure(read.as_ref() == Some(mine.bytes()), "other bytes came back")
}

async fn a_taken_number_keeps_its_first_content(store: &Store) -> Checked {
    let (sequence, first, second) = (fresh(store), content("first"), content("second"));
    sequence.fill(7, &first, Patience::forever()).await.map_err(text)?;
    let outcome = sequence.create(7, &second).await;
    ensure(matches!(outcome, Outcome::Taken | Outcome::Conflict), &format!("the second create met {outcome:?}"))?;
    let again = sequence.fill(7, &second, Patience::forever()).await.map_err(text)?;
    ensure(again == Filled::Other(first.bytes().clone()), "the first content is not there")?;
    let repeated = sequence.fill(7, &first, Patience::forever()).await.map_err(text)?;
    ensure(repeated == Filled::Mine, "the first creator does not recognise its object")
}

async fn one_of_many_creators_wins(store: &Store) -> Checked {
    for seq in 0..4 {
        let sequence = fresh(store);
        let contents: Vec<Frozen> = (0..8).map(|n| content(&format!("creator {n}"))).collect();
        let fills = contents.iter().map(|content| sequence.fill(seq, content, Patience::forever()));
        let filled: Vec<Filled> = join_all(fills).await.into_iter().collect::<Result<_, _>>().map_err(text)?;
        let winners = filled.iter().filter(|filled| **filled == Filled::Mine).count();
        ensure(winners == 1, &format!("{winners} creators won"))?;
    }
    Ok(())
}

async fn a_range_is_read(store: &Store) -> Checked {
    let (sequence, mine) = (fresh(store), content("0123456789"));
    sequence.fill(0, &mine, Patience::forever()).await.map_err(text)?;
    let middle = sequence.get_range(0, 18..21).await.map_err(text)?;
    ensure(middle.as_deref() == Some(b"234"), "the range holds other bytes")?;
    let beyond = sequence.get_range(0, 24..99).await.map_err(text)?;
    ensure(beyond.as_deref() == Some(b"89"), "a range beyond the end is not cut")?;
    let absent = sequence.get_range(1, 0..1).await.map_err(text)?;
    ensure(absent.is_none(), "a range of nothing is something")
}

async fn ranges_are_cut_to_the_object(store: &Store) -> Checked {
    let (sequence, mine) = (fresh(store), content(&"x".repeat(100_000)));
    sequence.fill(0, &mine, Patience::forever()).await.map_err(text)?;
    for (from, to) in [(0, 1), (0, 100_016), (99_999, 100_000), (50_000, 200_000), (100_015, u64::MAX)] {
        let read = sequence.get_range(0, from..to).await.map_err(text)?;
        let expected = usize::try_from(from).ok().and_then(|from| {
            let to = usize::try_from(to).unwrap_or(usize::MAX).min(mine.bytes().len());
            mine.bytes().get(from..to)
        });
        ensure(read.as_deref() == expected, &format!("the range {from}..{to} holds other bytes"))?;
    }
    let beyond = sequence.get_range(0, 100_016..100_017).await;
    ensure(beyond.is_err(), "a range that begins at the end is something")
}

async fn an_absent_object_is_no_failure(store: &Store) -> Checked {
    let read = fresh(store).get(0).await.map_err(text)?;
    ensure(read.is_none(), "nothing is something")?;
    let listed = fresh(store).list_from(0).await.map_err(text)?;
    ensure(listed.is_empty(), "an empty sequence lists something")?;
    fresh(store).delete(0).await.map_err(text)
}

async fn a_hint_is_overwritten(store: &Store) -> Checked {
    let key = Key::Boot { instance: format!("i-{:08x}", fold(Uuid::new_v4())) };
    for text_now in ["one", "two"] {
        store.put(&key, Bytes::from_static(text_now.as_bytes())).await.map_err(text)?;
        let read = store.get(&key).await.map_err(text)?;
        ensure(read.as_deref() == Some(text_now.as_bytes()), "the last hint is not there")?;
    }
    let listed = store.list(Prefix::Live).await.map_err(text)?;
    ensure(listed.iter().any(|object| object.key == key && object.size == 3), "the hint is not listed")?;
    let refused = store.put(&fresh(store).key(0), Bytes::new()).await;
    ensure(refused.is_err(), "an object that is created once was overwritten")
}

async fn numbers_are_listed_in_order(store: &Store) -> Checked {
    let sequence = fresh(store);
    for seq in [0, 1, 9, 10, 99, 100] {
        sequence.fill(seq, &content("listed"), Patience::forever()).await.map_err(text)?;
    }
    let all: Vec<u64> = sequence.list_from(0).await.map_err(text)?.into_keys().collect();
    ensure(all == [0, 1, 9, 10, 99, 100], &format!("listed {all:?}"))?;
    let some: Vec<u64> = sequence.list_from(10).await.map_err(text)?.into_keys().collect();
    ensure(some == [10, 99, 100], &format!("listed from 10: {some:?}"))
}

async fn a_listing_goes_on_over_its_pages(store: &Store) -> Checked {
    // S3 lists a thousand keys at once.
    const KEYS: u64 = 1_100;
    let sequence = fresh(store);
    let same = content("page");
    futures::stream::iter(0..KEYS)
        .map(|seq| sequence.fill(seq, &same, Patience::forever()))
        .buffer_unordered(PARALLEL_GETS_MAX)
        .try_for_each(|_| async { Ok(()) })
        .await
        .map_err(text)?;
    let all: Vec<u64> = sequence.list_from(0).await.map_err(text)?.into_keys().collect();
    ensure(all.iter().copied().eq(0..KEYS), &format!("{} keys of {KEYS} are listed", all.len()))?;
    let rest: Vec<u64> = sequence.list_from(1_050).await.map_err(text)?.into_keys().collect();
    ensure(rest.iter().copied().eq(1_050..KEYS), &format!("{} keys are listed from 1050 on", rest.len()))?;
    let end = sequence.find_end(0).await.map_err(text)?;
    ensure(end == End { first_absent: KEYS, beyond: Vec::new() }, &format!("found {end:?}"))
}

async fn the_end_of_a_sequence_is_found(store: &Store) -> Checked {
    let sequence = fresh(store);
    for seq in [3, 4, 5, 7, 8] {
        sequence.fill(seq, &content("end"), Patience::forever()).await.map_err(text)?;
    }
    let end = sequence.find_end(3).await.map_err(text)?;
    ensure(end == End { first_absent: 6, beyond: vec![7, 8] }, &format!("found {end:?}"))
}

async fn a_deleted_number_is_absent(store: &Store) -> Checked {
    let sequence = fresh(store);
    // One attempt: a second one beside a slow first may land after everything, and a deleted number can be created again.
    let created = sequence.create(0, &content("deleted")).await;
    ensure(matches!(created, Outcome::Created), "a create of nothing does not succeed")?;
    sequence.delete(0).await.map_err(text)?;
    let read = sequence.get(0).await.map_err(text)?;
    ensure(read.is_none(), "a deleted object is read")
}

async fn what_is_permanent_stays(store: &Store) -> Checked {
    let deleted = store.delete(&Key::MetaLog { seq: u64::MAX }).await;
    ensure(deleted.is_err(), "an entry of the metadata log may be deleted")
}

async fn the_five_outcomes_are_told_apart(store: &Store) -> Checked {
    type Fits = fn(&Outcome) -> bool;
    let (faulty, switch) = Faults::over(store).map_err(text)?;
    // What the attempt meets, its outcome, and whether the object is there afterwards.
    let expected: [(Option<PutFault>, Fits, bool); 9] = [
        (None, |o| matches!(o, Outcome::Created), true),
        (Some(PutFault::TakenByItself), |o| matches!(o, Outcome::Taken), true),
        (Some(PutFault::Conflict), |o| matches!(o, Outcome::Conflict), false),
        (Some(PutFault::ConflictWithItself), |o| matches!(o, Outcome::Conflict), true),
        (Some(PutFault::Refused), |o| matches!(o, Outcome::Refused(e) if e.failure == Failure::Refused), false),
        (Some(PutFault::LostAnswer), |o| matches!(o, Outcome::Unknown(e) if e.failure == Failure::Unknown), true),
        (Some(PutFault::LostRequest), |o| matches!(o, Outcome::Unknown(e) if e.failure == Failure::Unknown), false),
        (Some(PutFault::Broken), |o| matches!(o, Outcome::Unknown(e) if e.failure == Failure::Unknown), false),
        (Some(PutFault::Throttled), |o| matches!(o, Outcome::Unknown(e) if e.failure == Failure::Throttled), false),
    ];
    for (fault, fits, is_there) in expected {
        let sequence = faulty.sequence(fresh(store).name());
        switch.next_puts(fault);
        let outcome = sequence.create(0, &content("outcome")).await;
        ensure(fits(&outcome), &format!("{fault:?} is told as {outcome:?}"))?;
        let found = sequence.get(0).await.map_err(text)?.is_some();
        ensure(found == is_there, &format!("after {fault:?} an object is there: {found}"))?;
        let taken = sequence.create(0, &content("second")).await;
        ensure(!is_there || matches!(taken, Outcome::Taken | Outcome::Conflict), "a second create was let in")?;
    }
    Ok(())
}

async fn a_slow_create_is_repeated_beside_itself(store: &Store) -> Checked {
    let (faulty, switch) = Faults::over(store).map_err(text)?;
    let sequence = faulty.sequence(fresh(store).name());
    for seq in 0..100 {
        sequence.fill(seq, &content("pace"), Patience::forever()).await.map_err(text)?;
    }
    for (seq, fault) in [(100, PutFault::Hung), (101, PutFault::HungAndDone)] {
        switch.next_puts([fault]);
        let filled = sequence.fill(seq, &content("slow"), Patience::forever()).await.map_err(text)?;
        ensure(filled == Filled::Mine, &format!("{fault:?} is not resolved as one's own"))?;
    }
    Ok(())
}

async fn a_throttled_create_is_never_given_up(store: &Store) -> Checked {
    let (faulty, switch) = Faults::over(store).map_err(text)?;
    let sequence = faulty.sequence(fresh(store).name());
    switch.next_puts([PutFault::Throttled; 3]);
    let filled = sequence.fill(0, &content("patient"), Patience::forever()).await.map_err(text)?;
    ensure(filled == Filled::Mine, "the object is a stranger's")
}

async fn every_fault_is_resolved(store: &Store) -> Checked {
    let faults = [
        PutFault::LostAnswer,
        PutFault::LostRequest,
        PutFault::Conflict,
        PutFault::TakenByItself,
        PutFault::ConflictWithItself,
        PutFault::Throttled,
        PutFault::Broken,
        PutFault::Refused,
    ];
    let (faulty, switch) = Faults::over(store).map_err(text)?;
    for fault in faults {
        let sequence = faulty.sequence(fresh(store).name());
        switch.next_puts([fault]);
        let mine = content("mine");
        let filled = sequence.fill(0, &mine, Patience::forever()).await.map_err(text)?;
        ensure(filled == Filled::Mine, &format!("{fault:?} made one's own object a stranger's"))?;

        switch.next_puts([fault]);
        switch.fail_gets(1);
        let other = sequence.fill(0, &content("other"), Patience::forever()).await.map_err(text)?;
        ensure(other == Filled::Other(mine.bytes().clone()), &format!("{fault:?} made a stranger's object one's own"))?;
    }
    ensure(switch.struck() > faults.len() as u64, "the faults did not strike")
}

async fn a_late_write_changes_nothing(store: &Store) -> Checked {
    let (faulty, switch) = Faults::over(store).map_err(text)?;
    let sequence = faulty.sequence(fresh(store).name());
    switch.next_puts([PutFault::Late]);
    let late = content("late");
    ensure(matches!(sequence.create(0, &late).await, Outcome::Unknown(_)), "a lost answer is certain")?;
    let winner = content("winner");
    let filled = sequence.fill(0, &winner, Patience::forever()).await.map_err(text)?;
    ensure(filled == Filled::Mine, "the number was taken")?;
    switch.land_late().await;
    let read = sequence.get(0).await.map_err(text)?;
    ensure(read.as_ref() == Some(winner.bytes()), "a late write replaced an object")
}

async fn a_bounded_create_tells_whether_anything_was_written(store: &Store) -> Checked {
    let (faulty, switch) = Faults::over(store).map_err(text)?;
    let sequence = faulty.sequence(fresh(store).name());
    switch.next_puts([PutFault::Refused; 3]);
    let refused = sequence.fill(0, &content("refused"), Patience::bounded(Duration::from_secs(60))).await;
    ensure(matches!(refused, Err(Unfilled::NotWritten(_))), "a refused create may have written")?;
    switch.next_puts([PutFault::LostRequest, PutFault::Refused, PutFault::Refused, PutFault::Refused]);
    let unknown = sequence.fill(0, &content("unknown"), Patience::bounded(Duration::from_secs(60))).await;
    ensure(matches!(unknown, Err(Unfilled::Unknown(_))), "an unknown outcome was forgotten")
}
