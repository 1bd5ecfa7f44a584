//! One test per invariant, in worlds that put it to the test.

use std::time::Duration;

use broker_sim::plan::{Chaos, Folding, Plan, Script};
use broker_sim::random::Random;
use broker_sim::{Finished, Invariant, KeepLines, aim, world};
use broker_store::mutation::Mutation;

/// Worlds per invariant: seconds, without optimisation.
const SEEDS: u64 = 6;

/// Runs worlds of a kind; nothing may be violated, and the failure names the seed.
fn holds(invariant: Invariant, shape: impl Fn(&mut Random, &mut Plan)) {
    holds_in(SEEDS, invariant, shape);
}

fn holds_in(seeds: u64, invariant: Invariant, shape: impl Fn(&mut Random, &mut Plan)) {
    for seed in 0..seeds {
        let finished = run(invariant, seed, &shape);
        let problems: Vec<String> = finished.violations.iter().map(ToString::to_string).collect();
        assert!(problems.is_empty(), "{invariant}, seed {seed}: {problems:#?}");
    }
}

fn run(invariant: Invariant, seed: u64, shape: &impl Fn(&mut Random, &mut Plan)) -> Finished {
    // Every invariant has worlds of its own.
    let salt = invariant.name().bytes().fold(0_u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let mut random = Random::new(seed ^ salt);
    let mut plan = Plan::ordinary(&mut random);
    plan.work = Duration::from_secs(10);
    shape(&mut random, &mut plan);
    world::run_plan(plan, random, KeepLines::No)
}

/// Whatever the seed says.
fn anything(_: &mut Random, _: &mut Plan) {}

/// A world without accidents at the buckets, in which times can be promised.
fn fair(plan: &mut Plan, chaos: Chaos) {
    let way_max = Duration::from_millis(6);
    plan.brokers = 3;
    plan.odds = broker_sim::bucket::Odds { way_max, ..Default::default() };
    plan.chaos = Chaos { interval: Some(Duration::from_secs(3)), ..chaos };
    plan.work = Duration::from_secs(25);
}

#[test]
fn acked_is_durable() {
    holds(Invariant::AckedIsDurable, |_, plan| plan.chaos.crash += 5);
}

#[test]
fn visible_never_vanishes() {
    holds(Invariant::VisibleNeverVanishes, |_, plan| {
        plan.consumers = 3;
        plan.chaos.zombie += 5;
    });
}

#[test]
fn offsets_are_dense_and_unique() {
    holds(Invariant::OffsetsAreDenseAndUnique, |_, plan| plan.chaos.pause_at_poll += 5);
}

#[test]
fn seal_is_final() {
    holds(Invariant::SealIsFinal, |_, plan| plan.chaos.zombie += 8);
}

#[test]
fn one_leader_per_epoch() {
    holds(Invariant::OneLeaderPerEpoch, |_, plan| plan.chaos.away += 8);
}

#[test]
fn metadata_is_linear() {
    holds(Invariant::MetadataIsLinear, |_, plan| {
        plan.provider = true;
        plan.chaos.garbage += 4;
    });
}

#[test]
fn nobody_goes_on_after_a_command_that_is_not_understood() {
    holds(Invariant::MetadataIsLinear, |_, plan| {
        plan.odds = broker_sim::bucket::Odds { way_max: Duration::from_millis(20), ..Default::default() };
        plan.unknown_command = true;
    });
}

#[test]
fn idempotent_exactly_once() {
    holds(Invariant::IdempotentExactlyOnce, |_, plan| {
        plan.idempotent = 3;
        plan.in_flight = 5;
        plan.produce_timeout = Duration::from_millis(300);
    });
}

#[test]
fn answers_are_durable() {
    holds(Invariant::AnswersAreDurable, |_, plan| {
        plan.committers = 3;
        plan.members = 2;
    });
}

#[test]
fn group_offsets_survive() {
    holds(Invariant::GroupOffsetsSurvive, |_, plan| {
        plan.committers = 3;
        plan.chaos.crash += 8;
    });
}

#[test]
fn read_committed_sees_no_aborted() {
    holds(Invariant::ReadCommittedSeesNoAborted, |_, plan| {
        plan.transactors = 3;
        plan.consumers = 2;
    });
}

#[test]
fn no_torn_transaction() {
    holds(Invariant::NoTornTransaction, |_, plan| {
        plan.transactors = 3;
        plan.chaos.crash += 6;
        plan.chaos.pause += 4;
    });
}

#[test]
fn manifest_names_exist() {
    holds(Invariant::ManifestNamesExist, |_, plan| {
        plan.folding = Folding { age_max: Duration::from_millis(500), objects: 4, segment_bytes: 2 << 10 };
        plan.script = Script::StuckFolding;
        plan.work = Duration::from_secs(30);
    });
}

#[test]
fn nothing_leaks() {
    holds_in(2, Invariant::NothingLeaks, |_, plan| {
        plan.folding = Folding { age_max: Duration::from_millis(500), objects: 4, segment_bytes: 2 << 10 };
        plan.administrators = 2;
        plan.chaos.crash_at_request += 10;
        plan.leaves_nothing = true;
    });
}

#[test]
fn internal_records_do_not_wait_for_producers() {
    holds(Invariant::MemoryIsBounded, |random, plan| *plan = aim::at(Mutation::OneMemoryPool, random));
}

#[test]
fn no_unknown_deleted() {
    holds(Invariant::NoUnknownDeleted, |_, plan| plan.odds.late_delete = 100);
}

#[test]
fn memory_is_bounded() {
    holds(Invariant::MemoryIsBounded, |_, plan| {
        plan.idempotent = 4;
        plan.pace = Duration::from_millis(2);
        plan.chaos.bucket += 8;
    });
}

#[test]
fn storeless_broker_is_fenced() {
    holds(Invariant::StorelessBrokerIsFenced, |_, plan| {
        fair(plan, Chaos { storeless: 1, ..Chaos::default() });
    });
}

#[test]
fn running_zombie_sealed_within_1s() {
    holds(Invariant::RunningZombieSealedWithin1s, |_, plan| {
        fair(plan, Chaos { zombie: 1, ..Chaos::default() });
    });
}

#[test]
fn provider_commits_within_10s() {
    holds(Invariant::ProviderCommitsWithin10s, |_, plan| {
        fair(plan, Chaos { crash: 2, away: 3, ..Chaos::default() });
        plan.provider = true;
    });
}

#[test]
fn everything_resumes() {
    holds(Invariant::EverythingResumes, anything);
}

#[test]
fn same_seed_same_trace() {
    for seed in 0..SEEDS {
        let (one, other) = (world::run(seed, KeepLines::No), world::run(seed, KeepLines::No));
        assert_eq!((one.trace, one.polls, one.time), (other.trace, other.polls, other.time), "seed {seed}");
    }
}
