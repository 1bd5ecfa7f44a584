//! Reads that a broker serves without leading the partition.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use broker_engine::store::Key;
use broker_engine::{
    BrokerInfo, Engine, EngineConfig, Env, FetchError, FetchRequest, Fetched, Isolation, Network, PartitionError,
    PeerAnswer, PeerError, PeerRequest, Stores, TransactionOutcome, TransactionProtocol,
};
use futures::future::{BoxFuture, join_all};
use tokio::time::Instant;

use crate::gate::{Gate, Held};
use crate::slow::{Mood, Slow};
use crate::support::*;
use crate::transactions::Producer;

fn in_zone(host: &str, zone: &str) -> EngineConfig {
    let mut config = config(host);
    config.zone = Some(zone.to_owned());
    config
}

/// A leader of partition 0 and a broker of another zone.
struct Pair {
    leader: Engine,
    reader: Engine,
    /// Of the reader.
    zone: String,
}

async fn pair_of(first: EngineConfig, second: EngineConfig, stores: &Stores, network: Arc<dyn Network>) -> Pair {
    let zones = [first.zone.clone(), second.zone.clone()].map(Option::unwrap);
    let a = start_on(first, stores, Env::system(), Arc::clone(&network)).await;
    let b = start_on(second, stores, Env::system(), network).await;
    create_topic(&a, 1).await;
    until("the topic is known", || b.topic(&topic()).is_some()).await;
    let [zone_of_a, zone_of_b] = zones;
    let pair = if a.leader(&topic(), 0).unwrap().node_id == a.node_id() {
        Pair { leader: a, reader: b, zone: zone_of_b }
    } else {
        Pair { leader: b, reader: a, zone: zone_of_a }
    };
    patiently(|| fetch(&pair.leader, 0, 0)).await;
    // By then both have asked whether the other is there.
    tokio::time::sleep(Duration::from_secs(1)).await;
    pair
}

async fn pair(stores: &Stores) -> Pair {
    pair_of(in_zone("a", "z1"), in_zone("b", "z2"), stores, network()).await
}

impl Pair {
    /// What a consumer in the reader's zone asks.
    fn request(&self, offset: i64, max_wait: Duration) -> FetchRequest {
        FetchRequest { zone: Some(self.zone.clone()), ..fetch_request(0, offset, max_wait) }
    }

    async fn ask(&self, engine: &Engine, offset: i64) -> Result<Fetched, FetchError> {
        engine.fetch(self.request(offset, Duration::ZERO)).await.pop().unwrap()
    }

    async fn read(&self, offset: i64) -> Result<Fetched, FetchError> {
        self.ask(&self.reader, offset).await
    }

    /// Everything, by way of the reader.
    async fn read_all(&self) -> Vec<(i64, String)> {
        let mut records: Vec<(i64, String)> = Vec::new();
        loop {
            let next = records.last().map_or(0, |(offset, _)| offset + 1);
            let new = decode(&self.read(next).await.unwrap());
            if new.is_empty() {
                return records;
            }
            records.extend(new);
        }
    }

    async fn stop(self) {
        self.leader.stop().await;
        self.reader.stop().await;
    }
}

async fn fill(engine: &Engine, from: usize, count: usize) {
    for number in from..from + count {
        let batch = sequenced(7, i32::try_from(number).unwrap(), &values(number, 1));
        patiently(|| produce(engine, 0, batch.clone())).await;
    }
}

fn not_leader(result: &Result<Fetched, FetchError>) -> bool {
    matches!(result, Err(FetchError::Partition(PartitionError::NotLeader(_))))
}

#[tokio::test(start_paused = true)]
async fn a_consumer_of_another_zone_is_sent_to_a_broker_there_which_serves_it() {
    let pair = pair(&memory()).await;
    fill(&pair.leader, 0, 20).await;
    let sent = pair.ask(&pair.leader, 3).await.unwrap();
    assert_eq!((sent.preferred_reader, sent.records.len()), (Some(pair.reader.node_id()), 0));
    assert_eq!(sent.high_watermark, 20);
    let listed = pair.leader.topic(&topic()).unwrap().partitions.remove(0);
    assert_eq!(listed.readers, [pair.reader.node_id()], "clients take it for a replica");
    let read = pair.read(3).await.unwrap();
    assert_eq!((read.preferred_reader, read.high_watermark, read.log_start_offset), (None, 20, 0));
    assert_eq!(decode(&read), numbered(&values(0, 20))[3..]);
    // The leader serves those of its own zone, those who say no zone, and those of a zone where nobody is.
    let own = if pair.zone == "z1" { "z2" } else { "z1" };
    for zone in [Some(own), None, Some("z9")] {
        let request = FetchRequest { zone: zone.map(str::to_owned), ..fetch_request(0, 0, Duration::ZERO) };
        let fetched = pair.leader.fetch(request.clone()).await.pop().unwrap().unwrap();
        assert_eq!((fetched.preferred_reader, decode(&fetched).len()), (None, 20), "{zone:?}");
        // And who is not of the reader's zone has nothing to ask there.
        assert!(not_leader(&pair.reader.fetch(request).await.pop().unwrap()), "{zone:?}");
    }
    pair.stop().await;
}

