//! Commands about brokers and their logs.

use broker_store::Incarnation;
use broker_store::mutation::{Mutation, is_on};
use uuid::Uuid;

use super::{Broker, BrokerStatus, ChainLink, Partition, State, Topic, WalLog};
use crate::command::{RegisterBroker, ReleasedPartition, Target};
use crate::limits::{BROKERS_MAX, INCARNATIONS_MAX, TEXT_BYTES_MAX};
use crate::outcome::{Applied, CommandResult, Rejection};

impl State {
    pub(super) fn register_broker(&mut self, register: &RegisterBroker) -> CommandResult {
        let cluster_level = self.cluster.as_ref().map_or(0, |cluster| cluster.feature_level);
        if register.feature_level_max < cluster_level {
            let problem = format!("the cluster is at {cluster_level}");
            return Err(Rejection::FeatureLevel { level: register.feature_level_max, problem });
        }
        let texts = [&register.host, &register.endpoint.host, register.zone.as_ref().unwrap_or(&register.host)];
        if register.host.is_empty() || texts.iter().any(|text| text.len() > TEXT_BYTES_MAX) {
            return Err(Rejection::Invalid("host, endpoint or zone is empty or too long".to_owned()));
        }
        if self.incarnations.len() >= INCARNATIONS_MAX {
            return Err(Rejection::LimitReached { what: format!("{INCARNATIONS_MAX} logs are not retired") });
        }
        let id = self.broker_id_for(register)?;
        let former: Vec<Incarnation> = self
            .brokers
            .values()
            .filter(|b| b.host == register.host || b.id == id)
            .map(Broker::incarnation)
            .filter(|incarnation| self.is_alive(*incarnation))
            .collect();
        for incarnation in former {
            self.fence(incarnation);
        }
        let epoch = self.next_epoch;
        self.next_epoch += 1;
        self.next_broker = self.next_broker.max(id.saturating_add(1));
        let broker = Broker {
            id,
            epoch,
            host: register.host.clone(),
            endpoint: register.endpoint.clone(),
            zone: register.zone.clone(),
            feature_level_max: register.feature_level_max,
            status: BrokerStatus::Registered,
        };
        let incarnation = broker.incarnation();
        self.brokers.insert(id, broker);
        self.incarnations.insert(incarnation, WalLog { fenced: false, floor: 0, checkpoint: None });
        self.touched.brokers.insert(id);
        self.touched.incarnations.insert(incarnation);
        Ok(Applied::Registered { incarnation })
    }

    /// A host keeps its id; a wish is granted unless another living host has it.
    fn broker_id_for(&self, register: &RegisterBroker) -> Result<i32, Rejection> {
        if let Some(broker) = register.broker {
            if !(0..i32::MAX).contains(&broker) {
                return Err(Rejection::Invalid(format!("{broker} is not a broker id")));
            }
            let holder = self.brokers.get(&broker);
            return match holder {
                Some(b) if b.host != register.host && b.status != BrokerStatus::Fenced => {
                    Err(Rejection::BrokerIdTaken { broker, host: b.host.clone() })
                }
                _ => Ok(broker),
            };
        }
        if let Some(known) = self.brokers.values().find(|b| b.host == register.host) {
            return Ok(known.id);
        }
        if self.brokers.len() >= BROKERS_MAX || self.next_broker == i32::MAX {
            return Err(Rejection::LimitReached { what: format!("{BROKERS_MAX} brokers are registered") });
        }
        Ok(self.next_broker)
    }

    pub(super) fn broker_ready(&mut self, incarnation: Incarnation) -> CommandResult {
        self.alive_mut(incarnation)?.status = BrokerStatus::Ready;
        Ok(Applied::Done)
    }

    pub(super) fn drain_broker(&mut self, incarnation: Incarnation) -> CommandResult {
        self.alive_mut(incarnation)?.status = BrokerStatus::Draining;
        Ok(Applied::Done)
    }

    pub(super) fn deregister_broker(&mut self, incarnation: Incarnation) -> CommandResult {
        self.alive_mut(incarnation)?;
        let led = self.led_by(incarnation).count();
        if led > 0 {
            let partitions = u32::try_from(led).unwrap_or(u32::MAX);
            return Err(Rejection::StillLeads { incarnation, partitions });
        }
        self.fence(incarnation);
        Ok(Applied::Done)
    }

    pub(super) fn fence_brokers(&mut self, incarnations: &[Incarnation]) -> CommandResult {
        let known = |incarnation: &&Incarnation| self.is_alive(**incarnation);
        let alive: Vec<Incarnation> = incarnations.iter().filter(known).copied().collect();
        if alive.is_empty() {
            // Somebody was faster. A rejection, so that late observers write no entries.
            let first = incarnations.first().copied();
            return Err(first.map_or_else(|| Rejection::Invalid("nobody to fence".to_owned()), Rejection::Fenced));
        }
        for incarnation in alive {
            self.fence(incarnation);
        }
        Ok(Applied::Done)
    }

    /// Takes everything from an incarnation that is alive.
    fn fence(&mut self, incarnation: Incarnation) {
        if let Some(broker) = self.brokers.get_mut(&incarnation.broker) {
            broker.status = BrokerStatus::Fenced;
        }
        if let Some(log) = self.incarnations.get_mut(&incarnation) {
            log.fenced = true;
        }
        self.touched.brokers.insert(incarnation.broker);
        self.touched.incarnations.insert(incarnation);
        let led = |topic: &Topic| topic.partitions.iter().any(|p| p.leader == Some(incarnation));
        for topic in self.topics.values_mut().filter(|topic| led(topic)) {
            self.touched.topics.insert(topic.id);
            for partition in topic.make_mut().partitions.iter_mut().filter(|p| p.leader == Some(incarnation)) {
                partition.leader = None;
            }
        }
    }

