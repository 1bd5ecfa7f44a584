//! Attributes that several resources have, and how they are planned: cluster, policies, facts, tags.
//!
//! Invariant: a planned policy is the filled template; it differs from the saved one only by meaning.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tfplugin_rs::{
    Attr, Diagnostics, Plan,
    schema::{Attribute, Check, computed, map, optional, required, string},
    value::Type,
};

use crate::{
    client::Aws,
    names,
    ownership::{self, Tags},
    policy::{
        meaning,
        symbols::{Symbols, Unfilled},
    },
};

/// An attribute with its name.
pub(crate) type Named = (&'static str, Attribute);

/// The cluster that something belongs to.
pub(crate) fn cluster() -> Named {
    let rule = Check::text(
        "must have 3 to 24 lower-case letters, digits and single hyphens, and begin with a letter",
        |name| names::check_cluster_name(name).is_ok(),
    );
    (
        "cluster",
        required(string(), "Name of the cluster this belongs to; other names are derived from it.")
            .check(rule)
            .replace(),
    )
}

/// The policy and its template.
pub(crate) fn policies() -> [Named; 2] {
    [
        (
            "policy_template",
            computed(
                string(),
                "The policy as known before anything exists: ids that AWS assigns stand as `${key:…}` and `${vpce:…}`.",
            ),
        ),
        ("policy", computed(string(), "The policy in force: the template with its symbols filled in.")),
    ]
}

/// What this configuration makes true.
pub(crate) fn facts() -> Named {
    ("facts", computed(string(), "What this configuration makes true, as canonical JSON, for a boundary contract."))
}

/// Tags as written, and with the provider's defaults.
pub(crate) fn tags() -> [Named; 2] {
    [
        ("tags", optional(map(Type::String), "Tags, on top of the provider's `default_tags`.").check(tag_keys())),
        ("tags_all", computed(map(Type::String), "All tags, the provider's `default_tags` included.")),
    ]
}

fn tag_keys() -> Check {
    Check::value("must have no keys beginning with `aws:` or `ringfence:`, which are reserved", |value| match value {
        tfplugin_rs::value::Value::Map(tags) => {
            tags.keys().all(|key| !key.starts_with("aws:") && !key.starts_with("ringfence:"))
        }
        _ => true,
    })
}

/// A check for a list or set of ARNs.
pub(crate) fn arns() -> Check {
    Check::text("must be the ARN of an IAM role or user", |text| {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        matches!(parts.as_slice(), ["arn", _, "iam", "", account, resource]
            if account.len() == 12 && (*resource == "root" || resource.starts_with("role/") || resource.starts_with("user/")))
    })
}

/// What `on_destroy` may be.
pub(crate) fn on_destroy<const N: usize>(choices: [&str; N], description: &str) -> Named {
    ("on_destroy", optional(string(), description).default("retain").check(Check::one_of(choices)))
}

/// Plans `value` for an attribute that the configuration leaves out.
pub(crate) fn derive<T: Serialize + DeserializeOwned>(
    plan: &mut Plan<'_, Aws>,
    name: &str,
    value: Attr<T>,
) -> Result<(), Diagnostics> {
    if plan.config().get::<T>(name)?.is_null() {
        plan.set(name, value)?;
    }
    Ok(())
}

/// Plans `tags_all`.
pub(crate) fn plan_tags(plan: &mut Plan<'_, Aws>) -> Result<(), Diagnostics> {
    let Some(aws) = plan.data() else { return Ok(()) };
    let mut all = aws.settings().default_tags.clone();
    match plan.get::<Tags>("tags")? {
        Attr::Unknown => return plan.set_unknown("tags_all"),
        Attr::Known(tags) => all.extend(tags),
        Attr::Null => {}
    }
    plan.set("tags_all", all)
}

/// `tags` and `tags_all` as AWS has them: what equals the defaults is not shown twice.
pub(crate) fn read_tags(aws: &Aws, found: &Tags, saved: Option<Tags>) -> (Option<Tags>, Tags) {
    let all = ownership::of_users(found);
    let mut expected = aws.settings().default_tags.clone();
    expected.extend(saved.clone().unwrap_or_default());
    if all == expected {
        return (saved, all);
    }
    let defaults = &aws.settings().default_tags;
    let own: Tags =
        all.iter().filter(|(k, v)| defaults.get(*k) != Some(v)).map(|(k, v)| (k.clone(), v.clone())).collect();
    (if own.is_empty() && saved.is_none() { None } else { Some(own) }, all)
}

/// Plans template, policy and facts from what is known; a policy that means the same as the saved one stays as it is.
pub(crate) fn plan_policy(
    plan: &mut Plan<'_, Aws>,
    template: Option<&Value>,
    symbols: &Symbols,
) -> Result<(), Diagnostics> {
    let Some(template) = template else {
        plan.set_unknown("policy_template")?;
        return plan.set_unknown("policy");
    };
    let text = template.to_string();
    let saved: Option<String> = plan.prior("policy")?;
    match symbols.fill(&text) {
        Ok(filled) => plan.set("policy", saved.filter(|saved| meaning::same(saved, &filled)).unwrap_or(filled))?,
        Err(Unfilled { .. }) => plan.set_unknown("policy")?,
    }
    plan.set("policy_template", text)
}

/// Plans facts, unknown while an argument is.
pub(crate) fn plan_facts(plan: &mut Plan<'_, Aws>, facts: Option<Value>) -> Result<(), Diagnostics> {
    match facts {
        Some(facts) => plan.set("facts", canonical(facts)),
        None => plan.set_unknown("facts"),
    }
}

/// One line, keys in order.
pub(crate) fn canonical(mut facts: Value) -> String {
    facts.sort_all_objects();
    facts.to_string()
}

/// What to save for a policy that was read: the saved text while it means the same.
pub(crate) fn read_policy(found: &str, saved: Option<String>) -> String {
    saved.filter(|saved| meaning::same(saved, found)).unwrap_or_else(|| found.to_owned())
}

/// Plans a document without symbols; one that means the same as the saved one stays as it is.
pub(crate) fn plan_document(plan: &mut Plan<'_, Aws>, name: &str, document: &str) -> Result<(), Diagnostics> {
    let saved: Option<String> = plan.prior(name)?;
    plan.set(name, saved.filter(|saved| meaning::same(saved, document)).unwrap_or_else(|| document.to_owned()))
}
