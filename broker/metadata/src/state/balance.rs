//! Which partitions should move so that the ready brokers carry the same: pure, in integers.
//!
//! Invariant: every move makes the spread more even, in this order: of each topic over brokers, of each topic over zones, of
//! all partitions over brokers, of the measured load over brokers. No move makes an earlier one worse, so that balancing
//! comes to an end, and two kinds of it never work against each other.

use std::collections::BTreeMap;

use broker_store::Incarnation;
use uuid::Uuid;

use super::election::{Candidate, count_topic};
use super::{State, Topic};
use crate::command::Target;
use crate::limits::{LOAD_GAP_MIN, LOAD_PARTITIONS_WEIGHED_MAX};

/// Bytes per second, by topic and partition; what is missing carries nothing worth mentioning.
pub type Loads = BTreeMap<(Uuid, i32), u64>;

/// What a broker carries.
struct Carrier {
    incarnation: Incarnation,
    zone: Option<String>,
    load: u64,
    /// Heaviest first.
    partitions: Vec<Weighed>,
}

/// A partition and its load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Weighed {
    load: u64,
    topic: Uuid,
    partition: i32,
}

/// Two partitions that change places.
#[derive(Clone, Copy, Debug)]
struct Swap {
    heavy: Weighed,
    light: Weighed,
}

impl State {
    /// The moves that would spread every topic evenly over the ready brokers and their zones, at most `moves_max` of them;
    /// none while a move is under way. A broker proposes them as [`crate::Change::SetTargets`].
    #[must_use]
    pub fn balancing_targets(&self, moves_max: usize) -> Vec<Target> {
        let mut targets = Vec::new();
        if self.is_moving() {
            return targets;
        }
        let mut candidates = self.candidates();
        for topic in self.topics.values() {
            count_topic(&mut candidates, topic);
            for (number, partition) in (0_i32..).zip(&topic.partitions) {
                let Some(leader) = partition.leader else { continue };
                let Some(from) = candidates.iter().position(|c| c.incarnation == leader) else { continue };
                let Some(to) = better_place(&candidates, from).filter(|_| targets.len() < moves_max) else { continue };
                let Some(broker) = candidates.get(to).map(|to| to.incarnation.broker) else { continue };
                targets.push(Target { topic: topic.id, partition: number, broker: Some(broker) });
                note_move(&mut candidates, from, to);
            }
        }
        targets
    }

    /// The moves that would even out the measured load, where it is uneven enough to be worth the trouble; at most
    /// `moves_max`. Partitions change places two by two, so that nothing else becomes uneven. None while a move is under
    /// way, or there is a better reason for one.
    #[must_use]
    pub fn load_targets(&self, loads: &Loads, moves_max: usize) -> Vec<Target> {
        let mut targets = Vec::new();
        if self.is_moving() || !self.balancing_targets(1).is_empty() {
            return targets;
        }
        let mut carriers = self.carriers(loads);
        let mean = carriers.iter().map(|one| one.load).sum::<u64>() / (carriers.len() as u64).max(1);
        while targets.len() + 2 <= moves_max {
            carriers.sort_by_key(|one| (one.load, one.incarnation));
            let [coolest, .., hottest] = carriers.as_mut_slice() else { break };
            let gap = hottest.load - coolest.load;
            if hottest.load <= mean + mean / 4 || gap < LOAD_GAP_MIN {
                break;
            }
            let Some(swap) = self.best_swap(hottest, coolest, gap, &targets) else { break };
            let target = |one: Weighed, to: &Carrier| Target {
                topic: one.topic,
                partition: one.partition,
                broker: Some(to.incarnation.broker),
            };
            targets.push(target(swap.heavy, coolest));
            targets.push(target(swap.light, hottest));
            exchange(hottest, coolest, swap);
        }
        targets
    }

    fn is_moving(&self) -> bool {
        self.all_partitions().any(|(_, _, partition)| partition.target.is_some() || partition.leader.is_none())
    }

    fn carriers(&self, loads: &Loads) -> Vec<Carrier> {
        let ready = self.candidates().into_iter();
        let mut carriers: BTreeMap<Incarnation, Carrier> = ready
            .map(|c| (c.incarnation, Carrier { incarnation: c.incarnation, zone: c.zone, load: 0, partitions: vec![] }))
            .collect();
        for (topic, number, partition) in self.all_partitions() {
            let Some(carrier) = partition.leader.and_then(|leader| carriers.get_mut(&leader)) else { continue };
            let load = loads.get(&(topic.id, number)).copied().unwrap_or_default();
            carrier.load = carrier.load.saturating_add(load);
            carrier.partitions.push(Weighed { load, topic: topic.id, partition: number });
        }
        for carrier in carriers.values_mut() {
            carrier.partitions.sort_by(|a, b| b.cmp(a));
        }
        carriers.into_values().collect()
    }

