//! Which other brokers are dead: pure.
//!
//! Invariant: an observer whose own store access or scheduling had a gap suspects nobody; it might be the one that is cut
//! off. A wrong suspicion costs a take-over, never a record.
//!
//! A peer is dead when its connections are refused, or when it has shown no sign of life for three seconds: neither a
//! heartbeat nor a new `live/` object. A sign of life that says that the peer's own store does not answer is none.

use std::collections::BTreeMap;
use std::time::Duration;

use broker_log::Incarnation;
use broker_store::mutation::{Mutation, is_on};

use crate::limits::{
    ASKED_AGO_MAX, LIVE_STALE_MAX, OBSERVER_GAP_MAX, QUIET_MAX, REFUSED_FOR_MIN, SCHEDULING_GAP_MAX, SECOND_SILENT_MIN,
    SILENT_MAX, STARTING_SILENT_MAX, STORE_AGE_MAX,
};

/// What an observer knows of one peer.
#[derive(Clone, Debug)]
struct Peer {
    stage: Stage,
    /// Since when every question was refused, and how many were.
    refused: Option<(Duration, u32)>,
    /// When it last showed that it and its store are well.
    alive_at: Duration,
    /// When it last showed so by asking this broker.
    asked_at: Option<Duration>,
    /// The number of the latest `live/` object that it has told of, or that was read.
    beat: u64,
}

/// How far a peer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It is registered, leads nothing, and may not be able to answer yet.
    Starting,
    /// It leads partitions, or may.
    Serving,
}

/// What a heartbeat or a `live/` object says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sign {
    /// The number of the peer's latest `live/` object.
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
    /// When the observer last ran, and since when it has done so without a gap.
    awake: Option<(Duration, Duration)>,
}

impl Detector {
    /// Takes the incarnations there are now; new ones are alive, the others forgotten.
    pub(crate) fn watch(&mut self, now: Duration, others: &[(Incarnation, Stage)]) {
        self.peers.retain(|peer, _| others.iter().any(|(other, _)| other == peer));
        for (peer, stage) in others {
            let new = Peer { stage: *stage, refused: None, alive_at: now, asked_at: None, beat: 0 };
            self.peers.entry(*peer).or_insert(new).stage = *stage;
        }
    }

    /// Notes that the observer runs; to be called more often than twice in [`SCHEDULING_GAP_MAX`].
    pub(crate) fn awake(&mut self, now: Duration) {
        self.awake = Some(prolong(self.awake, now, SCHEDULING_GAP_MAX));
    }

    /// Notes that the observer's own stores have answered.
    pub(crate) fn store_answered(&mut self, now: Duration) {
        self.store_answered = Some(prolong(self.store_answered, now, OBSERVER_GAP_MAX));
    }

