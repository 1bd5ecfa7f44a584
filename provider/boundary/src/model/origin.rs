//! Where an entity was found.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
};

use serde::{Deserialize, Serialize};

use super::evidence::EvidenceId;

/// Where an entity was found, and what happens to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin {
    /// Terraform address; an ARN or an API's identifier when it was read from AWS.
    pub address: String,
    /// Where it stands in the source, when sources were given.
    pub place: Option<Place>,
    /// What the plan does to it.
    pub change: Change,
    /// Tags, default tags included.
    pub tags: BTreeMap<String, String>,
    /// What was read.
    pub evidence: Option<EvidenceId>,
}

/// A line of a source file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Path relative to the folder that was reviewed, with `/`.
    pub file: String,
    /// First line, from 1.
    pub line: usize,
    /// Last line.
    pub last_line: usize,
}

/// What a plan does to an entity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Nothing.
    #[default]
    None,
    /// It is made.
    Create,
    /// It is changed in place.
    Update,
    /// It is destroyed and made anew.
    Replace,
    /// It is destroyed: the entity stands in the prior world only.
    Delete,
}

impl Origin {
    /// An origin that is only an address.
    pub fn at(address: impl Into<String>) -> Origin {
        Origin { address: address.into(), place: None, change: Change::None, tags: BTreeMap::new(), evidence: None }
    }

    /// The value of a tag, whatever the case of its name.
    pub fn tag(&self, name: &str) -> Option<&str> {
        let found = self.tags.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}
