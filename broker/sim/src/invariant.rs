//! What must hold in every world, by name.

use std::fmt;

macro_rules! invariants {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// One invariant.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Invariant {
            $($(#[$doc])* $variant,)*
        }

        impl Invariant {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name in the storage design.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

invariants! {
    /// What was acknowledged can be read, at its offset, by whoever asks later.
    AckedIsDurable = "acked_is_durable",
    /// What a consumer has seen at an offset stays there.
    VisibleNeverVanishes = "visible_never_vanishes",
    /// Offsets have no gaps and hold one record each.
    OffsetsAreDenseAndUnique = "offsets_are_dense_and_unique",
    /// No record at or beyond a seal is acknowledged, and a seal stays.
    SealIsFinal = "seal_is_final",
    /// A partition's epoch has one leader, and leadership moves only from who is fenced or has released.
    OneLeaderPerEpoch = "one_leader_per_epoch",
    /// The metadata log is one sequence, and everybody applies it to the same state.
    MetadataIsLinear = "metadata_is_linear",
    /// A batch of an idempotent producer is in the log once, in its order.
    IdempotentExactlyOnce = "idempotent_exactly_once",
    /// Nothing is answered that can vanish.
    AnswersAreDurable = "answers_are_durable",
    /// A `read_committed` consumer sees nothing of a transaction that was not committed.
    ReadCommittedSeesNoAborted = "read_committed_sees_no_aborted",
    /// A transaction is visible whole or not at all.
    NoTornTransaction = "no_torn_transaction",
    /// A committed offset is not lost.
    GroupOffsetsSurvive = "group_offsets_survive",
    /// What the newest manifest names is there.
    ManifestNamesExist = "manifest_names_exist",
    /// Only what metadata gives up is deleted.
    NoUnknownDeleted = "no_unknown_deleted",
    /// What nobody needs is gone in the end.
    NothingLeaks = "nothing_leaks",
    /// Memory and tasks stay within their bounds, and the internal topics are written while producers wait for memory.
    MemoryIsBounded = "memory_is_bounded",
    /// A broker that has lost its store is fenced, and nobody else.
    StorelessBrokerIsFenced = "storeless_broker_is_fenced",
    /// A fenced incarnation that still writes is sealed within a second.
    RunningZombieSealedWithin1s = "running_zombie_sealed_within_1s",
    /// A command of the provider takes effect within ten seconds.
    ProviderCommitsWithin10s = "provider_commits_within_10s",
    /// When nothing goes wrong any more, everything works again.
    EverythingResumes = "everything_resumes",
    /// The same seed gives the same trace.
    SameSeedSameTrace = "same_seed_same_trace",
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An invariant did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}