#[tokio::test(start_paused = true)]
async fn only_the_leader_says_that_an_offset_is_out_of_range() {
    let pair = pair(&memory()).await;
    fill(&pair.leader, 0, 3).await;
    for offset in [-1, 4, i64::MAX] {
        assert!(not_leader(&pair.read(offset).await), "{offset}");
        let said = pair.ask(&pair.leader, offset).await;
        assert!(matches!(said, Err(FetchError::OffsetOutOfRange { .. })), "{said:?}");
    }
    assert_eq!(decode(&pair.read(3).await.unwrap()), []);
    let believes = |epoch| {
        let mut request = pair.request(0, Duration::ZERO);
        request.partitions[0].current_leader_epoch = Some(epoch);
        request
    };
    let epoch = pair.leader.leader(&topic(), 0).unwrap().leader_epoch;
    assert!(pair.reader.fetch(believes(epoch)).await[0].is_ok());
    let unknown = Err(FetchError::Partition(PartitionError::UnknownLeaderEpoch));
    assert_eq!(pair.reader.fetch(believes(epoch + 1)).await, [unknown]);
    pair.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_waits_at_the_reader_ends_as_soon_as_the_leader_has_acknowledged() {
    let pair = pair(&memory()).await;
    fill(&pair.leader, 0, 1).await;
    for round in 1..20 {
        let begun = Instant::now();
        let waits = pair.reader.fetch(pair.request(i64::try_from(round).unwrap(), Duration::from_secs(20)));
        let writes = async {
            tokio::time::sleep(Duration::from_millis(370)).await;
            fill(&pair.leader, round, 1).await;
            Instant::now()
        };
        let (fetched, written) = tokio::join!(waits, writes);
        assert_eq!(decode(fetched[0].as_ref().unwrap()), numbered(&values(0, 20))[round..=round]);
        assert!(written.elapsed() < Duration::from_millis(20), "{:?} after it was written", written.elapsed());
        assert!(begun.elapsed() >= Duration::from_millis(370));
    }
    pair.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_the_leader_has_not_acknowledged_nobody_sees() {
    let store = memory();
    let (data, gate) = Gate::over(&store.data);
    let pair = pair(&Stores { data, metadata: store.metadata }).await;
    fill(&pair.leader, 0, 1).await;
    // The second object lands before the first: its records are in the store, and not acknowledged.
    let me = pair.leader.view().broker(pair.leader.node_id()).unwrap().incarnation();
    let sequence = store.data.sequence(broker_engine::store::SequenceName::Wal(me));
    let next = sequence.list_from(0).await.unwrap().into_keys().max().unwrap() + 1;
    gate.hold(Held::Number(next));
    let writes = async {
        let (first, second) = tokio::join!(fill(&pair.leader, 1, 1), async {
            tokio::time::sleep(Duration::from_millis(400)).await;
            fill(&pair.leader, 2, 1).await;
        });
        (first, second)
    };
    let looks = async {
        until_landed(&sequence, next + 1).await;
        assert_eq!(decode(&pair.read(0).await.unwrap()), numbered(&values(0, 1)));
        assert_eq!(decode(&pair.read(1).await.unwrap()), []);
        gate.open();
    };
    tokio::join!(writes, looks);
    assert_eq!(pair.read_all().await, numbered(&values(0, 3)));
    pair.stop().await;
}

async fn until_landed(sequence: &broker_engine::store::Sequence, number: u64) {
    while sequence.get(number).await.unwrap().is_none() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_folded_and_gone_from_the_log_is_read_from_segments() {
    let folding = |host: &str, zone: &str| {
        let mut config = in_zone(host, zone);
        config.limits.fold_objects = 8;
        config.limits.fold_age_max = Duration::from_secs(40);
        config
    };
    let stores = memory();
    let pair = pair_of(folding("a", "z1"), folding("b", "z2"), &stores, network()).await;
    fill(&pair.leader, 0, 10).await;
    let me = pair.leader.view().broker(pair.leader.node_id()).unwrap().incarnation();
    tokio::time::sleep(Duration::from_secs(100)).await;
    let sequence = stores.data.sequence(broker_engine::store::SequenceName::Wal(me));
    assert!(sequence.list_from(0).await.unwrap().is_empty(), "the log is deleted, and the leader has all of it cached");
    assert_eq!(pair.read_all().await, numbered(&values(0, 10)));
    fill(&pair.leader, 10, 5).await;
    assert_eq!(decode(&pair.read(7).await.unwrap())[0].0, 7);
    assert_eq!(pair.read_all().await, numbered(&values(0, 15)), "from segments into the log");
    pair.stop().await;
}

#[tokio::test(start_paused = true)]
async fn of_transactions_the_reader_shows_what_the_leader_would() {
    let pair = pair(&memory()).await;
    let engines = [&pair.leader, &pair.reader];
    let mut producer = Producer::init(&engines, "t", TransactionProtocol::EpochPerTransaction).await;
    for (value, outcome) in [("one", TransactionOutcome::Commit), ("two", TransactionOutcome::Abort)] {
        producer.send(&engines, 0, value).await;
        producer.end(&engines, outcome).await;
    }
    producer.send(&engines, 0, "open").await;
    let led = |isolation| FetchRequest { isolation, ..fetch_request(0, 0, Duration::ZERO) };
    for isolation in [Isolation::ReadCommitted, Isolation::ReadUncommitted] {
        let by_leader = pair.leader.fetch(led(isolation)).await.pop().unwrap().unwrap();
        let request = FetchRequest { isolation, ..pair.request(0, Duration::ZERO) };
        let by_reader = pair.reader.fetch(request).await.pop().unwrap().unwrap();
        assert_eq!(by_reader.aborted, by_leader.aborted);
        assert_eq!(by_reader.aborted.len(), usize::from(isolation == Isolation::ReadCommitted));
        assert_eq!(by_reader.records.concat(), by_leader.records.concat());
        assert_eq!(by_reader.last_stable_offset, by_leader.last_stable_offset);
        assert!(by_reader.last_stable_offset < by_reader.high_watermark);
    }
    // A reader of what is committed wakes when the transaction ends.
    let (offset, isolation) = (4, Isolation::ReadCommitted);
    let waits = pair.reader.fetch(FetchRequest { isolation, ..pair.request(offset, Duration::from_secs(20)) });
    let ends = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        producer.end(&engines, TransactionOutcome::Commit).await;
        Instant::now()
    };
    let (fetched, ended) = tokio::join!(waits, ends);
    assert!(!fetched[0].as_ref().unwrap().records.is_empty());
    assert!(ended.elapsed() < Duration::from_millis(500), "{:?}", ended.elapsed());
    pair.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_does_not_reach_the_leader_sends_its_consumers_there_and_gets_no_new_ones() {
    let pair = pair(&memory()).await;
    fill(&pair.leader, 0, 3).await;
    assert!(pair.ask(&pair.leader, 0).await.unwrap().preferred_reader.is_some());
    // Both ways are cut.
    set_line(&pair.leader, LineState::Cut);
    set_line(&pair.reader, LineState::Cut);
    tokio::time::sleep(Duration::from_millis(2600)).await;
    let begun = Instant::now();
    assert!(not_leader(&pair.read(0).await));
    assert!(begun.elapsed() <= Duration::from_millis(1100), "{:?}", begun.elapsed());
    let served = pair.ask(&pair.leader, 0).await.unwrap();
    assert_eq!((served.preferred_reader, decode(&served).len()), (None, 3));
    set_line(&pair.leader, LineState::Up);
    set_line(&pair.reader, LineState::Up);
    patiently(|| pair.read(0)).await;
    pair.stop().await;
}

#[tokio::test(start_paused = true)]
async fn through_the_death_of_leaders_a_consumer_at_the_reader_sees_everything_once() {
    let stores = memory();
    let mut engines = Vec::new();
    for (host, zone) in [("a", "z1"), ("b", "z1"), ("c", "z2")] {
        engines.push(start_with(in_zone(host, zone), &stores).await);
    }
    create_topic(&engines[0], 6).await;
    until("the topic is known", || engines[2].topic(&topic()).is_some()).await;
    let led = |engine: &Engine| {
        let partitions = engines[2].topic(&topic()).unwrap().partitions;
        partitions.into_iter().find(|one| one.leader.node_id == engine.node_id()).unwrap().partition
    };
    let partition = led(&engines[0]);
    let leader = || {
        let node = engines[2].leader(&topic(), partition).unwrap().node_id;
        engines.iter().find(|engine| engine.node_id() == node).unwrap()
    };
    let zone = Some("z2".to_owned());
    let mut seen: Vec<(i64, String)> = Vec::new();
    for round in 0..2 {
        for number in round * 10..(round + 1) * 10 {
            let batch = sequenced(9, i32::try_from(number).unwrap(), &values(number, 1));
            patiently(|| produce(leader(), partition, batch.clone())).await;
        }
        while seen.len() < (round + 1) * 10 {
            let offset = i64::try_from(seen.len()).unwrap();
            let request = FetchRequest { zone: zone.clone(), ..fetch_request(partition, offset, Duration::ZERO) };
            let fetched = patiently(|| async { engines[2].fetch(request.clone()).await.pop().unwrap() }).await;
            seen.extend(decode(&fetched));
        }
        if round == 0 {
            let offset = i64::try_from(seen.len()).unwrap();
            let wait = Duration::from_secs(20);
            let request = FetchRequest { zone: zone.clone(), ..fetch_request(partition, offset, wait) };
            let dies = async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                engines[0].kill().await;
                fence(&engines[1], &engines[0]).await;
            };
            let begun = Instant::now();
            let (fetched, ()) = tokio::join!(engines[2].fetch(request), dies);
            assert!(not_leader(&fetched[0]), "{:?}", fetched[0]);
            assert!(begun.elapsed() < Duration::from_secs(5), "{:?}: nobody waits for the dead", begun.elapsed());
        }
    }
    assert_eq!(seen, numbered(&values(0, 20)));
    engines[1].stop().await;
    engines[2].stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_cannot_confirm_its_metadata_stops_after_half_a_minute() {
    let stores = memory();
    let slow = || {
        let (metadata, slow) = Slow::over(&stores.metadata);
        (Stores { data: stores.data.clone(), metadata }, slow)
    };
    let ((of_a, slow_a), (of_b, slow_b)) = (slow(), slow());
    let a = start_with(in_zone("a", "z1"), &of_a).await;
    let b = start_with(in_zone("b", "z2"), &of_b).await;
    create_topic(&a, 1).await;
    until("the topic is known", || b.topic(&topic()).is_some()).await;
    let a_leads = a.leader(&topic(), 0).unwrap().node_id == a.node_id();
    let (leader, reader, slow, zone) = if a_leads { (a, b, slow_b, "z2") } else { (b, a, slow_a, "z1") };
    let pair = Pair { leader, reader, zone: zone.to_owned() };
    fill(&pair.leader, 0, 3).await;
    slow.set(Mood::Refuses);
    // Others take it for dead by then; what it shows is what its leader has acknowledged all the same.
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(decode(&pair.read(0).await.unwrap()), numbered(&values(0, 3)));
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert_eq!(pair.read(0).await, Err(FetchError::Partition(PartitionError::Storage)));
    slow.set(Mood::Answers);
    let read = patiently(|| pair.read(0)).await;
    assert_eq!(decode(&read), numbered(&values(0, 3)));
    pair.stop().await;
}

/// A network that can answer a question where records lie once more as it did before.
#[derive(Debug)]
struct Forgetful {
    inner: Arc<dyn Network>,
    last: Arc<Mutex<Option<PeerAnswer>>>,
    repeats: Arc<AtomicUsize>,
    asked: Arc<AtomicUsize>,
}

impl Network for Forgetful {
    fn ask(&self, to: BrokerInfo, request: PeerRequest) -> BoxFuture<'static, Result<PeerAnswer, PeerError>> {
        let (last, is_look) = (Arc::clone(&self.last), matches!(request, PeerRequest::Look(_)));
        if is_look {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let repeats = self.repeats.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            if repeats.is_ok() {
                let answer = last.lock().unwrap().clone().unwrap();
                return Box::pin(async move { Ok(answer) });
            }
        }
        let answer = self.inner.ask(to, request);
        Box::pin(async move {
            let answer = answer.await?;
            if is_look {
                *last.lock().unwrap() = Some(answer.clone());
            }
            Ok(answer)
        })
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_moved_since_the_leader_answered_is_asked_for_again_and_what_is_missing_is_an_error() {
    let folding = |host: &str, zone: &str| {
        let mut config = in_zone(host, zone);
        config.limits.fold_objects = 8;
        config.limits.fold_age_max = Duration::from_secs(40);
        // Whoever reads keeps nothing of it.
        config.limits.read_cache_bytes_max = 0;
        config.limits.segment_cache_bytes_max = 0;
        config
    };
    let (repeats, asked) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (last, stores) = (Arc::default(), memory());
    let network =
        Arc::new(Forgetful { inner: network(), last, repeats: Arc::clone(&repeats), asked: Arc::clone(&asked) });
    let pair = pair_of(folding("a", "z1"), folding("b", "z2"), &stores, network).await;
    fill(&pair.leader, 0, 5).await;
    assert_eq!(decode(&pair.read(0).await.unwrap()), numbered(&values(0, 5)));
    // Folded, and the log deleted.
    tokio::time::sleep(Duration::from_secs(100)).await;
    asked.store(0, Ordering::SeqCst);
    repeats.store(2, Ordering::SeqCst);
    assert_eq!(decode(&pair.read(0).await.unwrap()), numbered(&values(0, 5)));
    assert_eq!(asked.load(Ordering::SeqCst), 3, "twice in vain");
    // Whoever names what is not there again and again is not asked for ever.
    for object in stores.data.list(broker_engine::store::Prefix::Cluster).await.unwrap() {
        if matches!(object.key, Key::Segment { .. } | Key::SharedSegment { .. }) {
            stores.data.delete(&object.key).await.unwrap();
        }
    }
    asked.store(0, Ordering::SeqCst);
    repeats.store(usize::MAX, Ordering::SeqCst);
    assert_eq!(pair.read(0).await, Err(FetchError::Partition(PartitionError::Storage)));
    assert_eq!(asked.load(Ordering::SeqCst), 6);
    pair.stop().await;
}

/// A network that counts questions about records that are under way.
#[derive(Debug)]
struct Counting {
    inner: Arc<dyn Network>,
    looks: (AtomicUsize, AtomicUsize),
    watches: (AtomicUsize, AtomicUsize),
}

impl Counting {
    fn new() -> Arc<Self> {
        Arc::new(Self { inner: network(), looks: Default::default(), watches: Default::default() })
    }
}

/// One more is under way, until this is dropped.
struct UnderWay<'a>(&'a AtomicUsize);

impl<'a> UnderWay<'a> {
    fn begin((now, most): &'a (AtomicUsize, AtomicUsize)) -> Self {
        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        Self(now)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Debug)]
struct Counted(Arc<Counting>);

impl Network for Counted {
    fn ask(&self, to: BrokerInfo, request: PeerRequest) -> BoxFuture<'static, Result<PeerAnswer, PeerError>> {
        let counting = Arc::clone(&self.0);
        Box::pin(async move {
            let _counted = match &request {
                PeerRequest::Look(_) => Some(UnderWay::begin(&counting.looks)),
                PeerRequest::Watch(_) => Some(UnderWay::begin(&counting.watches)),
                _ => None,
            };
            if matches!(request, PeerRequest::Look(_)) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            counting.inner.ask(to, request).await
        })
    }
}

#[tokio::test(start_paused = true)]
async fn however_many_consumers_wait_the_leader_is_asked_by_a_few() {
    let counting = Counting::new();
    let network = Arc::new(Counted(Arc::clone(&counting)));
    let pair = pair_of(in_zone("a", "z1"), in_zone("b", "z2"), &memory(), network).await;
    fill(&pair.leader, 0, 1).await;
    let wait = Duration::from_secs(30);
    let waiting = join_all((0..500).map(|_| pair.reader.fetch(pair.request(1, wait))));
    let writes = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        fill(&pair.leader, 1, 1).await;
    };
    let (fetched, ()) = tokio::join!(waiting, writes);
    for outcome in fetched.into_iter().flatten() {
        assert_eq!(decode(&outcome.unwrap()), numbered(&values(0, 2))[1..]);
    }
    let most = |count: &(AtomicUsize, AtomicUsize)| count.1.load(Ordering::SeqCst);
    let (looks, watches) = (most(&counting.looks), most(&counting.watches));
    assert!((2..=16).contains(&looks), "{looks} questions where records lie at once");
    assert!((1..=4).contains(&watches), "{watches} questions what has changed at once");
    pair.stop().await;
}
