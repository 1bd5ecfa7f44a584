//! Who leads a partition that has no leader.
//!
//! The partitions of a topic spread evenly over the ready brokers and over zones; among brokers that are equal in that,
//! those with room are preferred, and rendezvous hashing decides. Partitions that have a leader are never touched here:
//! a broker that comes or goes moves nothing that it did not lead.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use broker_store::Incarnation;
use broker_store::mutation::{Mutation, is_on};
use uuid::Uuid;

use super::{BrokerStatus, ChainLink, State, Topic};

/// A broker that may lead.
pub(super) struct Candidate {
    pub(super) incarnation: Incarnation,
    pub(super) zone: Option<String>,
    /// Partitions it leads in the cluster.
    pub(super) led: u64,
    /// Partitions that it leads in the topic at hand.
    pub(super) led_in_topic: u64,
    /// Partitions that its zone leads in the topic at hand.
    pub(super) zone_in_topic: u64,
}

impl State {
    pub(super) fn elect(&mut self) {
        let has_leaders = |topic: &Topic| topic.partitions.iter().all(|partition| partition.leader.is_some());
        if self.topics.values().all(|topic| has_leaders(topic)) {
            return;
        }
        let mut candidates = self.candidates();
        let partitions: u64 = self.topics.values().map(|topic| topic.partitions.len() as u64).sum();
        // A quarter more than the even share: room for hashing to decide.
        let bound = (partitions * 5).div_ceil((candidates.len() as u64).max(1) * 4);
        let bound = if is_on(Mutation::FloatInApply) { float_bound(partitions, candidates.len()) } else { bound };
        for topic in self.topics.values_mut().filter(|topic| !has_leaders(topic)) {
            count_topic(&mut candidates, topic);
            let topic_id = topic.id;
            for (number, partition) in (0_u64..).zip(&mut topic.make_mut().partitions) {
                if partition.leader.is_some() {
                    continue;
                }
                let Some(chosen) = choose(&mut candidates, topic_id, number, partition.target, bound) else {
                    return;
                };
                let leader_epoch = partition.leader_epoch.saturating_add(1);
                partition.leader = Some(chosen);
                partition.leader_epoch = leader_epoch;
                partition.target = None;
                partition.chain.push(ChainLink { leader_epoch, incarnation: chosen, released: None });
                self.touched.topics.insert(topic_id);
            }
        }
    }

    pub(super) fn candidates(&self) -> Vec<Candidate> {
        let mut led: BTreeMap<Incarnation, u64> = BTreeMap::new();
        for (_, _, partition) in self.all_partitions() {
            if let Some(leader) = partition.leader {
                *led.entry(leader).or_default() += 1;
            }
        }
        let ready = self.brokers.values().filter(|b| b.status == BrokerStatus::Ready);
        ready
            .map(|b| Candidate {
                incarnation: b.incarnation(),
                zone: b.zone.clone(),
                led: led.get(&b.incarnation()).copied().unwrap_or_default(),
                led_in_topic: 0,
                zone_in_topic: 0,
            })
            .collect()
    }
}

/// The same bound as another machine's floating point might have it.
fn float_bound(partitions: u64, candidates: usize) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "the mistake that is made here on purpose"
    )]
    let bound = (partitions as f32 * 1.25 / candidates as f32 + 0.5) as u64;
    bound
}

pub(super) fn count_topic(candidates: &mut [Candidate], topic: &Topic) {
    let mut led: BTreeMap<Incarnation, u64> = BTreeMap::new();
    for leader in topic.partitions.iter().filter_map(|partition| partition.leader) {
        *led.entry(leader).or_default() += 1;
    }
    let mut zones: BTreeMap<Option<String>, u64> = BTreeMap::new();
    for candidate in candidates.iter_mut() {
        candidate.led_in_topic = led.get(&candidate.incarnation).copied().unwrap_or_default();
        *zones.entry(candidate.zone.clone()).or_default() += candidate.led_in_topic;
    }
    for candidate in candidates {
        candidate.zone_in_topic = zones.get(&candidate.zone).copied().unwrap_or_default();
    }
}

/// The target if it is ready, else the best.
fn choose(
    candidates: &mut [Candidate],
    topic: Uuid,
    partition: u64,
    target: Option<i32>,
    bound: u64,
) -> Option<Incarnation> {
    let rank = |candidate: &&mut Candidate| {
        let wanted = Some(candidate.incarnation.broker) == target;
        let spread = (Reverse(candidate.led_in_topic), Reverse(candidate.zone_in_topic));
        let crowded = if candidate.led < bound { 0 } else { candidate.led };
        let zone = score(topic, partition, candidate.zone.as_deref().unwrap_or_default().as_bytes());
        let broker = score(topic, partition, &candidate.incarnation.broker.to_be_bytes());
        (wanted, spread, Reverse(crowded), zone, broker, candidate.incarnation)
    };
    let chosen = candidates.iter_mut().max_by_key(rank)?;
    chosen.led += 1;
    chosen.led_in_topic += 1;
    let (incarnation, zone) = (chosen.incarnation, chosen.zone.clone());
    for candidate in candidates.iter_mut().filter(|candidate| candidate.zone == zone) {
        candidate.zone_in_topic += 1;
    }
    Some(incarnation)
}

/// FNV-1a with SplitMix64's finish: equal on every machine, and even enough.
pub(super) fn score(topic: Uuid, partition: u64, name: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in topic.as_bytes().iter().chain(&partition.to_be_bytes()).chain(name) {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
