//! The machine alone, and against a model of what producers, partitions and coordinators may observe.

use std::collections::BTreeMap;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

const FRESH: i64 = 900;

fn at(seconds: u64) -> Now {
    Now { monotonic: Duration::from_secs(seconds), wall_ms: i64::try_from(seconds).unwrap() * 1000 }
}

fn producer(epoch: i16) -> ProducerIdentity {
    ProducerIdentity { producer_id: 1, epoch }
}

fn partitions(numbers: &[i32]) -> BTreeSet<PartitionId> {
    numbers.iter().map(|partition| PartitionId { topic: Uuid::from_u128(7), partition: *partition }).collect()
}

fn init(ticket: Ticket, current: Option<ProducerIdentity>, fresh_id: i64) -> Event {
    Event::Init { ticket, timeout_ms: 60_000, current, fresh_id }
}

fn add(ticket: Ticket, producer: ProducerIdentity, numbers: &[i32]) -> Event {
    Event::Add { ticket, producer, partitions: partitions(numbers) }
}

fn end(
    ticket: Ticket,
    producer: ProducerIdentity,
    outcome: TransactionOutcome,
    protocol: TransactionProtocol,
) -> Event {
    Event::End { ticket, end: End { producer, outcome, protocol }, fresh_id: FRESH }
}

/// Takes an event and stores what it asks for; the answers, and the markers that are to be written.
fn settle(transaction: &mut Transaction, event: Event, now: Now) -> (Vec<(Ticket, Answer)>, Option<TransactionRecord>) {
    let mut answers = Vec::new();
    let mut mark = None;
    let mut effects: VecDeque<Effect> = transaction.step(event, now).into();
    while let Some(effect) = effects.pop_front() {
        match effect {
            Effect::Answer(ticket, answer) => answers.push((ticket, answer)),
            Effect::Store(_) => effects.extend(transaction.step(Event::Stored, now)),
            Effect::Mark(record) => mark = Some(record),
        }
    }
    (answers, mark)
}

/// The only answer.
fn answer(transaction: &mut Transaction, event: Event) -> Answer {
    let (answers, _) = settle(transaction, event, at(0));
    assert_eq!(answers.len(), 1);
    answers[0].1.clone()
}

fn begun() -> Transaction {
    let mut transaction = Transaction::default();
    assert_eq!(answer(&mut transaction, init(0, None, 1)), Ok(producer(0)));
    assert_eq!(answer(&mut transaction, add(1, producer(0), &[0, 1])), Ok(producer(0)));
    transaction
}

use TransactionOutcome::{Abort, Commit};
use TransactionProtocol::{Classic, EpochPerTransaction};

#[test]
fn nothing_is_answered_before_it_is_durable() {
    let mut transaction = Transaction::default();
    let effects = transaction.step(init(0, None, 1), at(0));
    assert!(matches!(effects.as_slice(), [Effect::Store(Some(_))]), "{effects:?}");
    assert_eq!(transaction.durable(), None);
    assert_eq!(transaction.step(init(1, None, 2), at(0)), [Effect::Answer(1, Err(TransactionError::Concurrent))]);
    assert_eq!(transaction.step(Event::Stored, at(0)), [Effect::Answer(0, Ok(producer(0)))]);
}

#[test]
fn a_commit_is_answered_when_prepared_and_the_next_transaction_begins_when_every_marker_is_there() {
    let mut transaction = begun();
    let (answers, mark) = settle(&mut transaction, end(2, producer(0), Commit, Classic), at(0));
    assert_eq!(answers, [(2, Ok(producer(0)))]);
    let mark = mark.unwrap();
    assert_eq!((mark.partitions, mark.producer), (partitions(&[0, 1]), producer(0)));
    assert_eq!(transaction.step(add(3, producer(0), &[5]), at(0)), []);
    let (answers, _) = settle(&mut transaction, Event::Marked, at(0));
    assert_eq!(answers, [(3, Ok(producer(0)))]);
    assert_eq!(transaction.durable().unwrap().partitions, partitions(&[5]));
}

