//! What is kept or moved, and where in the world: artifact classes, their aspects, zones.

use serde::{Deserialize, Serialize};

/// A kind of data that the platform keeps. Every store holds at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Records: keys, values, headers.
    Payloads,
    /// Offsets and group state.
    Progress,
    /// Topics, configurations, access lists, users.
    ClusterMetadata,
    /// Schemas of records.
    Schemas,
    /// Records not yet folded into segments.
    WriteAheadLog,
    /// Measurements.
    Metrics,
    /// What processes print, and flow logs.
    Logs,
    /// Who did what.
    AuditEvents,
    /// Keys, verifiers, settings.
    Secrets,
    /// Diagnostic bundles.
    Support,
    /// Copies, snapshots, noncurrent versions.
    Backups,
    /// Exports made in order to leave.
    Exit,
    /// What is billed.
    Cost,
}

/// What is asked of each class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// Account, region and place.
    Residency,
    /// Who reads and who administers.
    Access,
    /// How long it is kept.
    Retention,
    /// That it goes, and who may make it go.
    Deletion,
}

/// Whose side of the boundary an entity is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Zone {
    /// Machines and networks of the customer.
    CustomerRuntime,
    /// The customer's buckets, volumes, log groups.
    CustomerStorage,
    /// A control plane that a vendor runs.
    VendorControlPlane,
    /// A vendor's support.
    VendorSupport,
    /// Everything else.
    Outside,
}

impl Class {
    /// All classes, in the order of the matrix.
    pub const ALL: [Class; 13] = [
        Class::Payloads,
        Class::Progress,
        Class::ClusterMetadata,
        Class::Schemas,
        Class::WriteAheadLog,
        Class::Metrics,
        Class::Logs,
        Class::AuditEvents,
        Class::Secrets,
        Class::Support,
        Class::Backups,
        Class::Exit,
        Class::Cost,
    ];

    /// Its name in contracts and reports.
    pub fn name(self) -> &'static str {
        match self {
            Class::Payloads => "payloads",
            Class::Progress => "progress",
            Class::ClusterMetadata => "cluster_metadata",
            Class::Schemas => "schemas",
            Class::WriteAheadLog => "write_ahead_log",
            Class::Metrics => "metrics",
            Class::Logs => "logs",
            Class::AuditEvents => "audit_events",
            Class::Secrets => "secrets",
            Class::Support => "support",
            Class::Backups => "backups",
            Class::Exit => "exit",
            Class::Cost => "cost",
        }
    }

    /// The class of that name.
    pub fn by_name(name: &str) -> Option<Class> {
        Class::ALL.into_iter().find(|class| class.name() == name)
    }
}

impl Aspect {
    /// All aspects, in the order of the matrix.
    pub const ALL: [Aspect; 4] = [Aspect::Residency, Aspect::Access, Aspect::Retention, Aspect::Deletion];
}
