//! Worlds made to show one deliberate mistake: the same faults as everywhere, in other proportions.
//!
//! They are ordinary worlds. Without the mistake nothing in them is violated, and the tests hold them to that.

use std::time::Duration;

use broker_store::mutation::Mutation;

use crate::bucket::Odds;
use crate::plan::{Chaos, Folding, Plan, Script};
use crate::random::Random;

/// A world that a mistake should not survive.
#[must_use]
#[expect(clippy::too_many_lines, reason = "one arm per mistake")]
pub fn at(mutation: Mutation, random: &mut Random) -> Plan {
    let mut plan = Plan::calm(random);
    plan.brokers = 3;
    plan.idempotent = 2;
    plan.consumers = 1;
    plan.committers = 0;
    plan.members = 0;
    plan.provider = false;
    plan.transactors = 0;
    plan.administrators = 0;
    plan.feature_levels = false;
    plan.self_founded = false;
    plan.large_entries = false;
    plan.partitions = 3;
    plan.pace = random.millis(5, 60);
    plan.in_flight = 4;
    plan.work = Duration::from_secs(20);
    plan.odds.way_max = random.millis(5, 30);
    let odds = plan.odds;
    match mutation {
        Mutation::SealSearchFromZero | Mutation::SealOnlyLastLeader | Mutation::DeleteSeal => {
            plan.chaos = Chaos { crash: 3, zombie: 4, chain: 3, ..every(random, 1_500) };
            plan.work = Duration::from_secs(30);
        }
        Mutation::SealAtFirstGap | Mutation::AbsentAsEndOfLog => {
            plan.chaos = Chaos { zombie: 8, crash: 2, ..every(random, 2_000) };
            plan.put_budget = false;
            plan.work = Duration::from_secs(30);
        }
        Mutation::SealOneAtATime => {
            plan.chaos = Chaos { zombie: 8, ..every(random, 3_000) };
            plan.put_budget = false;
            plan.partitions = 6;
            plan.idempotent = 4;
            plan.pace = Duration::from_millis(1);
            plan.odds.way_max = Duration::from_millis(3);
            plan.work = Duration::from_secs(15);
        }
        Mutation::TrimWithoutMetadata => {
            plan.folding = soon(random);
            plan.chaos = Chaos { crash: 2, away: 2, ..every(random, 4_000) };
            plan.work = Duration::from_secs(45);
        }
        Mutation::TrimByOwnPartitionsOnly => {
            plan.folding = soon(random);
            plan.chaos = Chaos { away: 8, crash: 1, ..every(random, 1_000) };
            plan.odds = Odds { slow: 60, ..odds };
            plan.work = Duration::from_secs(80);
        }
        Mutation::CleanUnknown => {
            plan.folding = soon(random);
            plan.pace = random.millis(100, 400);
            plan.chaos = Chaos { crash: 6, away: 1, ..every(random, 8_000) };
            plan.work = Duration::from_secs(150);
        }
        Mutation::NoClaim => {
            plan.folding = soon(random);
            plan.script = Script::StuckCompaction;
            (plan.partitions, plan.internal_partitions) = (1, 1);
            (plan.idempotent, plan.committers) = (1, 2);
            plan.pace = random.millis(200, 600);
            plan.busy = Duration::from_secs(25);
            plan.work = Duration::from_secs(480);
        }
        Mutation::NoManifestEpochCheck => {
            plan.folding = soon(random);
            plan.script = Script::StuckFolding;
            plan.work = Duration::from_secs(60);
        }
        Mutation::LocalClockRetention => {
            plan.folding = soon(random);
            plan.pace = random.millis(50, 300);
            plan.chaos = Chaos { clock: 8, ..every(random, 4_000) };
            plan.work = Duration::from_secs(140);
        }
        Mutation::ConflictAsTaken => plan.odds = Odds { conflict: 80, ..odds },
        Mutation::SkipNumberOnUnknown => {
            plan.odds = Odds { lost_answer: 30, lost_request: 80, broken: 60, ..odds };
            plan.chaos = Chaos { crash: 4, ..every(random, 2_500) };
        }
        Mutation::NonceWithoutHash => {
            plan.chaos = Chaos { clone: 6, crash: 4, zombie: 2, ..every(random, 1_500) };
            plan.odds = Odds { taken_by_itself: 40, conflict_with_itself: 40, ..odds };
        }
        Mutation::GiveUpAtAbsent => {
            plan.odds = Odds { late: 120, ..odds };
            plan.provider = true;
            plan.chaos = Chaos { away: 3, ..every(random, 2_000) };
            plan.work = Duration::from_secs(40);
        }
        Mutation::NoEpochFilter => {
            plan.chaos = Chaos { away: 8, drain: 1, crash: 2, ..every(random, 1_500) };
            plan.work = Duration::from_secs(30);
        }
        Mutation::ReleaseBeforeFlush => {
            plan.chaos = Chaos { away: 8, drain: 4, ..every(random, 1_000) };
            plan.odds = Odds { slow: 200, ..odds };
            plan.pace = Duration::from_millis(5);
            plan.work = Duration::from_secs(30);
        }
        Mutation::ResumeAfterUnknownRelease => {
            plan.chaos = Chaos { away: 8, drain: 2, ..every(random, 1_500) };
            plan.odds = Odds { late: 300, lost_answer: 200, ..odds };
            plan.work = Duration::from_secs(60);
        }
        Mutation::ApplyMovesLiveLeader => plan.chaos = Chaos { away: 8, ..every(random, 1_500) },
        Mutation::WatermarkIsHighestCreated => {
            plan.odds = Odds { slow: 250, ..odds };
            plan.pace = Duration::from_millis(10);
            plan.put_budget = false;
            plan.chaos = Chaos { crash: 6, ..every(random, 2_000) };
        }
        Mutation::DuplicateAcknowledgedAtOnce => {
            plan.odds = Odds { slow: 250, ..odds };
            plan.produce_timeout = Duration::from_millis(300);
            plan.chaos = Chaos { crash: 6, ..every(random, 2_000) };
        }
        Mutation::OffsetFetchFromPending => {
            plan.committers = 4;
            plan.odds = Odds { slow: 250, ..odds };
            plan.chaos = Chaos { crash: 6, zombie: 2, ..every(random, 2_000) };
        }
        Mutation::NoConfirmingGet => {
            plan.committers = 4;
            plan.chaos = Chaos { zombie: 8, pause: 4, ..every(random, 2_000) };
            plan.work = Duration::from_secs(30);
        }
        Mutation::FollowerSaysOutOfRange => {
            plan.consumers = 3;
            plan.chaos = Chaos { crash: 4, away: 4, ..every(random, 2_000) };
        }
        Mutation::IndexWithoutTransactionFlags => {
            plan.transactors = 3;
            plan.consumers = 2;
            plan.chaos = Chaos { crash: 5, zombie: 3, ..every(random, 3_000) };
        }
        Mutation::MarkerWithoutCoordinatorEpoch => {
            plan.classic_transactors = 5;
            plan.idempotent = 0;
            plan.internal_partitions = 1;
            plan.script = Script::StuckCoordinator;
            plan.work = Duration::from_secs(60);
        }
        Mutation::FencedWriterAccepted => {
            plan.chaos = Chaos { pause_at_poll: 6, zombie: 4, drain: 5, away: 4, ..every(random, 1_000) };
            plan.odds = Odds { late: 60, slow: 60, ..odds };
            plan.work = Duration::from_secs(40);
        }
        Mutation::FloatInApply | Mutation::HashOrderInApply => {
            plan.brokers = 4;
            plan.chaos = Chaos { crash: 6, drain: 3, ..every(random, 2_000) };
        }
        Mutation::UnknownCommandSkipped => plan.unknown_command = true,
        Mutation::FenceAfterOwnPause => {
            plan.odds.way_max = random.millis(2, 20);
            plan.chaos = Chaos { pause: 6, ..every(random, 4_000) };
            plan.work = Duration::from_secs(40);
        }
        Mutation::OneMemoryPool => {
            plan.prompt_commits = true;
            (plan.brokers, plan.partitions, plan.internal_partitions) = (1, 1, 1);
            plan.committers = 2;
            plan.odds.way_max = random.millis(20, 30);
            plan.put_budget = false;
            plan.unacknowledged_bytes_max = 1 << 10;
            plan.pace = Duration::from_millis(5);
            plan.produce_timeout = Duration::from_secs(10);
            plan.idempotent = 14;
            plan.in_flight = 5;
            plan.work = Duration::from_secs(8);
        }
    }
    plan
}

/// Records are folded as soon as there are some.
fn soon(random: &mut Random) -> Folding {
    let segment_bytes = usize::try_from(random.between(1 << 10, 8 << 10)).unwrap_or(1 << 10);
    Folding { age_max: random.millis(500, 2_000), objects: random.between(3, 12), segment_bytes }
}

/// A mishap about this often, in milliseconds.
fn every(random: &mut Random, mean_ms: u64) -> Chaos {
    Chaos { interval: Some(random.millis(mean_ms / 2, mean_ms * 2)), ..Chaos::default() }
}
