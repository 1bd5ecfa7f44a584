//! What a world is like: drawn from its seed, or made to fit one question.

use std::time::Duration;

use broker_store::mutation::Mutation;

use crate::aim;
use crate::bucket::Odds;
use crate::random::Random;

/// The plan of one world.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Brokers.
    pub brokers: usize,
    /// How single requests to the buckets fail.
    pub odds: Odds,
    /// What is done to the world as a whole.
    pub chaos: Chaos,
    /// Partitions of the topic.
    pub partitions: i32,
    /// Idempotent producers.
    pub idempotent: usize,
    /// Producers that do not number their batches.
    pub plain: usize,
    /// Consumers.
    pub consumers: usize,
    /// Clients that commit offsets and read them back.
    pub committers: usize,
    /// Members of a group.
    pub members: usize,
    /// Whether a provider administers.
    pub provider: bool,
    /// Mean time between two batches of a producer.
    pub pace: Duration,
    /// How long clients and chaos work.
    pub work: Duration,
    /// How many requests of an idempotent producer are on their way at most.
    pub in_flight: usize,
    /// Bytes of unacknowledged records that a broker holds.
    pub unacknowledged_bytes_max: usize,
    /// Whether PUTs of small objects are rationed.
    pub put_budget: bool,
    /// How long a producer lets a broker wait for durability.
    pub produce_timeout: Duration,
    /// Somebody newer puts a command into the metadata log that nobody in this world understands.
    pub unknown_command: bool,
    /// Partitions of each internal topic.
    pub internal_partitions: i32,
    /// Transactional producers that tell their transactions apart by epochs.
    pub transactors: usize,
    /// Transactional producers of the older protocol.
    pub classic_transactors: usize,
    /// Clients that administer.
    pub administrators: usize,
    /// How long clients work; chaos may go on for longer.
    pub busy: Duration,
    /// How records are folded.
    pub folding: Folding,
    /// Something that happens besides chaos.
    pub script: Script,
    /// Brokers of different age.
    pub feature_levels: bool,
    /// The brokers create the cluster by themselves.
    pub self_founded: bool,
    /// Somebody writes so much into the metadata log that snapshots are due.
    pub large_entries: bool,
    /// Commits are answered soon: nothing fails, and producers are many.
    pub prompt_commits: bool,
    /// In the end everybody is left alone for long, and then nothing may be left that nobody needs.
    pub leaves_nothing: bool,
}

/// How records are folded into segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Folding {
    /// Time that records wait at most.
    pub age_max: Duration,
    /// Objects of a log that are not folded at most.
    pub objects: u64,
    /// Bytes of a segment.
    pub segment_bytes: usize,
}

/// Something that happens besides chaos.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// Nothing.
    None,
    /// Leaders stand still when they have written a segment that nothing names yet, until others lead.
    StuckFolding,
    /// Coordinators stand still when they have decided how a transaction ends, before anybody is told, until others
    /// coordinate.
    StuckCoordinator,
    /// One stands still so while it compacts what is folded, for longer than every grace; and meanwhile nobody else can
    /// tell the time.
    StuckCompaction,
}

/// How often each kind of mishap is drawn, relative to the others, and how often any is.
#[derive(Clone, Debug, Default)]
pub struct Chaos {
    /// Mean time between two mishaps; none is no mishaps.
    pub interval: Option<Duration>,
    /// A process is killed.
    pub crash: u64,
    /// A process is killed at one of its polls.
    pub crash_at_poll: u64,
    /// A process stands still for a while.
    pub pause: u64,
    /// A process stands still at one of its polls, for longer than every grace.
    pub pause_at_poll: u64,
    /// A link is cut for a while.
    pub cut: u64,
    /// A bucket is down, throttled, slow or without its key for a while.
    pub bucket: u64,
    /// A broker hands over and starts again.
    pub drain: u64,
    /// A clock jumps.
    pub clock: u64,
    /// Garbage at the next number of the metadata log.
    pub garbage: u64,
    /// A process is started twice.
    pub clone: u64,
    /// A partition is sent elsewhere and back.
    pub away: u64,
    /// A broker is cut from its peers and from metadata: a zombie that still writes.
    pub zombie: u64,
    /// Several leaders die one after the other.
    pub chain: u64,
    /// A broker loses the data bucket, and nothing else.
    pub storeless: u64,
    /// A process is killed when it sends a request of some kind.
    pub crash_at_request: u64,
    /// A process stands still when it has sent a request of some kind.
    pub pause_at_request: u64,
}

