//! Clients that commit offsets of a group and read them back.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use broker_engine::{CommitOffset, OffsetCommitRequest, OffsetFetchRequest, TopicRef};
use uuid::Uuid;

use super::Client;
use crate::core::Slot;
use crate::invariant::Invariant;

/// The longest that a commit takes where nothing fails, however long producers wait.
const PROMPT_MAX: Duration = Duration::from_secs(1);

/// What is known of one group's offset: a register that only grows.
#[derive(Clone, Debug, Default)]
struct Register {
    /// The highest commit that was begun.
    begun: i64,
    /// Commits without an answer: each may take effect at any later time.
    unresolved: BTreeSet<i64>,
    /// The highest commit that was acknowledged.
    acked: i64,
    /// The highest that was ever answered.
    answered: i64,
}

/// The commits of one group to one partition.
#[derive(Clone, Debug)]
pub struct Commits {
    client: Client,
    group: String,
    topic: Uuid,
    partition: i32,
    register: Arc<Mutex<Register>>,
}

impl Commits {
    /// Nothing is committed yet.
    #[must_use]
    pub fn new(client: &Client, group: String, topic: Uuid, partition: i32) -> Self {
        Self { client: client.clone(), group, topic, partition, register: Arc::default() }
    }

    /// Commits growing offsets until the work is over.
    pub async fn commit(self, until: Duration) {
        let mut next = 1;
        while self.client.core.clock.now() < until {
            self.client.pause(50, 1_500).await;
            let Some(slot) = self.coordinator().await else { continue };
            self.register(|register| {
                register.begun = next;
                register.unresolved.insert(next);
            });
            let request = OffsetCommitRequest {
                group: self.group.clone(),
                generation: -1,
                member_id: String::new(),
                group_instance_id: None,
                offsets: vec![CommitOffset {
                    topic: TopicRef::Id(self.topic),
                    partition: self.partition,
                    offset: next,
                    leader_epoch: -1,
                    metadata: String::new(),
                }],
            };
            let patience = Duration::from_secs(8);
            let began = self.client.core.clock.now();
            let answer =
                self.client.ask(slot, patience, |engine| async move { engine.offset_commit(request).await }).await;
            let acked = answer.is_some_and(|outcomes| outcomes.iter().all(Result::is_ok));
            let took = self.client.core.clock.now().saturating_sub(began);
            if self.client.core.plan.prompt_commits && took > PROMPT_MAX {
                let problem = format!("{}: a commit took {took:?} while producers wait for memory", self.group);
                self.client.core.violated(Invariant::MemoryIsBounded, problem);
            }
            if acked {
                self.client.core.say(|| format!("    {} committed {next}", self.group));
                self.client.core.happened(&[5, u64::try_from(next).unwrap_or(0)]);
                self.register(|register| {
                    register.acked = register.acked.max(next);
                    register.unresolved.remove(&next);
                });
            }
            next += 1;
        }
    }

    /// Reads the offset back until the work is over.
    pub async fn watch(self, until: Duration) {
        while self.client.core.clock.now() < until {
            self.client.pause(20, 700).await;
            self.read().await;
        }
    }

    /// Reads the offset once and compares; whether there was an answer.
    pub async fn read(&self) -> bool {
        let Some(slot) = self.coordinator().await else { return false };
        let (acked, answered, unresolved) =
            self.register(|register| (register.acked, register.answered, register.unresolved.clone()));
        let Some(found) = self.fetch_from(slot).await else { return false };
        let core = &self.client.core;
        core.say(|| format!("    {} fetched {found} (acked {acked}, answered {answered})", self.group));
        let group = &self.group;
        if unresolved.contains(&found) {
            // Whoever gave up waiting may be overtaken by what was sent later.
        } else if found < acked {
            core.violated(
                Invariant::GroupOffsetsSurvive,
                format!("{group}: {acked} was committed, {found} is fetched"),
            );
        } else if found < answered {
            core.violated(Invariant::AnswersAreDurable, format!("{group}: {answered} was fetched, and then {found}"));
        }
        let begun = self.register(|register| {
            register.answered = register.answered.max(found);
            register.begun
        });
        if found > begun {
            core.violated(Invariant::AnswersAreDurable, format!("{group}: {found} was never committed"));
        }
        true
    }

    /// The offset that is committed, zero where none is; none when nobody answers.
    pub async fn fetch(&self) -> Option<i64> {
        let slot = self.coordinator().await?;
        self.fetch_from(slot).await
    }

    async fn fetch_from(&self, slot: Slot) -> Option<i64> {
        let request = OffsetFetchRequest {
            group: self.group.clone(),
            partitions: Some(vec![(TopicRef::Id(self.topic), self.partition)]),
        };
        let patience = Duration::from_secs(8);
        let answer = self.client.ask(slot, patience, |engine| async move { engine.offset_fetch(request).await }).await;
        // Kafka's -1 is "nothing committed".
        answer?.ok()?.first().map(|found| found.offset.max(0))
    }

    async fn coordinator(&self) -> Option<Slot> {
        self.client.group_coordinator(&self.group).await
    }

    fn register<T>(&self, change: impl FnOnce(&mut Register) -> T) -> T {
        change(&mut self.register.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
