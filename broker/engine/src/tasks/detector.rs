//! Which other brokers are dead: pure.
//!
//! Invariant: an observer whose own store access or scheduling had a gap suspects nobody; it might be the one that is cut
//! off. A wrong suspicion costs a take-over, never a record.
//!
//! A peer is dead when its connections are refused; when it is silent, that is, neither answers probes nor shows a new
//! `live/` object; or when its `live/` object stands still, or says that its store does not answer, though its socket does.
//! One observer is enough: that a second one agrees, where there are three brokers or more, comes with the full membership.

use std::collections::BTreeMap;
use std::time::Duration;

use broker_log::Incarnation;
use broker_store::mutation::{Mutation, is_on};

use crate::limits::{LIVE_STALE_MAX, OBSERVER_GAP_MAX, REFUSED_FOR_MIN, SILENT_MAX, STORE_AGE_MAX};
use crate::status::PeerSignal;

/// What an observer knows of one peer.
#[derive(Clone, Debug)]
struct Peer {
    /// Since when every probe was refused, and how many were.
    refused: Option<(Duration, u32)>,
    /// When a probe was last answered, and since when none was.
    answered_at: Option<Duration>,
    silent_since: Option<Duration>,
    /// When the peer last showed a sign of life: a new `live/` object that says that its store answers.
    alive_at: Duration,
    /// What its `live/` object held when it was last read.
    live: Option<u64>,
}

/// What a `live/` object says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sign {
    /// Changes with each.
    pub(crate) beat: u64,
    /// How long ago the peer's store last answered.
    pub(crate) store_age: Duration,
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
            self.peers.entry(*peer).or_insert(Peer {
                refused: None,
                answered_at: None,
                silent_since: None,
                alive_at: now,
                live: None,
            });
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
            PeerSignal::Answered | PeerSignal::Silent => peer.refused = None,
        }
        match signal {
            // No sign of life, though: its store may be gone. `live/` is one.
            PeerSignal::Answered => (peer.answered_at, peer.silent_since) = (Some(now), None),
            PeerSignal::Refused | PeerSignal::Silent => {
                let since = peer.answered_at.unwrap_or(now);
                peer.silent_since.get_or_insert(since);
            }
        }
    }

    /// Whether a peer leaves probes unanswered.
    pub(crate) fn hears_silence(&self) -> bool {
        self.peers.values().any(|peer| peer.silent_since.is_some())
    }

    /// Takes what a peer's `live/` object holds, if there is one.
    pub(crate) fn live_read(&mut self, now: Duration, peer: Incarnation, sign: Option<Sign>) {
        if let (Some(peer), Some(sign)) = (self.peers.get_mut(&peer), sign)
            && peer.live != Some(sign.beat)
        {
            peer.live = Some(sign.beat);
            // Without its store a broker is as good as dead, since its store last answered.
            let silent = sign.store_age > STORE_AGE_MAX;
            peer.alive_at = if silent { peer.alive_at.min(now.saturating_sub(sign.store_age)) } else { now };
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
        let since = if is_on(Mutation::FenceAfterOwnPause) { Duration::ZERO } else { since };
        if now.saturating_sub(last) > OBSERVER_GAP_MAX && !is_on(Mutation::FenceAfterOwnPause) {
            return Vec::new();
        }
        // Silence counts only from when the observer itself was able to hear.
        let silent_for = |since_then: Duration| now.saturating_sub(since_then.max(since));
        self.peers
            .iter()
            .filter(|(_, peer)| {
                let gone =
                    peer.refused.is_some_and(|(at, count)| count >= 2 && now.saturating_sub(at) >= REFUSED_FOR_MIN);
                let stale_for = silent_for(peer.alive_at);
                let silent = stale_for >= SILENT_MAX
                    && peer.silent_since.is_some_and(|since_then| silent_for(since_then) >= SILENT_MAX);
                gone || silent || stale_for >= LIVE_STALE_MAX
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

    fn sign(beat: u64, store_age_ms: u64) -> Option<Sign> {
        Some(Sign { beat, store_age: at(store_age_ms) })
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
            detector.live_read(at(step * 1000), PEER, sign(7, 0));
        }
        assert_eq!(detector.suspects(at(5999)), vec![]);
        assert_eq!(detector.suspects(at(7000)), vec![PEER]);
    }

    #[test]
    fn an_observer_that_paused_suspects_nobody_until_it_has_listened_again() {
        let mut detector = observer();
        detector.live_read(at(0), PEER, sign(1, 0));
        assert_eq!(detector.suspects(at(60_000)), vec![]);
        detector.store_answered(at(60_000));
        assert_eq!(detector.suspects(at(60_000)), vec![]);
        detector.live_read(at(61_000), PEER, sign(30, 0));
        detector.store_answered(at(61_000));
        assert_eq!(detector.suspects(at(61_000)), vec![]);
    }

    #[test]
    fn a_peer_that_neither_answers_nor_shows_itself_for_three_seconds_is_dead() {
        let mut detector = observer();
        detector.live_read(at(0), PEER, sign(1, 0));
        for half in 1..=5 {
            detector.store_answered(at(half * 500));
            detector.probed(at(half * 500), PEER, PeerSignal::Silent);
        }
        detector.store_answered(at(3400));
        assert_eq!(detector.suspects(at(3400)), vec![]);
        assert_eq!(detector.suspects(at(3500)), vec![PEER]);
        // A cut between the two of them is no death.
        detector.live_read(at(3500), PEER, sign(2, 0));
        assert_eq!(detector.suspects(at(3500)), vec![]);
    }

    #[test]
    fn a_peer_whose_store_is_gone_is_dead_however_often_it_says_that_it_lives() {
        let mut detector = observer();
        for second in 0..8 {
            detector.store_answered(at(second * 1000));
            detector.probed(at(second * 1000), PEER, PeerSignal::Answered);
            detector.live_read(at(second * 1000), PEER, sign(second, second * 1000));
            let expected = if second < 6 { vec![] } else { vec![PEER] };
            assert_eq!(detector.suspects(at(second * 1000)), expected, "after {second} s");
        }
    }
}
