//! The faults of a world, by name, and how often each struck.

use std::collections::BTreeMap;

/// One kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// A PUT lands after any delay, also after the process has ended.
    LatePut,
    /// A PUT lands and its answer is lost.
    LostAnswer,
    /// A request is lost.
    LostRequest,
    /// 409 with nothing there.
    ConflictWithNothing,
    /// 409 to one's own success.
    ConflictWithItself,
    /// 412 to one's own success.
    TakenByItself,
    /// A request is answered with 500.
    Broken,
    /// A request is answered with 403.
    Refused,
    /// A request is answered with 503.
    Throttled,
    /// A request is never answered.
    Hung,
    /// A request takes very long.
    Slow,
    /// A delete becomes a delete marker.
    DeleteMarker,
    /// A delete fails in the middle of many.
    PartialDelete,
    /// A delete happens long after it was asked for.
    LateDelete,
    /// Objects appear between two pages of a listing.
    ListWhileWriting,
    /// An object that is there answers 404 once.
    AbsentNamed,
    /// The data bucket is down.
    DataBucketDown,
    /// The metadata bucket is down.
    MetadataBucketDown,
    /// The key is disabled for a minute: 403 to everything, then all is back at once.
    KeyDisabled,
    /// Somebody puts garbage at the next number of the metadata log.
    GarbageInMetadataLog,
    /// A process is killed at a time.
    Crash,
    /// A process is killed at one of its polls.
    CrashAtPoll,
    /// A process stands still.
    Pause,
    /// A process stands still for longer than every grace.
    LongPause,
    /// A process stands still from one of its polls on.
    PauseAtPoll,
    /// A process is started a second time with the same random numbers: one incarnation in two processes.
    Clone,
    /// A clock jumps by up to a year.
    ClockJump,
    /// The cluster begins below the newest feature level, and its level is raised meanwhile.
    FeatureLevels,
    /// The provider is killed after its PUT.
    ProviderKilled,
    /// A broker and its peers cannot hear each other.
    CutPeer,
    /// A broker cannot reach the metadata bucket.
    CutMetadata,
    /// A broker cannot reach the data bucket.
    CutData,
    /// Clients cannot reach a broker.
    CutClient,
    /// A broker hands over.
    Drain,
    /// A broker is fenced while it releases.
    FenceDuringRelease,
    /// Leaders die before they have served anything, one after the other.
    ChainOfUnserved,
    /// A partition goes away and comes back.
    AwayAndBack,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 37] = [
        Self::LatePut,
        Self::LostAnswer,
        Self::LostRequest,
        Self::ConflictWithNothing,
        Self::ConflictWithItself,
        Self::TakenByItself,
        Self::Broken,
        Self::Refused,
        Self::Throttled,
        Self::Hung,
        Self::Slow,
        Self::DeleteMarker,
        Self::PartialDelete,
        Self::LateDelete,
        Self::ListWhileWriting,
        Self::AbsentNamed,
        Self::DataBucketDown,
        Self::MetadataBucketDown,
        Self::KeyDisabled,
        Self::GarbageInMetadataLog,
        Self::Crash,
        Self::CrashAtPoll,
        Self::Pause,
        Self::LongPause,
        Self::PauseAtPoll,
        Self::Clone,
        Self::ClockJump,
        Self::FeatureLevels,
        Self::ProviderKilled,
        Self::CutPeer,
        Self::CutMetadata,
        Self::CutData,
        Self::CutClient,
        Self::Drain,
        Self::FenceDuringRelease,
        Self::ChainOfUnserved,
        Self::AwayAndBack,
    ];
}

/// How often each fault struck.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<Fault, u64>);

impl Tally {
    /// One more.
    pub fn strike(&mut self, fault: Fault) {
        *self.0.entry(fault).or_default() += 1;
    }

    /// Adds another world's.
    pub fn add(&mut self, other: &Self) {
        for (fault, count) in &other.0 {
            *self.0.entry(*fault).or_default() += count;
        }
    }

    /// How often a fault struck.
    #[must_use]
    pub fn of(&self, fault: Fault) -> u64 {
        self.0.get(&fault).copied().unwrap_or(0)
    }
}
