//! Every deliberate mistake in turn: which invariant catches it, after how many seeds.

use broker_store::mutation::{self, Mutation};

use crate::aim;
use crate::core::{Finished, KeepLines};
use crate::invariant::Violation;
use crate::random::Random;
use crate::world;

/// How a mistake fared.
#[derive(Clone, Debug)]
pub struct Fate {
    /// The mistake.
    pub mutation: Mutation,
    /// What caught it, and in the world of which seed.
    pub caught: Option<(u64, Violation)>,
    /// Worlds that were run.
    pub seeds: u64,
    /// How often the mistake could be made in them.
    pub struck: u64,
}

/// Runs worlds with a mistake until one shows it, at most so many.
#[must_use]
pub fn catch(mutation: Mutation, seeds: u64) -> Fate {
    let mut struck = 0;
    for seed in 0..seeds {
        let finished = run(mutation, seed, Some(mutation), KeepLines::No);
        struck += mutation::struck();
        mutation::set(None);
        if let Some(violation) = finished.violations.into_iter().next() {
            return Fate { mutation, caught: Some((seed, violation)), seeds: seed + 1, struck };
        }
    }
    Fate { mutation, caught: None, seeds, struck }
}

/// Runs a world that is aimed at one mistake, with or without it.
#[must_use]
pub fn run(aim: Mutation, seed: u64, made: Option<Mutation>, lines: KeepLines) -> Finished {
    mutation::set(made);
    let mut random = Random::new(seed);
    let plan = aim::at(aim, &mut random);
    let finished = world::run_plan(plan, random, lines);
    if made.is_none() {
        mutation::set(None);
    }
    finished
}
