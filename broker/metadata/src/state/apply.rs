//! Applying entries.

use std::mem;

use broker_store::Incarnation;
use broker_store::mutation::{Mutation, is_on};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{ClusterInfo, Digest, FEATURE_LEVEL_MAX, State};
use crate::command::{Change, Command, CreateCluster};
use crate::limits::{RESULTS_KEPT, TEXT_BYTES_MAX};
use crate::outcome::{Applied, CommandResult, Rejection};

impl State {
    /// Applies the commands of the entry with the number [`State::next_seq`]; the results come in their order.
    ///
    /// Deterministic: the same commands on the same state give the same results and the same state everywhere. A
    /// command that is invalid against the state is rejected and changes nothing.
    pub fn apply(&mut self, commands: &[Command]) -> Vec<CommandResult> {
        let results: Vec<CommandResult> = commands.iter().map(|command| self.apply_once(command)).collect();
        self.finish_entry(&results);
        results
    }

    /// Passes over an entry that is void for everybody.
    pub fn apply_void(&mut self) {
        self.finish_entry(&[]);
    }

    fn apply_once(&mut self, command: &Command) -> CommandResult {
        if let Some(result) = self.results.get(&command.id) {
            return result.clone();
        }
        let result = self.apply_new(command);
        self.remember(command.id, result.clone());
        result
    }

    fn apply_new(&mut self, command: &Command) -> CommandResult {
        if let Change::CreateCluster(create) = &command.change {
            return self.create_cluster(create, command);
        }
        if self.cluster.is_none() {
            return Err(Rejection::NoCluster);
        }
        if command.actor.len() > TEXT_BYTES_MAX || command.reason.len() > TEXT_BYTES_MAX {
            return Err(Rejection::Invalid("actor or reason is too long".to_owned()));
        }
        if let Some(origin) = command.origin
            && !self.is_alive(origin)
            && !is_on(Mutation::FencedWriterAccepted)
        {
            return Err(Rejection::Fenced(origin));
        }
        if let (Some(origin), Some(about)) = (command.origin, about_itself(&command.change))
            && origin != about
        {
            return Err(Rejection::Invalid(format!("{origin} speaks for {about}")));
        }
        let applied = self.change(command)?;
        if can_leave_without_leader(&command.change) {
            self.elect();
        }
        Ok(applied)
    }

    fn change(&mut self, command: &Command) -> CommandResult {
        match &command.change {
            Change::CreateCluster(_) => Err(Rejection::ClusterExists),
            Change::RegisterBroker(register) => self.register_broker(register),
            Change::BrokerReady { incarnation } => self.broker_ready(*incarnation),
            Change::DrainBroker { incarnation } => self.drain_broker(*incarnation),
            Change::DeregisterBroker { incarnation } => self.deregister_broker(*incarnation),
            Change::FenceBrokers { incarnations } => self.fence_brokers(incarnations),
            Change::RetireIncarnation { incarnation } => self.retire_incarnation(*incarnation),
            Change::Release { incarnation, partitions } => self.release(*incarnation, partitions),
            Change::SetTargets { targets } => self.set_targets(targets),
            Change::TrimWal { incarnation, floor, checkpoint } => self.trim_wal(*incarnation, *floor, *checkpoint),
            Change::CreateTopic(create) => self.create_topic(create, command),
            Change::DeleteTopic { topic } => self.delete_topic(*topic),
            Change::NoteSweep { topic, swept } => self.note_sweep(*topic, *swept),
            Change::FinaliseDeletion { topic, swept } => self.finalise_deletion(*topic, *swept),
            Change::AlterTopicConfigs { topic, configs } => self.alter_topic_configs(*topic, configs),
            Change::AlterTopicAttributes { topic, attributes } => self.alter_topic_attributes(*topic, attributes),
            Change::CreatePartitions { topic, total } => self.create_partitions(*topic, *total),
            Change::AllocateProducerIds { count } => self.allocate_producer_ids(*count),
            Change::SetFeatureLevel { level } => self.set_feature_level(*level),
        }
    }

