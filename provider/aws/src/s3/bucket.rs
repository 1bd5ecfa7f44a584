//! `ringfence_bucket`.

mod policy;

/// What a bucket holds; it decides the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// `wal/` and `data/`.
    Data,
    /// `meta/ live/ packages/ audit/ secret/`.
    Metadata,
    /// Logs that services write.
    Logs,
}
