//! Deliberate mistakes that the simulation must catch.
//!
//! Each is one line at the place concerned, `if mutation::is_on(Mutation::…)`. They exist only with the cargo feature
//! `mutations`, which nothing but the simulation asks for; without it [`is_on`] is a constant and the mistakes are not in
//! the program.

/// One mistake; the list is the one at the end of the storage design.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mutation {
    /// The search for the seal begins at number 0, not at the floor.
    SealSearchFromZero,
    /// The first number where nothing stands is sealed and taken for the end, whatever stands at lower ones in flight.
    SealAtFirstGap,
    /// The seal is deleted once the log was read.
    DeleteSeal,
    /// WAL objects are deleted before metadata has raised the floor.
    TrimWithoutMetadata,
    /// 409 counts as 412: somebody else's object is there.
    ConflictAsTaken,
    /// After an unknown outcome the next number is tried.
    SkipNumberOnUnknown,
    /// *Mine* is decided by the nonce alone.
    NonceWithoutHash,
    /// An unknown outcome followed by a 404 is given up.
    GiveUpAtAbsent,
    /// Numbers are sealed one after the other, each when the one before is occupied.
    SealOneAtATime,
    /// Only the last leader's log is sealed.
    SealOnlyLastLeader,
    /// A missing object ends the log.
    AbsentAsEndOfLog,
    /// Entries of a WAL count whatever epoch they were written in.
    NoEpochFilter,
    /// A partition is released before what it accepted is durable.
    ReleaseBeforeFlush,
    /// A leader that does not know what became of its release serves again.
    ResumeAfterUnknownRelease,
    /// `apply` moves partitions away from leaders that are alive.
    ApplyMovesLiveLeader,
    /// A new leader writes manifests without claiming them first.
    NoClaim,
    /// Manifests are written whatever the epoch of the one before.
    NoManifestEpochCheck,
    /// Objects that no metadata names are deleted.
    CleanUnknown,
    /// The floor is raised after looking at one's own partitions only.
    TrimByOwnPartitionsOnly,
    /// The high watermark follows the highest object created, not the highest contiguous one.
    WatermarkIsHighestCreated,
    /// A duplicate of a batch in flight is acknowledged at once.
    DuplicateAcknowledgedAtOnce,
    /// Offsets are fetched from commits that are not durable.
    OffsetFetchFromPending,
    /// Offsets are fetched without confirming that metadata is complete.
    NoConfirmingGet,
    /// A broker that does not lead answers that an offset is out of range.
    FollowerSaysOutOfRange,
    /// The index of a WAL object says of no batch that it is transactional.
    IndexWithoutTransactionFlags,
    /// Markers are taken from any coordinator.
    MarkerWithoutCoordinatorEpoch,
    /// Commands of fenced incarnations take effect.
    FencedWriterAccepted,
    /// `apply` reckons in floating point, and not alike everywhere.
    FloatInApply,
    /// `apply` walks through a hash map.
    HashOrderInApply,
    /// A command that is not understood is skipped.
    UnknownCommandSkipped,
    /// A broker fences others right after it was paused itself.
    FenceAfterOwnPause,
    /// Internal records share the producers' memory.
    OneMemoryPool,
    /// Retention believes the broker's own clock.
    LocalClockRetention,
}

impl Mutation {
    /// All of them.
    pub const ALL: [Self; 33] = [
        Self::SealSearchFromZero,
        Self::SealAtFirstGap,
        Self::DeleteSeal,
        Self::TrimWithoutMetadata,
        Self::ConflictAsTaken,
        Self::SkipNumberOnUnknown,
        Self::NonceWithoutHash,
        Self::GiveUpAtAbsent,
        Self::SealOneAtATime,
        Self::SealOnlyLastLeader,
        Self::AbsentAsEndOfLog,
        Self::NoEpochFilter,
        Self::ReleaseBeforeFlush,
        Self::ResumeAfterUnknownRelease,
        Self::ApplyMovesLiveLeader,
        Self::NoClaim,
        Self::NoManifestEpochCheck,
        Self::CleanUnknown,
        Self::TrimByOwnPartitionsOnly,
        Self::WatermarkIsHighestCreated,
        Self::DuplicateAcknowledgedAtOnce,
        Self::OffsetFetchFromPending,
        Self::NoConfirmingGet,
        Self::FollowerSaysOutOfRange,
        Self::IndexWithoutTransactionFlags,
        Self::MarkerWithoutCoordinatorEpoch,
        Self::FencedWriterAccepted,
        Self::FloatInApply,
        Self::HashOrderInApply,
        Self::UnknownCommandSkipped,
        Self::FenceAfterOwnPause,
        Self::OneMemoryPool,
        Self::LocalClockRetention,
    ];
}

/// Whether mistakes are in this program: only in the simulation.
pub const BUILT: bool = cfg!(feature = "mutations");

#[cfg(feature = "mutations")]
mod switch {
    use std::cell::Cell;

    use super::Mutation;

    thread_local! {
        static ON: Cell<Option<Mutation>> = const { Cell::new(None) };
        static STRUCK: Cell<u64> = const { Cell::new(0) };
    }

    /// Whether this mistake is made in worlds of this thread; asking counts.
    #[must_use]
    pub fn is_on(mutation: Mutation) -> bool {
        let on = ON.with(Cell::get) == Some(mutation);
        if on {
            STRUCK.with(|struck| struck.set(struck.get().saturating_add(1)));
        }
        on
    }

    /// Makes one mistake, or none, in worlds of this thread from now on; begins to count anew.
    pub fn set(mutation: Option<Mutation>) {
        ON.with(|on| on.set(mutation));
        STRUCK.with(|struck| struck.set(0));
    }

    /// Does something without making the mistake: a reference that is right.
    pub fn without<T>(work: impl FnOnce() -> T) -> T {
        let on = ON.with(Cell::take);
        let done = work();
        ON.with(|slot| slot.set(on));
        done
    }

    /// How often the mistake could be made since it was set.
    #[must_use]
    pub fn struck() -> u64 {
        STRUCK.with(Cell::get)
    }
}

#[cfg(feature = "mutations")]
pub use switch::{is_on, set, struck, without};

/// Whether this mistake is made: never.
#[cfg(not(feature = "mutations"))]
#[must_use]
pub const fn is_on(_mutation: Mutation) -> bool {
    false
}