impl Chaos {
    /// Whether brokers lose their data bucket and nothing else happens.
    #[must_use]
    pub fn is_only_storeless(&self) -> bool {
        let Self { interval: _, storeless, crash, crash_at_poll, pause, pause_at_poll, .. } = self;
        let Self { cut, bucket, drain, clock, garbage, clone, away, zombie, chain, .. } = self;
        let Self { crash_at_request, pause_at_request, .. } = self;
        let others = [crash, crash_at_poll, pause, pause_at_poll, cut, bucket, drain, clock, garbage, clone, away];
        let others = others.into_iter().chain([zombie, chain, crash_at_request, pause_at_request]);
        *storeless > 0 && others.into_iter().all(|weight| *weight == 0)
    }
}

impl Chaos {
    /// Whether brokers become zombies and nothing else happens.
    #[must_use]
    pub fn is_only_zombies(&self) -> bool {
        let Self { interval: _, storeless, crash, crash_at_poll, pause, pause_at_poll, .. } = self;
        let Self { cut, bucket, drain, clock, garbage, clone, away, zombie, chain, .. } = self;
        let Self { crash_at_request, pause_at_request, .. } = self;
        let others = [crash, crash_at_poll, pause, pause_at_poll, cut, bucket, drain, clock, garbage, clone, away];
        let others = others.into_iter().chain([storeless, chain, crash_at_request, pause_at_request]);
        *zombie > 0 && others.into_iter().all(|weight| *weight == 0)
    }
}

impl Plan {
    /// The plan of a seed, without any aim.
    #[must_use]
    pub fn draw(random: &mut Random) -> Self {
        match random.below(100) {
            // Worlds that are made to show one mistake, without it.
            0..8 => match random.pick(&Mutation::ALL).copied() {
                Some(mutation) => aim::at(mutation, random),
                None => Self::ordinary(random),
            },
            8..12 => Self::long(random),
            _ => Self::ordinary(random),
        }
    }

    /// A world in which anything may go wrong.
    #[must_use]
    pub fn ordinary(random: &mut Random) -> Self {
        let mut plan = Self::calm(random);
        plan.odds = odds(random);
        plan.chaos = chaos(random);
        plan
    }

    /// A world that lasts, in which less happens: for what brokers do every few minutes only.
    #[must_use]
    pub fn long(random: &mut Random) -> Self {
        let mut plan = Self::ordinary(random);
        plan.pace = random.millis(2_000, 10_000);
        plan.work = random.millis(400_000, 1_500_000);
        plan.busy = random.millis(60_000, 300_000);
        plan.chaos.interval = Some(random.millis(15_000, 60_000));
        plan.chaos.crash_at_request += 10;
        plan.committers = plan.committers.min(1);
        plan.members = plan.members.min(1);
        plan.administrators = 1;
        plan.large_entries = random.per_mille(300);
        plan.leaves_nothing = random.per_mille(300);
        plan
    }