    /// Takes the answer to a heartbeat.
    pub(crate) fn answered(&mut self, now: Duration, peer: Incarnation, sign: Sign) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.refused = None;
            peer.shows(now, sign);
        }
    }

    /// Takes a heartbeat that was not asked for. Whoever sends one lives, and may be out of reach all the same.
    pub(crate) fn heard(&mut self, now: Duration, peer: Incarnation, sign: Sign) {
        let Some(peer) = self.peers.get_mut(&peer) else { return };
        peer.shows(now, sign);
        peer.asked_at = (sign.store_age <= STORE_AGE_MAX).then_some(now);
    }

    /// A connection was refused.
    pub(crate) fn refused(&mut self, now: Duration, peer: Incarnation) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            let (since, count) = peer.refused.unwrap_or((now, 0));
            peer.refused = Some((since, count.saturating_add(1)));
        }
    }

    /// A question was not answered in time.
    pub(crate) fn unanswered(&mut self, peer: Incarnation) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.refused = None;
        }
    }

    /// Takes what a peer's `live/` object holds, if there is one.
    pub(crate) fn live_read(&mut self, now: Duration, peer: Incarnation, sign: Option<Sign>) {
        if let (Some(peer), Some(sign)) = (self.peers.get_mut(&peer), sign)
            && sign.beat > peer.beat
        {
            peer.beat = sign.beat;
            peer.lives(now, sign.store_age);
        }
    }

    /// Of whom nothing was heard for a moment: their `live/` objects are worth a look.
    pub(crate) fn quiet(&self, now: Duration) -> Vec<Incarnation> {
        let quiet = self.peers.iter().filter(|(_, peer)| now.saturating_sub(peer.alive_at) >= QUIET_MAX);
        quiet.map(|(incarnation, _)| *incarnation).collect()
    }

    /// Whether nothing was heard of this one for a moment.
    pub(crate) fn is_quiet(&self, now: Duration, peer: Incarnation) -> bool {
        let known = self.peers.get(&peer);
        known.is_some_and(|peer| peer.refused.is_some() || now.saturating_sub(peer.alive_at) >= QUIET_MAX)
    }

    /// Whether this one is well, and has found the way to this broker a moment ago.
    pub(crate) fn is_in_reach(&self, now: Duration, peer: Incarnation) -> bool {
        let asked_at = self.peers.get(&peer).and_then(|peer| peer.asked_at);
        asked_at.is_some_and(|asked_at| now.saturating_sub(asked_at) < ASKED_AGO_MAX)
    }

    /// Who is dead, by the evidence there is.
    pub(crate) fn suspects(&self, now: Duration) -> Vec<Incarnation> {
        self.filter(now, |peer, well_since| {
            let silent_max = match peer.stage {
                Stage::Starting => STARTING_SILENT_MAX,
                Stage::Serving => SILENT_MAX,
            };
            peer.is_gone(now, well_since) || peer.silent_for(now, well_since) >= silent_max
        })
    }

    /// Who is dead even though nobody else could be asked: they have shown nothing for twice as long.
    pub(crate) fn forsaken(&self, now: Duration) -> Vec<Incarnation> {
        self.filter(now, |peer, well_since| peer.silent_for(now, well_since) >= LIVE_STALE_MAX)
    }

    /// Of whom another observer's suspicion would be shared: the two need not have heard the last at the same moment. None
    /// where this one cannot tell.
    pub(crate) fn seconded(&self, now: Duration) -> Option<Vec<Incarnation>> {
        self.well_since(now)?;
        Some(self.filter(now, |peer, well_since| {
            peer.refused.is_some() || peer.silent_for(now, well_since) >= SECOND_SILENT_MIN
        }))
    }

    fn filter(&self, now: Duration, is_so: impl Fn(&Peer, Duration) -> bool) -> Vec<Incarnation> {
        let Some(well_since) = self.well_since(now) else { return Vec::new() };
        let found = self.peers.iter().filter(|(_, peer)| is_so(peer, well_since));
        found.map(|(incarnation, _)| *incarnation).collect()
    }

    /// Since when the observer has been able to hear, if it is now.
    fn well_since(&self, now: Duration) -> Option<Duration> {
        if is_on(Mutation::FenceAfterOwnPause) {
            return Some(Duration::ZERO);
        }
        let (answered, store_since) = self.store_answered?;
        let (ran, awake_since) = self.awake?;
        let recently =
            now.saturating_sub(answered) <= OBSERVER_GAP_MAX && now.saturating_sub(ran) <= SCHEDULING_GAP_MAX;
        recently.then_some(store_since.max(awake_since))
    }
}

impl Peer {
    fn shows(&mut self, now: Duration, sign: Sign) {
        self.beat = self.beat.max(sign.beat);
        self.lives(now, sign.store_age);
    }

    /// Without its store a broker is as good as dead, since its store last answered.
    fn lives(&mut self, now: Duration, store_age: Duration) {
        self.alive_at = if store_age > STORE_AGE_MAX {
            self.alive_at.min(now.saturating_sub(store_age))
        } else {
            self.alive_at.max(now)
        };
    }

    fn is_gone(&self, now: Duration, well_since: Duration) -> bool {
        self.refused
            .is_some_and(|(since, count)| count >= 2 && now.saturating_sub(since.max(well_since)) >= REFUSED_FOR_MIN)
    }

    /// Silence counts only from when the observer itself was able to hear.
    fn silent_for(&self, now: Duration, well_since: Duration) -> Duration {
        now.saturating_sub(self.alive_at.max(well_since))
    }
}

