//! Which brokers consumers of other zones read partitions from (KIP-392): pure.
//!
//! Any broker can serve reads; these are the ones that clients are told of. One per partition and zone, so that what a zone
//! reads is read from the store once; chosen by rendezvous hashing, so that one that comes or goes moves only its share.

use std::collections::BTreeMap;

use broker_store::Incarnation;
use uuid::Uuid;

use super::election::score;
use super::{BrokerStatus, State};

/// The ready brokers by zone; those without a zone serve no zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readers {
    zones: BTreeMap<String, Vec<Incarnation>>,
}

impl State {
    /// Who serves reads in each zone.
    #[must_use]
    pub fn readers(&self) -> Readers {
        let mut zones: BTreeMap<String, Vec<Incarnation>> = BTreeMap::new();
        for broker in self.brokers.values().filter(|broker| broker.status == BrokerStatus::Ready) {
            if let Some(zone) = &broker.zone {
                zones.entry(zone.clone()).or_default().push(broker.incarnation());
            }
        }
        Readers { zones }
    }
}

impl Readers {
    /// Who serves a partition's reads in a zone in which its leader is not.
    #[must_use]
    pub fn in_zone(&self, zone: &str, topic: Uuid, partition: i32) -> Option<Incarnation> {
        let number = u64::from(partition.cast_unsigned());
        let rank = |reader: &&Incarnation| (score(topic, number, &reader.broker.to_be_bytes()), **reader);
        self.zones.get(zone)?.iter().max_by_key(rank).copied()
    }

    /// The ids of those that serve a partition's reads in the zones in which its leader is not.
    #[must_use]
    pub fn of(&self, topic: Uuid, partition: i32, leader: Incarnation) -> Vec<i32> {
        let elsewhere = self.zones.iter().filter(|(_, readers)| !readers.contains(&leader));
        elsewhere.filter_map(|(zone, _)| self.in_zone(zone, topic, partition)).map(|reader| reader.broker).collect()
    }
}