    /// A world in which nothing goes wrong.
    #[must_use]
    pub fn calm(random: &mut Random) -> Self {
        let way_max = random.millis(1, 40);
        Self {
            brokers: usize::try_from(random.between(2, 4)).unwrap_or(3),
            odds: Odds { way_max, ..Odds::default() },
            chaos: Chaos::default(),
            partitions: i32::try_from(random.between(1, 4)).unwrap_or(2),
            idempotent: random.index(3),
            plain: random.index(2),
            consumers: 1 + random.index(2),
            committers: random.index(3),
            members: random.index(3),
            provider: random.per_mille(500),
            pace: random.millis(20, 400),
            work: random.millis(8_000, 25_000),
            in_flight: 1 + random.index(5),
            unacknowledged_bytes_max: 64 << 10,
            put_budget: random.per_mille(500),
            produce_timeout: random.millis(300, 10_000),
            unknown_command: false,
            internal_partitions: i32::try_from(random.between(1, 3)).unwrap_or(2),
            transactors: random.index(3),
            classic_transactors: 0,
            administrators: usize::from(random.per_mille(400)),
            busy: Duration::MAX,
            folding: Folding {
                age_max: random.millis(500, 20_000),
                objects: random.between(4, 200),
                segment_bytes: usize::try_from(random.between(1 << 10, 64 << 10)).unwrap_or(1 << 10),
            },
            script: Script::None,
            feature_levels: random.per_mille(300),
            self_founded: random.per_mille(20),
            large_entries: random.per_mille(20),
            prompt_commits: false,
            leaves_nothing: false,
        }
        .with_somebody()
    }

    /// Whether requests to the buckets only fail where a link is cut: then times can be promised.
    #[must_use]
    pub fn is_fair(&self) -> bool {
        self.odds == Odds { way_max: self.odds.way_max, ..Odds::default() }
            && self.odds.way_max <= Duration::from_millis(20)
            && self.chaos.bucket == 0
            && self.chaos.garbage == 0
            && !self.unknown_command
            && !self.large_entries
    }

    /// Whether whoever asks a bucket learns what became of it, but for conflicts: then nobody has to begin anew unasked.
    #[must_use]
    pub fn answers_arrive(&self) -> bool {
        let Odds { late, lost_answer, lost_request, broken, refused, throttled, hung, slow, .. } = self.odds;
        let lost = [late, lost_answer, lost_request, broken, refused, throttled, hung, slow];
        let Chaos { bucket, cut, zombie, storeless, clone, pause, pause_at_poll, pause_at_request, .. } = self.chaos;
        let cuts = [bucket, cut, zombie, storeless, clone, pause, pause_at_poll, pause_at_request];
        lost.into_iter().chain(cuts).all(|weight| weight == 0) && self.script == Script::None
    }

    fn with_somebody(mut self) -> Self {
        if self.idempotent + self.plain == 0 {
            self.idempotent = 1;
        }
        self
    }
}

fn odds(random: &mut Random) -> Odds {
    let way_max = random.millis(1, 40);
    // Most worlds have a few kinds of failing requests; some have none, some all.
    let share = random.below(1000);
    let draw = |random: &mut Random, max: u64| if random.per_mille(share) { random.between(1, max) } else { 0 };
    Odds {
        late: draw(random, 30),
        lost_answer: draw(random, 60),
        lost_request: draw(random, 40),
        conflict: draw(random, 60),
        conflict_with_itself: draw(random, 40),
        taken_by_itself: draw(random, 40),
        broken: draw(random, 40),
        refused: draw(random, 20),
        throttled: draw(random, 60),
        hung: draw(random, 10),
        slow: draw(random, 30),
        absent: draw(random, 10),
        late_delete: draw(random, 100),
        way_max,
    }
}

fn chaos(random: &mut Random) -> Chaos {
    let share = random.below(1000);
    let draw = |random: &mut Random| if random.per_mille(share) { random.between(1, 10) } else { 0 };
    Chaos {
        interval: random.per_mille(900).then(|| random.millis(800, 8_000)),
        crash: draw(random),
        crash_at_poll: draw(random) + 2,
        pause: draw(random),
        pause_at_poll: draw(random),
        cut: draw(random),
        bucket: draw(random),
        drain: draw(random),
        clock: draw(random),
        garbage: draw(random) / 3,
        clone: draw(random) / 3,
        away: draw(random),
        zombie: draw(random),
        chain: draw(random) / 2,
        storeless: draw(random) / 2,
        crash_at_request: draw(random) + 2,
        pause_at_request: draw(random),
    }
}
