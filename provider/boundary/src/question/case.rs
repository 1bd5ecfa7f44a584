//! What is judged: up to three worlds, the contract, today's date - and what all questions compute once.

use std::cell::OnceCell;

use crate::{
    iam::estate::Estate,
    model::{Contract, World},
    question::{
        access::{self, ReaderRow},
        administration::{self, AdministratorRow},
        chain::{self, Chains},
        estate,
        holding::{self, Holding},
    },
    reach::{self, Flow},
};

/// What a review is given.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The world after the apply.
    pub planned: &'a World,
    /// The world before it, as the plan knows it.
    pub prior: Option<&'a World>,
    /// The world as it was read.
    pub actual: Option<&'a World>,
    /// The approved world.
    pub contract: &'a Contract,
    /// Today, `2026-11-21` or a moment that begins so.
    pub now: &'a str,
}

/// The input, and what several questions need of it.
#[derive(Debug)]
pub struct Case<'a> {
    /// The world that is judged: the planned one.
    pub world: &'a World,
    /// The world before.
    pub prior: Option<&'a World>,
    /// The world as it was read.
    pub actual: Option<&'a World>,
    /// The approved world.
    pub contract: &'a Contract,
    /// Today, `2026-11-21`.
    pub today: &'a str,
    /// Which class lies where.
    pub holdings: Vec<Holding<'a>>,
    /// Everybody and everything, as the evaluator takes it.
    pub estate: Estate,
    /// What everybody can do with every store.
    readings: OnceCell<Vec<ReaderRow>>,
    /// Who administers what.
    administration: OnceCell<Vec<AdministratorRow>>,
    /// By which calls everybody could come to read records.
    chains: OnceCell<Chains>,
    /// What the network admits from the brokers, and to them.
    pub flows: Vec<Flow>,
}

impl<'a> Case<'a> {
    /// Prepares an input: the planned world is judged.
    pub fn new(input: Input<'a>) -> Case<'a> {
        Case::of(input, input.planned)
    }

    /// Prepares an input for another of its worlds.
    pub(crate) fn of(input: Input<'a>, world: &'a World) -> Case<'a> {
        Case {
            world,
            prior: input.prior,
            actual: input.actual,
            contract: input.contract,
            today: input.now.get(..10).unwrap_or(input.now),
            holdings: holding::holdings(world, input.contract),
            estate: estate::estate(world),
            readings: OnceCell::new(),
            administration: OnceCell::new(),
            chains: OnceCell::new(),
            flows: reach::flows(world),
        }
    }

    /// What everybody can do with every store.
    pub(super) fn readings(&self) -> &[ReaderRow] {
        self.readings.get_or_init(|| access::readings(self))
    }

    /// Who administers what.
    pub(super) fn administration(&self) -> &[AdministratorRow] {
        self.administration.get_or_init(|| administration::administration(self))
    }

    /// By which calls everybody could come to read records.
    pub(super) fn chains(&self) -> &Chains {
        self.chains.get_or_init(|| chain::chains(self))
    }

    /// Whether the contract, or a resource of ours, says of any store what it holds.
    pub(super) fn states_stores(&self) -> bool {
        let stated = self.contract.classes.values().any(|terms| !terms.stores.is_empty());
        stated || self.world.buckets.iter().any(|one| one.of_cluster.is_some())
    }

    /// Whether a last day lies before today.
    pub fn is_past(&self, last_day: &str) -> bool {
        last_day.get(..10).unwrap_or(last_day) < self.today
    }
}
