//! Which other brokers are dead: pure.
//!
//! Invariant: an observer whose own store access or scheduling had a gap suspects nobody; it might be the one that is cut
//! off. A wrong suspicion costs a take-over, never a record.

use std::collections::BTreeMap;
use std::time::Duration;

use broker_log::Incarnation;

use crate::limits::{LIVE_STALE_MAX, OBSERVER_GAP_MAX, REFUSED_FOR_MIN};
use crate::status::PeerSignal;

/// What an observer knows of one peer.
#[derive(Clone, Debug)]
struct Peer {
    /// Since when every probe was refused, and how many were.
    refused: Option<(Duration, u32)>,
    /// When the peer last showed a sign of life: an answer, or a new `live/` object.
    alive_at: Duration,
    /// What its `live/` object held when it was last read.
    live: Option<u64>,
}

/// An observer of all other brokers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Detector {
    peers: BTreeMap<Incarnation, Peer>,
    /// When the observer's store last answered, and since when it has done so without a gap.
    store_answered: Option<(Duration, Duration)>,
}

impl Detector {
    /// Takes the incarnations there are now; new ones are alive, the others forgotten.
    pub(crate) fn watch(&mut self, now: Duration, incarnations: &[Incarnation]) {
        self.peers.retain(|peer, _| incarnations.contains(peer));
        for peer in incarnations {
            self.peers.entry(*peer).or_insert(Peer { refused: None, alive_at: now, live: None });
        }
    }

    /// Takes the result of a probe.
    pub(crate) fn probed(&mut self, now: Duration, peer: Incarnation, signal: PeerSignal) {
        let Some(peer) = self.peers.get_mut(&peer) else { return };
        match signal {
            PeerSignal::Refused => {
                let (since, count) = peer.refused.unwrap_or((now, 0));
                peer.refused = Some((since, count.saturating_add(1)));
            }
            // A listening socket is no sign of life: the process may be stopped, or its store gone. `live/` is.
            PeerSignal::Answered | PeerSignal::Silent => peer.refused = None,
        }
    }

    /// Takes what a peer's `live/` object holds: a number that changes with each.
    pub(crate) fn live_read(&mut self, now: Duration, peer: Incarnation, counter: Option<u64>) {
        if let Some(peer) = self.peers.get_mut(&peer)
            && counter.is_some()
            && peer.live != counter
        {
            peer.live = counter;
            peer.alive_at = now;
        }
    }

    /// Notes that the observer's own store has answered.
    pub(crate) fn store_answered(&mut self, now: Duration) {
        self.store_answered = match self.store_answered {
            Some((last, since)) if now.saturating_sub(last) <= OBSERVER_GAP_MAX => Some((now, since)),
            _ => Some((now, now)),
        };
    }

    /// Who is dead, by the evidence there is.
    pub(crate) fn suspects(&self, now: Duration) -> Vec<Incarnation> {
        let Some((last, since)) = self.store_answered else { return Vec::new() };
        if now.saturating_sub(last) > OBSERVER_GAP_MAX {
            return Vec::new();
        }
        // Silence counts only from when the observer itself was able to hear.
        let heard_from = since;
        self.peers
            .iter()
            .filter(|(_, peer)| {
                let gone =
                    peer.refused.is_some_and(|(at, count)| count >= 2 && now.saturating_sub(at) >= REFUSED_FOR_MIN);
                let silent = now.saturating_sub(peer.alive_at.max(heard_from)) >= LIVE_STALE_MAX;
                gone || silent
            })
            .map(|(incarnation, _)| *incarnation)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: Incarnation = Incarnation { broker: 2, epoch: 1 };

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn observer() -> Detector {
        let mut detector = Detector::default();
        detector.watch(at(0), &[PEER]);
        detector.store_answered(at(0));
        detector
    }

    #[test]
    fn a_peer_that_refuses_twice_over_half_a_second_is_dead() {
        let mut detector = observer();
        detector.probed(at(0), PEER, PeerSignal::Refused);
        assert_eq!(detector.suspects(at(600)), vec![]);
        detector.probed(at(500), PEER, PeerSignal::Refused);
        assert_eq!(detector.suspects(at(500)), vec![PEER]);
    }

    #[test]
    fn an_answer_between_two_refusals_clears_the_suspicion() {
        let mut detector = observer();
        detector.probed(at(0), PEER, PeerSignal::Refused);
        detector.probed(at(300), PEER, PeerSignal::Answered);
        detector.probed(at(600), PEER, PeerSignal::Refused);
        assert_eq!(detector.suspects(at(700)), vec![]);
    }

    #[test]
    fn a_peer_whose_live_object_stands_still_is_dead_even_if_its_socket_answers() {
        let mut detector = observer();
        for step in 0..8 {
            detector.store_answered(at(step * 1000));
            detector.probed(at(step * 1000), PEER, PeerSignal::Answered);
            detector.live_read(at(step * 1000), PEER, Some(7));
        }
        assert_eq!(detector.suspects(at(5999)), vec![]);
        assert_eq!(detector.suspects(at(7000)), vec![PEER]);
    }

    #[test]
    fn an_observer_that_paused_suspects_nobody_until_it_has_listened_again() {
        let mut detector = observer();
        detector.live_read(at(0), PEER, Some(1));
        assert_eq!(detector.suspects(at(60_000)), vec![]);
        detector.store_answered(at(60_000));
        assert_eq!(detector.suspects(at(60_000)), vec![]);
        detector.live_read(at(61_000), PEER, Some(30));
        detector.store_answered(at(61_000));
        assert_eq!(detector.suspects(at(61_000)), vec![]);
    }
}