#[test]
fn a_new_producer_fences_the_old_one_and_aborts_its_transaction() {
    let mut transaction = begun();
    let (answers, mark) = settle(&mut transaction, init(2, None, FRESH), at(0));
    assert_eq!(answers, [(2, Err(TransactionError::Concurrent))]);
    let mark = mark.unwrap();
    assert_eq!((mark.stage, mark.producer), (Stage::Prepared(Abort), producer(1)));
    assert_eq!(answer(&mut transaction, end(3, producer(0), Commit, Classic)), Err(TransactionError::ProducerFenced));
    settle(&mut transaction, Event::Marked, at(0));
    assert_eq!(answer(&mut transaction, init(4, None, FRESH)), Ok(producer(2)));
    for epoch in [0, 1] {
        let fenced = Err(TransactionError::ProducerFenced);
        assert_eq!(answer(&mut transaction, add(5, producer(epoch), &[0])), fenced);
        assert_eq!(answer(&mut transaction, init(6, Some(producer(epoch)), FRESH)), fenced);
    }
}

#[test]
fn a_transaction_times_out_and_partitions_do_not_prolong_it() {
    let mut transaction = begun();
    settle(&mut transaction, add(2, producer(0), &[2]), at(50));
    assert_eq!(transaction.next_deadline(), Some(Duration::from_secs(60)));
    assert_eq!(settle(&mut transaction, Event::Tick, at(59)), (vec![], None));
    let (_, mark) = settle(&mut transaction, Event::Tick, at(60));
    assert_eq!(mark.map(|record| (record.stage, record.producer)), Some((Stage::Prepared(Abort), producer(1))));
    assert_eq!(answer(&mut transaction, end(3, producer(0), Commit, Classic)), Err(TransactionError::ProducerFenced));
}

#[test]
fn a_producer_of_the_new_protocol_gets_an_epoch_for_each_transaction_also_when_it_asks_twice() {
    let mut transaction = begun();
    let (answers, mark) = settle(&mut transaction, end(2, producer(0), Commit, EpochPerTransaction), at(0));
    assert_eq!(answers, [(2, Ok(producer(1)))]);
    assert_eq!(mark.map(|record| record.producer), Some(producer(1)));
    let again = end(3, producer(0), Commit, EpochPerTransaction);
    assert_eq!(answer(&mut transaction, again.clone()), Ok(producer(1)));
    let other = end(4, producer(0), Abort, EpochPerTransaction);
    assert_eq!(answer(&mut transaction, other.clone()), Err(TransactionError::InvalidState));
    settle(&mut transaction, Event::Marked, at(0));
    assert_eq!(answer(&mut transaction, again), Ok(producer(1)));
    assert_eq!(answer(&mut transaction, other), Err(TransactionError::InvalidState));
    // Nothing was written under the next epoch: it may be aborted, not committed.
    let commit = end(5, producer(1), Commit, EpochPerTransaction);
    assert_eq!(answer(&mut transaction, commit), Err(TransactionError::InvalidState));
    assert_eq!(answer(&mut transaction, end(6, producer(1), Abort, EpochPerTransaction)), Ok(producer(2)));
}