    pub(super) fn retire_incarnation(&mut self, incarnation: Incarnation) -> CommandResult {
        match self.incarnations.get(&incarnation) {
            None => return Err(Rejection::Fenced(incarnation)),
            Some(log) if !log.fenced => return Err(Rejection::Alive(incarnation)),
            Some(_) => {}
        }
        self.incarnations.remove(&incarnation);
        self.touched.incarnations.insert(incarnation);
        self.forget_links(|link| link.incarnation == incarnation);
        let latest = self.brokers.get(&incarnation.broker);
        if latest.is_some_and(|b| b.epoch == incarnation.epoch) {
            self.brokers.remove(&incarnation.broker);
            self.touched.brokers.insert(incarnation.broker);
        }
        Ok(Applied::Done)
    }

    /// Shortens chains by leaderships that left nothing that is not in segments.
    fn forget_links(&mut self, is_over: impl Fn(&ChainLink) -> bool) {
        let is_shortened = |partition: &Partition| partition.chain.iter().any(&is_over);
        for topic in self.topics.values_mut().filter(|topic| topic.partitions.iter().any(is_shortened)) {
            self.touched.topics.insert(topic.id);
            for partition in &mut topic.make_mut().partitions {
                partition.chain.retain(|link| !is_over(link));
            }
        }
    }

    /// All or nothing: a sender that is wrong about one partition may be wrong about all.
    pub(super) fn release(&mut self, incarnation: Incarnation, released: &[ReleasedPartition]) -> CommandResult {
        self.alive_mut(incarnation)?;
        for one in released {
            let partition = self.partition(one.topic, one.partition);
            let partition = partition.ok_or(Rejection::NotLeader { topic: one.topic, partition: one.partition })?;
            if partition.leader != Some(incarnation) || partition.leader_epoch != one.leader_epoch {
                return Err(Rejection::NotLeader { topic: one.topic, partition: one.partition });
            }
            if one.position.end_offset < 0 {
                return Err(Rejection::Invalid("a negative offset".to_owned()));
            }
        }
        for one in released {
            if let Some(partition) = self.partition_mut(one.topic, one.partition) {
                partition.leader = None;
                if let Some(link) = partition.chain.last_mut() {
                    link.released = Some(one.position);
                }
            }
        }
        // Of a leadership that left nothing above the floor there is nothing to read.
        let floor = self.incarnations.get(&incarnation).map_or(0, |log| log.floor);
        self.forget_links(|link| {
            let ended = link.released.is_some_and(|released| released.wal_seq <= floor);
            link.incarnation == incarnation && ended
        });
        Ok(Applied::Done)
    }

    /// All or nothing.
    pub(super) fn set_targets(&mut self, targets: &[Target]) -> CommandResult {
        for target in targets {
            if self.partition(target.topic, target.partition).is_none() {
                return Err(Rejection::UnknownPartition { topic: target.topic, partition: target.partition });
            }
            if let Some(broker) = target.broker
                && self.brokers.get(&broker).is_none_or(|b| b.status != BrokerStatus::Ready)
            {
                return Err(Rejection::UnknownBroker(broker));
            }
        }
        for target in targets {
            if let Some(partition) = self.partition_mut(target.topic, target.partition) {
                let led_by_target = partition.leader.is_some_and(|leader| Some(leader.broker) == target.broker);
                partition.target = target.broker.filter(|_| !led_by_target);
                if is_on(Mutation::ApplyMovesLiveLeader) {
                    partition.leader = None;
                }
            }
        }
        Ok(Applied::Done)
    }

    pub(super) fn trim_wal(&mut self, incarnation: Incarnation, floor: u64, checkpoint: Option<Uuid>) -> CommandResult {
        match self.incarnations.get_mut(&incarnation) {
            Some(log) if !log.fenced => {
                if floor <= log.floor {
                    return Err(Rejection::FloorNotHigher { floor: log.floor });
                }
                log.floor = floor;
                log.checkpoint = checkpoint;
                self.touched.incarnations.insert(incarnation);
                self.forget_links(|link| {
                    let ended = link.released.is_some_and(|released| released.wal_seq <= floor);
                    link.incarnation == incarnation && ended
                });
                Ok(Applied::Done)
            }
            _ => Err(Rejection::Fenced(incarnation)),
        }
    }

    pub(super) fn allocate_producer_ids(&mut self, count: u32) -> CommandResult {
        if count == 0 || count > crate::limits::PRODUCER_ID_BLOCK_MAX {
            return Err(Rejection::Invalid(format!("a block of {count} producer ids")));
        }
        let first = self.next_producer_id;
        let next = first.checked_add(i64::from(count));
        self.next_producer_id = next.ok_or_else(|| Rejection::LimitReached { what: "producer ids".to_owned() })?;
        Ok(Applied::ProducerIds { first, count })
    }

    fn alive_mut(&mut self, incarnation: Incarnation) -> Result<&mut Broker, Rejection> {
        if !self.is_alive(incarnation) {
            return Err(Rejection::Fenced(incarnation));
        }
        self.touched.brokers.insert(incarnation.broker);
        self.brokers.get_mut(&incarnation.broker).ok_or(Rejection::Fenced(incarnation))
    }
}
