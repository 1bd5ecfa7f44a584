//! Who leads a partition that has no leader.
//!
//! Rendezvous hashing, first over zones, then over the brokers of the zone, with a bound on what one broker leads: a
//! broker that comes or goes moves nothing that it did not lead, and few partitions spread as evenly as many. Partitions
//! that have a leader are never touched here.

use std::collections::BTreeMap;

use broker_store::Incarnation;
use uuid::Uuid;

use super::{BrokerStatus, ChainLink, State};

struct Candidate {
    incarnation: Incarnation,
    zone: Option<String>,
    led: u64,
}

impl State {
    pub(super) fn elect(&mut self) {
        if self.topics.values().all(|topic| topic.partitions.iter().all(|p| p.leader.is_some())) {
            return;
        }
        let mut candidates = self.candidates();
        let partitions: u64 = self.topics.values().map(|topic| topic.partitions.len() as u64).sum();
        // A quarter more than the even share: room for hashing to keep partitions where they were.
        let bound = (partitions * 5).div_ceil((candidates.len() as u64).max(1) * 4);
        for topic in self.topics.values_mut() {
            for (number, partition) in topic.partitions.iter_mut().enumerate() {
                if partition.leader.is_some() {
                    continue;
                }
                let Some(chosen) = choose(&mut candidates, topic.id, number as u64, partition.target, bound) else {
                    return;
                };
                let leader_epoch = partition.leader_epoch.saturating_add(1);
                partition.leader = Some(chosen);
                partition.leader_epoch = leader_epoch;
                partition.target = None;
                partition.chain.push(ChainLink { leader_epoch, incarnation: chosen, released: None });
                self.touched.topics.insert(topic.id);
            }
        }
    }

    fn candidates(&self) -> Vec<Candidate> {
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
            })
            .collect()
    }
}

/// The target if it is ready; else the highest score among brokers below the bound; else the one that leads least.
fn choose(
    candidates: &mut [Candidate],
    topic: Uuid,
    partition: u64,
    target: Option<i32>,
    bound: u64,
) -> Option<Incarnation> {
    let rank = |candidate: &&mut Candidate| {
        let wanted = Some(candidate.incarnation.broker) == target;
        let has_room = candidate.led < bound;
        let fewest = if has_room { 0 } else { u64::MAX - candidate.led };
        let zone = score(topic, partition, candidate.zone.as_deref().unwrap_or_default().as_bytes());
        let broker = score(topic, partition, &candidate.incarnation.broker.to_be_bytes());
        (wanted, has_room, fewest, zone, broker, candidate.incarnation)
    };
    let chosen = candidates.iter_mut().max_by_key(rank)?;
    chosen.led += 1;
    Some(chosen.incarnation)
}

/// FNV-1a with SplitMix64's finish: equal on every machine, and even enough.
fn score(topic: Uuid, partition: u64, name: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let parts = topic.as_bytes().iter().chain(&partition.to_be_bytes()).chain(name).copied().collect::<Vec<u8>>();
    for byte in parts {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
