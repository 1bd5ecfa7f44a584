//! Verdicts and their algebra.
//!
//! Invariant: a conjunction is as bad as its worst part and keeps everything of that rank: all witnesses, all reasons.
//! What is not known never proves anything.

use std::{
    collections::BTreeSet,
    fmt::{self, Display},
};

use serde::{Deserialize, Serialize};

use super::fact::Symbol;

/// The answer to one question about one subject.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All inputs are known and inside the modelled subset. With symbols: whatever identifiers AWS assigns for them.
    Proved(BTreeSet<Symbol>),
    /// Not as approved, and somebody approved that by name.
    Excluded(BTreeSet<Exclusion>),
    /// Not decided, for all of these reasons.
    Unknown(BTreeSet<Reason>),
    /// Not so: each witness shows it alone.
    Violated(BTreeSet<Witness>),
}

/// Why a verdict is not known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// Terraform knows it only after the apply.
    ComputedAtApply {
        /// Terraform address and attribute.
        address: String,
    },
    /// A read was refused.
    AccessDenied {
        /// The API call.
        api: String,
    },
    /// Outside the modelled subset.
    Unsupported {
        /// What was met.
        construct: String,
    },
    /// Decided by another account's configuration.
    ForeignAccount {
        /// Its number.
        account: String,
    },
    /// Service control policies decide and could not be read.
    ScpNotReadable,
    /// Somebody has to state it.
    HumanMissing {
        /// The contract's attribute.
        attribute: String,
    },
    /// Known once, too long ago.
    Stale {
        /// Age in seconds.
        age_seconds: u64,
    },
    /// Not among what was read: a plan alone does not say it.
    NotRead {
        /// Who would: `aws`, `broker` or `rehearsal`.
        source: String,
        /// The API call, the report or the rehearsal.
        what: String,
    },
}

/// An approved exception.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Exclusion {
    /// Why.
    pub reason: String,
    /// Who approved it.
    pub approved_by: String,
    /// The last day, `2027-01-31`.
    pub expires: String,
}

/// A concrete case that shows a violation.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Witness {
    /// One sentence.
    pub what: String,
    /// Who, as an ARN or a service's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// The AWS action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The ARN acted upon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The policy statements that decide, as `ADDRESS#SID` or `ADDRESS#INDEX`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<String>,
    /// The hops of a path or of a chain of calls, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hops: Vec<String>,
}

impl Verdict {
    /// Proved without symbols.
    pub fn proved() -> Verdict {
        Verdict::Proved(BTreeSet::new())
    }

    /// Not known for one reason.
    pub fn unknown(reason: Reason) -> Verdict {
        Verdict::Unknown([reason].into())
    }

    /// Violated, shown by one witness.
    pub fn violated(witness: Witness) -> Verdict {
        Verdict::Violated([witness].into())
    }

    /// Approved by name though not proved.
    pub fn excluded(exclusion: Exclusion) -> Verdict {
        Verdict::Excluded([exclusion].into())
    }

    /// Proved when `holds`, else violated with the witness made on the spot.
    pub fn holds(holds: bool, witness: impl FnOnce() -> Witness) -> Verdict {
        if holds { Verdict::proved() } else { Verdict::violated(witness()) }
    }

    /// Both must hold: the worse of the two; of equals, everything both say.
    #[must_use]
    pub fn and(self, other: Verdict) -> Verdict {
        if self.rank() < other.rank() {
            other
        } else if other.rank() < self.rank() {
            self
        } else {
            self.with(other)
        }
    }

    /// One suffices: the better of the two; of equals, everything both say.
    #[must_use]
    pub fn or(self, other: Verdict) -> Verdict {
        if self.rank() < other.rank() {
            self
        } else if other.rank() < self.rank() {
            other
        } else {
            self.with(other)
        }
    }

    /// All must hold; nothing to hold is proved.
    pub fn all(verdicts: impl IntoIterator<Item = Verdict>) -> Verdict {
        verdicts.into_iter().fold(Verdict::proved(), Verdict::and)
    }

    /// One must hold; nothing to hold is violated by `none`.
    pub fn any(verdicts: impl IntoIterator<Item = Verdict>, none: impl FnOnce() -> Witness) -> Verdict {
        verdicts.into_iter().reduce(Verdict::or).unwrap_or_else(|| Verdict::violated(none()))
    }

    /// Whether it is proved, with or without symbols.
    pub fn is_proved(&self) -> bool {
        matches!(self, Verdict::Proved(_))
    }

    /// Whether a witness shows that it is not so.
    pub fn is_violated(&self) -> bool {
        matches!(self, Verdict::Violated(_))
    }

    /// Whether it is not decided.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Verdict::Unknown(_))
    }

    /// The word for it: `proved`, `proved (symbolic)`, `excluded`, `unknown`, `violated`.
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Proved(symbols) if symbols.is_empty() => "proved",
            Verdict::Proved(_) => "proved (symbolic)",
            Verdict::Excluded(_) => "excluded",
            Verdict::Unknown(_) => "unknown",
            Verdict::Violated(_) => "violated",
        }
    }

    /// Worse is higher.
    fn rank(&self) -> u8 {
        match self {
            Verdict::Proved(_) => 0,
            Verdict::Excluded(_) => 1,
            Verdict::Unknown(_) => 2,
            Verdict::Violated(_) => 3,
        }
    }

    /// Everything two verdicts of one rank say.
    fn with(self, other: Verdict) -> Verdict {
        match (self, other) {
            (Verdict::Proved(a), Verdict::Proved(b)) => Verdict::Proved(union(a, b)),
            (Verdict::Excluded(a), Verdict::Excluded(b)) => Verdict::Excluded(union(a, b)),
            (Verdict::Unknown(a), Verdict::Unknown(b)) => Verdict::Unknown(union(a, b)),
            (Verdict::Violated(a), Verdict::Violated(b)) => Verdict::Violated(union(a, b)),
            (a, _) => a,
        }
    }
}

fn union<T: Ord>(mut a: BTreeSet<T>, b: BTreeSet<T>) -> BTreeSet<T> {
    a.extend(b);
    a
}

impl Witness {
    /// A witness that is one sentence.
    pub fn new(what: impl Into<String>) -> Witness {
        Witness { what: what.into(), ..Witness::default() }
    }
}

impl Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::ComputedAtApply { address } => write!(f, "{address} is known only after the apply"),
            Reason::AccessDenied { api } => write!(f, "{api} was refused"),
            Reason::Unsupported { construct } => write!(f, "not modelled: {construct}"),
            Reason::ForeignAccount { account } => write!(f, "decided in account {account}"),
            Reason::ScpNotReadable => f.write_str("service control policies could not be read"),
            Reason::HumanMissing { attribute } => write!(f, "the contract does not state {attribute}"),
            Reason::Stale { age_seconds } => write!(f, "read {age_seconds} s ago, too long"),
            Reason::NotRead { source, what } => write!(f, "not in the plan: {source} would tell ({what})"),
        }
    }
}
