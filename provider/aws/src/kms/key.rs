//! `ringfence_key`.

mod policy;

/// What a key protects; it decides the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Objects of the data bucket.
    Data,
    /// Objects of the metadata bucket.
    Metadata,
    /// Objects under `secret/`.
    Credentials,
    /// Root volumes of the instances.
    Volume,
    /// Log groups.
    Logs,
}