#[test]
fn when_the_epochs_are_used_up_the_producer_goes_on_under_another_id() {
    for protocol in [Classic, EpochPerTransaction] {
        let record = TransactionRecord { producer: producer(EPOCH_MAX), ..first_record(producer(0), 60_000) };
        let (mut transaction, _) = Transaction::restore(record, at(0));
        assert!(transaction.may_need_id());
        let fresh = ProducerIdentity { producer_id: FRESH, epoch: 0 };
        if protocol == Classic {
            assert_eq!(answer(&mut transaction, init(0, Some(producer(EPOCH_MAX)), FRESH)), Ok(fresh));
            assert_eq!(answer(&mut transaction, init(0, Some(producer(EPOCH_MAX)), FRESH + 1)), Ok(fresh));
            continue;
        }
        assert_eq!(answer(&mut transaction, add(1, producer(EPOCH_MAX), &[0])), Ok(producer(EPOCH_MAX)));
        let last = end(2, producer(EPOCH_MAX), Commit, protocol);
        let (answers, mark) = settle(&mut transaction, last.clone(), at(0));
        assert_eq!((answers, mark.unwrap().producer), (vec![(2, Ok(fresh))], producer(i16::MAX)));
        assert_eq!(transaction.step(add(3, fresh, &[1]), at(0)), [], "it waits for the markers");
        assert_eq!(answer(&mut transaction, last.clone()), Ok(fresh));
        let (answers, _) = settle(&mut transaction, Event::Marked, at(0));
        assert_eq!(answers, [(3, Ok(fresh))]);
    }
}

#[test]
fn the_epoch_that_only_fences_is_given_to_nobody() {
    let record = TransactionRecord { producer: producer(EPOCH_MAX), ..first_record(producer(0), 60_000) };
    let (mut transaction, _) = Transaction::restore(record, at(0));
    assert_eq!(answer(&mut transaction, add(0, producer(EPOCH_MAX), &[0])), Ok(producer(EPOCH_MAX)));
    let (_, mark) = settle(&mut transaction, init(1, Some(producer(EPOCH_MAX)), FRESH), at(0));
    assert_eq!(mark.map(|record| record.producer), Some(producer(i16::MAX)));
    let abort = end(2, producer(EPOCH_MAX), Abort, EpochPerTransaction);
    assert_eq!(answer(&mut transaction, abort.clone()), Err(TransactionError::ProducerFenced));
    settle(&mut transaction, Event::Marked, at(0));
    assert_eq!(answer(&mut transaction, abort), Err(TransactionError::ProducerFenced));
    let fresh = ProducerIdentity { producer_id: FRESH, epoch: 0 };
    assert_eq!(answer(&mut transaction, init(2, Some(producer(EPOCH_MAX)), FRESH)), Ok(fresh));
}

#[test]
fn an_idle_id_is_forgotten_and_an_open_one_is_not() {
    let mut transaction = Transaction::default();
    settle(&mut transaction, init(0, None, 1), at(0));
    let late = Now { monotonic: TRANSACTIONAL_ID_KEPT, wall_ms: 0 };
    settle(&mut transaction, Event::Tick, late);
    assert!(transaction.is_gone());
    assert!(!begun().is_gone());
}

#[test]
fn a_prepared_transaction_that_is_read_back_is_marked_again() {
    let mut transaction = begun();
    settle(&mut transaction, end(2, producer(0), Abort, Classic), at(0));
    let record = transaction.durable().unwrap().clone();
    let (_, effects) = Transaction::restore(record.clone(), at(9));
    assert_eq!(effects, [Effect::Mark(record)]);
}

#[test]
fn only_durable_partitions_of_the_open_transaction_are_verified() {
    let mut transaction = begun();
    assert_eq!(transaction.verify(producer(0), &partitions(&[1])), Ok(()));
    assert_eq!(transaction.verify(producer(0), &partitions(&[2])), Err(TransactionError::InvalidState));
    transaction.step(add(2, producer(0), &[2]), at(0));
    assert_eq!(transaction.verify(producer(0), &partitions(&[2])), Err(TransactionError::Concurrent));
    transaction.step(Event::Stored, at(0));
    assert_eq!(transaction.verify(producer(0), &partitions(&[2])), Ok(()));
    assert_eq!(transaction.verify(producer(1), &partitions(&[2])), Err(TransactionError::ProducerFenced));
    transaction.step(end(3, producer(0), Commit, Classic), at(0));
    assert_eq!(transaction.verify(producer(0), &partitions(&[2])), Err(TransactionError::Concurrent));
}