    fn create_cluster(&mut self, create: &CreateCluster, command: &Command) -> CommandResult {
        if self.cluster.is_some() || self.next_seq != 0 {
            return Err(Rejection::ClusterExists);
        }
        let level = create.feature_level;
        if level == 0 || level > FEATURE_LEVEL_MAX {
            return Err(Rejection::FeatureLevel { level, problem: "is not known".to_owned() });
        }
        let name = create.name.clone();
        self.cluster = Some(ClusterInfo { id: create.cluster_id, name, feature_level: level });
        self.next_broker = 1;
        self.next_epoch = 1;
        let created = self.create_internal_topics(create.consumer_offsets_partitions, command);
        if created.is_err() {
            self.cluster = None;
        }
        created
    }

    fn set_feature_level(&mut self, level: u32) -> CommandResult {
        let refuse = |problem: String| Err(Rejection::FeatureLevel { level, problem });
        if let Some(old) = self.brokers.values().find(|b| self.is_alive(b.incarnation()) && b.feature_level_max < level)
        {
            return refuse(format!("broker {} knows only {}", old.id, old.feature_level_max));
        }
        match &mut self.cluster {
            Some(cluster) if level >= cluster.feature_level && level <= FEATURE_LEVEL_MAX => {
                cluster.feature_level = level;
                Ok(Applied::Done)
            }
            _ => refuse("is unknown, or lower than the cluster's".to_owned()),
        }
    }

    fn remember(&mut self, command: Uuid, result: CommandResult) {
        self.results.insert(command, result);
        self.results_order.push_back(command);
        while self.results_order.len() > RESULTS_KEPT {
            if let Some(oldest) = self.results_order.pop_front() {
                self.results.remove(&oldest);
            }
        }
    }

    /// Moves to the next number and folds everything that changed into the digest.
    fn finish_entry(&mut self, results: &[CommandResult]) {
        self.next_seq += 1;
        let touched = mem::take(&mut self.touched);
        let mut hash = Sha256::new();
        hash.update(self.digest.0);
        let scalars = (self.next_seq, self.next_broker, self.next_epoch, self.next_producer_id, &self.cluster);
        fold(&mut hash, &scalars);
        fold(&mut hash, &results);
        for id in &touched.brokers {
            fold(&mut hash, &(id, self.brokers.get(id)));
        }
        for incarnation in &touched.incarnations {
            fold(&mut hash, &(incarnation, self.incarnations.get(incarnation)));
        }
        let topics: Vec<Uuid> = if is_on(Mutation::HashOrderInApply) {
            std::collections::HashSet::<Uuid>::from_iter(touched.topics).into_iter().collect()
        } else {
            touched.topics.into_iter().collect()
        };
        for id in &topics {
            fold(&mut hash, &(id, self.topics.get(id), self.deleted_topics.get(id)));
            if let Some(finalised) = self.finalised_topics.get(id) {
                fold(&mut hash, &(id, finalised));
            }
        }
        self.digest = Digest(hash.finalize().into());
    }
}

/// The incarnation in whose name alone a broker may say this.
fn about_itself(change: &Change) -> Option<Incarnation> {
    match change {
        Change::BrokerReady { incarnation }
        | Change::DeregisterBroker { incarnation }
        | Change::Release { incarnation, .. }
        | Change::TrimWal { incarnation, .. } => Some(*incarnation),
        _ => None,
    }
}

/// Whether partitions may have no leader after this, or may get one: looking through all of them takes its time.
fn can_leave_without_leader(change: &Change) -> bool {
    !matches!(
        change,
        Change::SetTargets { .. }
            | Change::TrimWal { .. }
            | Change::DeleteTopic { .. }
            | Change::AlterTopicConfigs { .. }
            | Change::AlterTopicAttributes { .. }
            | Change::AllocateProducerIds { .. }
            | Change::SetFeatureLevel { .. }
    )
}

fn fold(hash: &mut Sha256, value: &impl Serialize) {
    // These types always serialise; if one did not, it would not on any machine.
    let text = serde_json::to_vec(value).unwrap_or_default();
    hash.update((text.len() as u64).to_be_bytes());
    hash.update(&text);
}