    /// The swap after which the two differ least, if it takes away an eighth of the difference at least.
    fn best_swap(&self, hottest: &Carrier, coolest: &Carrier, gap: u64, targets: &[Target]) -> Option<Swap> {
        // What moves already is counted where it was: only swaps inside of a topic keep their counts.
        let in_motion = |topic: Uuid| targets.iter().any(|target| target.topic == topic);
        let left = |swap: &Swap| gap.abs_diff((swap.heavy.load - swap.light.load).saturating_mul(2));
        let mut best: Option<Swap> = None;
        for heavy in hottest.partitions.iter().filter(|one| one.load > 0).take(LOAD_PARTITIONS_WEIGHED_MAX) {
            let same_topic = coolest.partitions.iter().filter(|one| one.topic == heavy.topic);
            let lightest = coolest.partitions.iter().rev().take(LOAD_PARTITIONS_WEIGHED_MAX);
            let light = same_topic.chain(lightest).filter(|one| one.load < heavy.load);
            for light in light {
                let swap = Swap { heavy: *heavy, light: *light };
                let better = best.as_ref().is_none_or(|best| left(&swap) < left(best));
                let same = heavy.topic == light.topic;
                let counted = same || !(in_motion(heavy.topic) || in_motion(light.topic));
                if better && counted && (same || self.keeps_even(&swap, hottest, coolest)) {
                    best = Some(swap);
                }
            }
        }
        best.filter(|swap| left(swap) <= gap - gap / 8)
    }

    /// Whether both topics are spread as evenly afterwards.
    fn keeps_even(&self, swap: &Swap, hottest: &Carrier, coolest: &Carrier) -> bool {
        let (Some(heavy), Some(light)) = (self.topic(swap.heavy.topic), self.topic(swap.light.topic)) else {
            return false;
        };
        self.keeps_topic_even(heavy, hottest, coolest) && self.keeps_topic_even(light, coolest, hottest)
    }

    fn keeps_topic_even(&self, topic: &Topic, from: &Carrier, to: &Carrier) -> bool {
        let led_by = |carrier: &Carrier| {
            topic.partitions.iter().filter(|partition| partition.leader == Some(carrier.incarnation)).count()
        };
        let led_in = |zone: &Option<String>| {
            let leaders = topic.partitions.iter().filter_map(|partition| self.broker(partition.leader?.broker));
            leaders.filter(|broker| broker.zone == *zone).count()
        };
        let zones = from.zone == to.zone || led_in(&to.zone) < led_in(&from.zone);
        led_by(to) < led_by(from) && zones
    }
}

/// Where a partition of the broker `from` would be better off, as the counts are.
fn better_place(candidates: &[Candidate], from: usize) -> Option<usize> {
    let most = candidates.get(from)?;
    // The one that leads least of the topic, then whose zone does, then that leads least of all; of equals the first.
    let fewest = |(_, c): &(usize, &Candidate)| (c.led_in_topic, c.zone_in_topic, c.led, c.incarnation);
    let (to, least) = candidates.iter().enumerate().min_by_key(fewest)?;
    let uneven_topic = most.led_in_topic > least.led_in_topic + 1;
    // One partition more than another in a topic is even; then zones decide, and then the cluster as a whole.
    let more = most.led_in_topic > least.led_in_topic;
    let uneven_zones = more && most.zone_in_topic > least.zone_in_topic + 1;
    let keeps_zones = most.zone == least.zone || most.zone_in_topic > least.zone_in_topic;
    let uneven_cluster = more && keeps_zones && most.led > least.led + 1;
    (uneven_topic || uneven_zones || uneven_cluster).then_some(to)
}

fn note_move(candidates: &mut [Candidate], from: usize, to: usize) {
    let zone = |at: usize| candidates.get(at).map(|candidate| candidate.zone.clone());
    let (zone_from, zone_to) = (zone(from), zone(to));
    for (at, candidate) in candidates.iter_mut().enumerate() {
        if at == from {
            candidate.led = candidate.led.saturating_sub(1);
            candidate.led_in_topic = candidate.led_in_topic.saturating_sub(1);
        } else if at == to {
            candidate.led += 1;
            candidate.led_in_topic += 1;
        }
        if zone_from.as_ref() == Some(&candidate.zone) {
            candidate.zone_in_topic = candidate.zone_in_topic.saturating_sub(1);
        }
        if zone_to.as_ref() == Some(&candidate.zone) {
            candidate.zone_in_topic += 1;
        }
    }
}

fn exchange(hottest: &mut Carrier, coolest: &mut Carrier, swap: Swap) {
    let shift = swap.heavy.load - swap.light.load;
    hottest.load = hottest.load.saturating_sub(shift);
    coolest.load = coolest.load.saturating_add(shift);
    hottest.partitions.retain(|one| *one != swap.heavy);
    coolest.partitions.retain(|one| *one != swap.light);
    // What has moved once stays: targets name each partition once.
}