/// What the world does to a coordinator.
#[derive(Clone, Copy, Debug)]
enum Act {
    Init(bool),
    Add(u8, i32),
    End(u8, TransactionOutcome),
    Stored,
    Marked,
    Crash,
    Time(u8),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let outcome = prop_oneof![Just(Commit), Just(Abort)];
    let act = prop_oneof![
        1 => any::<bool>().prop_map(Act::Init),
        6 => (0_u8..3, 0_i32..4).prop_map(|(who, partition)| Act::Add(who, partition)),
        4 => (0_u8..3, outcome).prop_map(|(who, outcome)| Act::End(who, outcome)),
        10 => Just(Act::Stored),
        4 => Just(Act::Marked),
        1 => Just(Act::Crash),
        2 => (0_u8..70).prop_map(Act::Time),
    ];
    prop::collection::vec(act, 0..200)
}

/// What producers, the log and the partitions know; everything is checked against it.
#[derive(Default)]
struct World {
    /// The log of the transactional id.
    log: Vec<TransactionRecord>,
    /// Identities that were given out, in order.
    given: Vec<ProducerIdentity>,
    tickets: Ticket,
    /// Who asked to end what, by ticket.
    ends: BTreeMap<Ticket, (ProducerIdentity, TransactionOutcome)>,
    storing: Option<TransactionRecord>,
    marking: Option<TransactionRecord>,
    fresh: i64,
}

impl World {
    fn who(&self, back: u8) -> ProducerIdentity {
        let at = self.given.len().checked_sub(1 + usize::from(back));
        at.map_or(ProducerIdentity { producer_id: 77, epoch: 0 }, |at| self.given[at])
    }

    fn take(&mut self, effects: Vec<Effect>) -> Result<(), TestCaseError> {
        for effect in effects {
            match effect {
                Effect::Store(record) => {
                    prop_assert!(self.storing.is_none(), "two records on their way");
                    self.storing = record;
                }
                Effect::Mark(record) => {
                    prop_assert_eq!(self.log.last(), Some(&record), "markers of what is not durable");
                    self.marking = Some(record);
                }
                Effect::Answer(ticket, Ok(identity)) => {
                    if let Some((producer, outcome)) = self.ends.get(&ticket) {
                        // Who was told that its transaction ended will find it so, whatever happens.
                        let decided = self.log.iter().rev().find(|record| {
                            matches!(record.stage, Stage::Prepared(_))
                                && record.producer.producer_id == producer.producer_id
                        });
                        let decided = decided.map(|record| record.stage);
                        prop_assert_eq!(decided, Some(Stage::Prepared(*outcome)));
                    }
                    let last = self.log.last().map(|record| (record.producer, record.next_id));
                    prop_assert!(
                        last.is_some_and(|(producer, next)| producer == identity || next == identity.producer_id),
                        "{:?} is not what is durable: {:?}",
                        identity,
                        last
                    );
                    if self.given.last() != Some(&identity) {
                        self.given.push(identity);
                    }
                }
                Effect::Answer(_, Err(_)) => {}
            }
        }
        Ok(())
    }

