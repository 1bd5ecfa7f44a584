//! Terraform plans (`terraform show -json`) and their sources, read into the boundary's model.
//!
//! [`read`] goes through four stages, one file each: the format ([`format`], what is refused), the instances before and
//! after (`instance`), the values (`graph`: what the plan leaves open is filled from the sources' expressions, from
//! arguments that determine an identifier, or with a symbol), and the entities (`translate`).

pub mod format;
pub mod source;

mod document;
mod expression;
mod functions;
mod graph;
mod identity;
mod instance;
mod object;
mod provider;
mod references;
mod translate;
mod value;

use std::path::Path;

use provider_boundary::model::{Contract, World};
use thiserror::Error;

use self::{
    format::{Plan, PlanError},
    graph::Graph,
    source::{SourceError, Sources},
};

/// A plan, read.
#[derive(Debug)]
pub struct PlanRead {
    /// The world after the apply.
    pub planned: World,
    /// The world before it, as far as the configuration manages it.
    pub prior: World,
    /// What whoever reads the review should know: `FILE:LINE: what`, where sources are not those of the plan.
    pub notes: Vec<String>,
}

/// Why a plan could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Its sources.
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// Reads a plan, with the folder of its root module where there is one.
///
/// # Errors
/// [`ReadError`] when it is no plan that can be reviewed, or its sources cannot be read.
pub fn read(text: &[u8], source: Option<&Path>) -> Result<PlanRead, ReadError> {
    let plan = Plan::read(text)?;
    let sources = source.map(|root| Sources::read(root, &plan)).transpose()?;
    let graph = Graph::new(&plan, sources.as_ref());
    let place = graph.places.get("").cloned().unwrap_or_else(provider::nowhere);
    let planned = translate::world(&object::planned(&graph), place.clone());
    let prior = translate::world(&object::prior(&graph), place);
    Ok(PlanRead { planned, prior, notes: graph.notes.take().into_iter().collect() })
}

/// Refuses a plan that acts in another account than the contract approves.
///
/// # Errors
/// [`PlanError::Account`]. A plan whose account is not known is not refused.
pub fn check_account(world: &World, contract: &Contract) -> Result<(), PlanError> {
    match world.account.known() {
        Some(found) if !contract.accounts.is_empty() && !contract.accounts.contains(found) => {
            Err(PlanError::Account { found: found.clone(), approved: contract.accounts.join(", ") })
        }
        _ => Ok(()),
    }
}
