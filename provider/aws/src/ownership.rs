//! The two tags by which a create that was killed finds its objects again.
//!
//! Invariant: nothing is adopted that does not bear both tags; an object with our name and without them is an error. The
//! second tag is removed last, so its presence means "unfinished".

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::failure::{Answer, Failure};

/// Tags of one object.
pub type Tags = BTreeMap<String, String>;

/// Whose object it is: `{manager}/{resource type}/{name}`.
pub const OWNER: &str = "ringfence:owner";
/// Digest of the configuration whose create has not finished.
pub const CREATING: &str = "ringfence:creating";

/// The two tags of one create.
#[derive(Clone, Debug)]
pub struct Ownership {
    resource: &'static str,
    owner: String,
    creating: String,
}

impl Ownership {
    /// Tags for `name`, an object of resource type `resource` with this configuration.
    pub fn new(manager: &str, resource: &'static str, name: &str, config: &impl Serialize) -> Ownership {
        let config = serde_json::to_vec(config).unwrap_or_default();
        let digest = hex::encode(Sha256::digest(config));
        Ownership {
            resource,
            owner: format!("{}/{resource}/{name}", tag_text(manager)),
            creating: digest.chars().take(16).collect(),
        }
    }

    /// `tags` with both tags added.
    pub fn mark(&self, tags: &Tags) -> Tags {
        let mut marked = tags.clone();
        marked.insert(OWNER.into(), self.owner.clone());
        marked.insert(CREATING.into(), self.creating.clone());
        marked
    }

    /// `tags` with the owner's tag only, as a finished object bears them.
    pub fn sign(&self, tags: &Tags) -> Tags {
        let mut signed = tags.clone();
        signed.insert(OWNER.into(), self.owner.clone());
        signed
    }

    /// The token that makes repeated creates of this configuration one create.
    pub fn client_token(&self) -> String {
        let digest = hex::encode(Sha256::digest(format!("{}\n{}", self.owner, self.creating)));
        digest.chars().take(32).collect()
    }

    /// Whether an object with these tags is an unfinished create of ours.
    pub fn is_unfinished(&self, tags: &Tags) -> bool {
        tags.get(OWNER) == Some(&self.owner) && tags.contains_key(CREATING)
    }

    /// Lets an unfinished object of ours pass.
    ///
    /// # Errors
    /// The object is finished or somebody else's.
    pub fn adopt(&self, what: &str, import_id: &str, tags: &Tags) -> Answer<()> {
        if self.is_unfinished(tags) {
            return Ok(());
        }
        let whose = match tags.get(OWNER) {
            Some(owner) => format!("It is owned by {owner:?}"),
            None => format!("It does not bear the tag {OWNER}, so Ringfence did not make it"),
        };
        Err(Failure::new(
            format!("{what} exists already"),
            format!(
                "{whose}; it is not taken over silently. Choose another name, delete it, or, if it is yours, import it:\n\n  \
                 import {{\n    to = {}.NAME\n    id = \"{import_id}\"\n  }}",
                self.resource
            ),
        ))
    }
}

/// The tags that users set: without ours and AWS's own.
pub fn of_users(tags: &Tags) -> Tags {
    tags.iter()
        .filter(|(key, _)| !key.starts_with("ringfence:") && !key.starts_with("aws:"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// What changes `old` into `new`: tags to set, keys to remove. Our own two tags are never removed.
pub fn changes(old: &Tags, new: &Tags) -> (Tags, Vec<String>) {
    let set = new.iter().filter(|(k, v)| old.get(*k) != Some(v)).map(|(k, v)| (k.clone(), v.clone())).collect();
    let removed = of_users(old).into_keys().filter(|k| !new.contains_key(k)).collect();
    (set, removed)
}

/// Tag values take fewer characters than names of managers may have.
fn tag_text(text: &str) -> String {
    text.chars().map(|c| if c.is_alphanumeric() || " _.:/=+-@".contains(c) { c } else { '_' }).take(128).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ownership() -> Ownership {
        Ownership::new("https://example.com/repo?x", "ringfence_key", "orders", &("config", 1))
    }

    #[test]
    fn only_objects_with_both_tags_are_adopted() {
        let marked = ownership().mark(&Tags::from([("team".into(), "a".into())]));
        ownership().adopt("key", "id", &marked).unwrap();
        let finished = ownership().sign(&Tags::new());
        let error = ownership().adopt("key alias/x", "id-1", &finished).unwrap_err();
        assert!(error.detail.contains("id = \"id-1\""), "{error}");
        let error = ownership().adopt("key alias/x", "id-1", &Tags::new()).unwrap_err();
        assert!(error.detail.contains("Ringfence did not make it"), "{error}");
    }

    #[test]
    fn tag_values_hold_only_what_aws_accepts() {
        let marked = ownership().mark(&Tags::new());
        assert_eq!(marked[OWNER], "https://example.com/repo_x/ringfence_key/orders");
    }

    #[test]
    fn changes_leave_our_tags_alone() {
        let old = Tags::from([(OWNER.into(), "x".into()), ("a".into(), "1".into()), ("b".into(), "2".into())]);
        let new = Tags::from([("a".into(), "1".into()), ("c".into(), "3".into())]);
        assert_eq!(changes(&old, &new), (Tags::from([("c".into(), "3".into())]), vec!["b".into()]));
    }
}