    /// A record becomes durable: transitions are those of Kafka's diagram, and identities only grow.
    fn durable(&mut self, record: TransactionRecord) -> Result<(), TestCaseError> {
        let from = self.log.last().map(|last| last.stage);
        let legal = match record.stage {
            Stage::Empty => matches!(from, None | Some(Stage::Empty | Stage::Complete(_))),
            Stage::Ongoing => matches!(from, Some(Stage::Empty | Stage::Ongoing | Stage::Complete(_))),
            Stage::Prepared(Commit) => from == Some(Stage::Ongoing),
            Stage::Prepared(Abort) => !matches!(from, None | Some(Stage::Prepared(_))),
            Stage::Complete(outcome) => from == Some(Stage::Prepared(outcome)),
        };
        prop_assert!(legal, "{:?} after {:?}", record.stage, from);
        if let Some(last) = self.log.last() {
            let grows = |record: &TransactionRecord| (record.producer.producer_id, record.producer.epoch);
            prop_assert!(grows(&record) >= grows(last), "{:?} after {:?}", record, last);
            if last.stage == Stage::Ongoing && record.stage != Stage::Ongoing {
                prop_assert_eq!(&record.partitions, &last.partitions, "partitions that get no marker");
            }
            // The marker of the new protocol is above every batch of its transaction.
            if record.protocol == EpochPerTransaction && matches!(record.stage, Stage::Prepared(_)) {
                prop_assert!(record.producer.epoch > last.producer.epoch);
            }
        }
        self.log.push(record);
        Ok(())
    }
}

fn play(acts: Vec<Act>, protocol: TransactionProtocol, first_epoch: i16) -> Result<(), TestCaseError> {
    let mut world = World { fresh: 2, ..World::default() };
    let mut transaction = Transaction::default();
    if first_epoch > 0 {
        let record = TransactionRecord { producer: producer(first_epoch), ..first_record(producer(0), 60_000) };
        world.given.push(record.producer);
        world.log.push(record.clone());
        transaction = Transaction::restore(record, at(0)).0;
    }
    let mut clock = 0;
    for act in acts {
        world.tickets += 1;
        let (ticket, now) = (world.tickets, at(clock));
        let event = match act {
            Act::Init(again) => {
                world.fresh += 1;
                init(ticket, again.then(|| world.who(0)), world.fresh)
            }
            Act::Add(back, partition) => add(ticket, world.who(back), &[partition]),
            Act::End(back, outcome) => {
                let producer = world.who(back);
                world.ends.insert(ticket, (producer, outcome));
                world.fresh += 1;
                Event::End { ticket, end: End { producer, outcome, protocol }, fresh_id: world.fresh }
            }
            Act::Stored => match world.storing.take() {
                Some(record) => {
                    world.durable(record)?;
                    Event::Stored
                }
                None => continue,
            },
            Act::Marked => match world.marking.take() {
                Some(_) => Event::Marked,
                None => continue,
            },
            Act::Crash => {
                // What was on its way is lost; the successor knows what is durable.
                world.storing = None;
                world.marking = None;
                let Some(record) = world.log.last().cloned() else { continue };
                let (restored, effects) = Transaction::restore(record, now);
                transaction = restored;
                world.take(effects)?;
                continue;
            }
            Act::Time(seconds) => {
                clock += u64::from(seconds);
                let effects = transaction.step(Event::Tick, at(clock));
                world.take(effects)?;
                continue;
            }
        };
        let effects = transaction.step(event, now);
        world.take(effects)?;
        prop_assert_eq!(transaction.durable(), world.log.last());
    }
    // Left alone, every transaction ends.
    for _ in 0..4 {
        if let Some(record) = world.storing.take() {
            world.durable(record)?;
            let effects = transaction.step(Event::Stored, at(clock));
            world.take(effects)?;
        }
        if world.marking.take().is_some() {
            let effects = transaction.step(Event::Marked, at(clock));
            world.take(effects)?;
        }
    }
    prop_assert!(!matches!(world.log.last().map(|record| record.stage), Some(Stage::Prepared(_))));
    Ok(())
}

proptest! {
    #[test]
    fn whatever_happens_answers_are_durable_and_no_decided_transaction_is_undone(acts in acts(), new in any::<bool>()) {
        play(acts, if new { EpochPerTransaction } else { Classic }, 0)?;
    }

    #[test]
    fn the_same_where_epochs_run_out(acts in acts(), new in any::<bool>(), left in 0_i16..6) {
        play(acts, if new { EpochPerTransaction } else { Classic }, EPOCH_MAX - left)?;
    }
}