/// The last time and the first of an unbroken row.
fn prolong(row: Option<(Duration, Duration)>, now: Duration, gap_max: Duration) -> (Duration, Duration) {
    match row {
        Some((last, since)) if now.saturating_sub(last) <= gap_max => (now, since),
        _ => (now, now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: Incarnation = Incarnation { broker: 2, epoch: 1 };
    const NOBODY: Vec<Incarnation> = Vec::new();

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn sign(beat: u64, store_age_ms: u64) -> Sign {
        Sign { beat, store_age: at(store_age_ms) }
    }

    fn observer() -> Detector {
        let mut detector = Detector::default();
        detector.watch(at(0), &[(PEER, Stage::Serving)]);
        detector.is_well(0);
        detector
    }

    impl Detector {
        fn is_well(&mut self, ms: u64) {
            self.awake(at(ms));
            self.store_answered(at(ms));
        }
    }

    #[test]
    fn a_peer_that_refuses_twice_over_a_quarter_of_a_second_is_dead() {
        let mut detector = observer();
        detector.refused(at(0), PEER);
        assert_eq!(detector.suspects(at(600)), NOBODY);
        detector.refused(at(250), PEER);
        assert_eq!(detector.suspects(at(250)), [PEER]);
    }

    #[test]
    fn an_answer_between_two_refusals_clears_the_suspicion() {
        let mut detector = observer();
        detector.refused(at(0), PEER);
        detector.answered(at(300), PEER, sign(1, 0));
        detector.refused(at(600), PEER);
        assert_eq!(detector.suspects(at(900)), NOBODY);
        detector.unanswered(PEER);
        detector.refused(at(1000), PEER);
        assert_eq!(detector.suspects(at(1300)), NOBODY);
    }

    #[test]
    fn a_peer_that_nobody_reaches_is_dead_although_it_reaches_others() {
        let mut detector = observer();
        detector.refused(at(0), PEER);
        detector.heard(at(100), PEER, sign(1, 0));
        detector.refused(at(250), PEER);
        assert_eq!(detector.suspects(at(250)), [PEER]);
    }

    #[test]
    fn a_peer_that_neither_answers_nor_shows_itself_for_three_seconds_is_dead() {
        let mut detector = observer();
        detector.heard(at(500), PEER, sign(3, 0));
        for half in 2..=6 {
            detector.is_well(half * 500);
        }
        assert_eq!(detector.quiet(at(1000)), NOBODY);
        assert_eq!(detector.quiet(at(1250)), [PEER]);
        // What was written before its last heartbeat is no news.
        detector.live_read(at(3000), PEER, Some(sign(3, 0)));
        assert_eq!(detector.suspects(at(3400)), NOBODY);
        assert_eq!(detector.suspects(at(3500)), [PEER]);
        assert_eq!(detector.forsaken(at(3500)), NOBODY);
        // A cut between the two of them is no death.
        detector.live_read(at(3500), PEER, Some(sign(4, 0)));
        assert_eq!(detector.suspects(at(3500)), NOBODY);
    }

    #[test]
    fn a_second_observer_agrees_a_little_earlier_and_an_unwell_one_cannot_tell() {
        let mut detector = observer();
        detector.heard(at(0), PEER, sign(1, 0));
        detector.is_well(1400);
        detector.is_well(2000);
        assert_eq!(detector.seconded(at(1900)), Some(NOBODY));
        assert_eq!(detector.seconded(at(2000)), Some(vec![PEER]));
        assert_eq!(detector.suspects(at(2000)), NOBODY);
        assert_eq!(detector.seconded(at(9000)), None);
    }

    #[test]
    fn without_a_second_observer_it_takes_six_seconds() {
        let mut detector = observer();
        for second in 1..=6 {
            detector.is_well(second * 1000);
        }
        assert_eq!((detector.forsaken(at(5999)), detector.forsaken(at(6000))), (NOBODY, vec![PEER]));
    }

    #[test]
    fn an_observer_whose_store_paused_suspects_nobody_until_it_has_listened_again() {
        let mut detector = observer();
        for second in 1..=60 {
            detector.awake(at(second * 1000));
        }
        assert_eq!(detector.suspects(at(60_000)), NOBODY);
        detector.store_answered(at(60_000));
        assert_eq!(detector.suspects(at(60_000)), NOBODY);
        for second in 61..=62 {
            detector.is_well(second * 1000);
        }
        assert_eq!(detector.suspects(at(62_000)), NOBODY);
        detector.is_well(63_000);
        assert_eq!(detector.suspects(at(63_000)), [PEER]);
    }

    #[test]
    fn an_observer_that_did_not_run_itself_suspects_nobody() {
        let mut detector = observer();
        detector.refused(at(100), PEER);
        // Stopped for a minute; the store answers as soon as it is asked.
        detector.refused(at(60_000), PEER);
        detector.is_well(60_000);
        assert_eq!(detector.suspects(at(60_000)), NOBODY);
        detector.answered(at(60_010), PEER, sign(30, 0));
        detector.is_well(60_500);
        assert_eq!(detector.suspects(at(60_500)), NOBODY);
    }

    #[test]
    fn a_peer_whose_store_is_gone_is_dead_however_often_it_says_that_it_lives() {
        let mut detector = observer();
        for second in 0..8 {
            detector.is_well(second * 1000);
            detector.heard(at(second * 1000), PEER, sign(second, second * 1000));
            let expected = if second < 6 { vec![] } else { vec![PEER] };
            assert_eq!(detector.suspects(at(second * 1000)), expected, "after {second} s");
        }
    }

    #[test]
    fn a_peer_is_in_reach_while_its_own_questions_arrive_and_its_store_answers_it() {
        let mut detector = observer();
        assert!(!detector.is_in_reach(at(0), PEER));
        // It answers, and shows itself in the bucket: that says nothing of its way to here.
        detector.answered(at(100), PEER, sign(1, 0));
        detector.live_read(at(100), PEER, Some(sign(2, 0)));
        assert!(!detector.is_in_reach(at(100), PEER));
        detector.heard(at(200), PEER, sign(2, 0));
        assert!(detector.is_in_reach(at(1600), PEER));
        assert!(!detector.is_in_reach(at(1700), PEER));
        detector.heard(at(1700), PEER, sign(2, 6000));
        assert!(!detector.is_in_reach(at(1700), PEER));
    }

    #[test]
    fn a_peer_that_is_starting_may_be_silent_for_longer() {
        let mut detector = observer();
        detector.watch(at(0), &[(PEER, Stage::Starting)]);
        for second in 1..=30 {
            detector.is_well(second * 1000);
        }
        assert_eq!((detector.suspects(at(29_999)), detector.suspects(at(30_000))), (NOBODY, vec![PEER]));
    }
}
