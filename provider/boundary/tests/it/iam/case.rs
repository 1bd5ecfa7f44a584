//! The text format of the evaluator's cases, see `tests/it/cases/README.md`.

use provider_boundary::iam::guardrail::Guardrails;
use provider_boundary::iam::kms::{Grant, GrantConstraint};
use provider_boundary::iam::s3::{AccessLists, AccessPoint, Bucket, Switch, through_access_point};
use provider_boundary::iam::{
    Answer, Caller, Circumstances, Context, Decision, Denial, Document, Effect, KeyState, Path, Policies, Policy,
    Reason, Request, Resource, ResourceSide, evaluate,
};
use serde_json::{Value, json};

const FILES: &[(&str, &str)] = &[
    ("conditions", include_str!("../cases/conditions.txt")),
    ("documents", include_str!("../cases/documents.txt")),
    ("kms", include_str!("../cases/kms.txt")),
    ("layers", include_str!("../cases/layers.txt")),
    ("principals", include_str!("../cases/principals.txt")),
    ("s3", include_str!("../cases/s3.txt")),
    ("symbols", include_str!("../cases/symbols.txt")),
];

/// Every case there is.
pub(crate) fn all() -> Vec<Case> {
    FILES.iter().flat_map(|(name, text)| read(name, text)).collect()
}

/// A case.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// File and line.
    pub(crate) place: String,
    /// What it shows.
    pub(crate) title: String,
    /// The AWS page that the expected answer was written from.
    pub(crate) source: String,
    /// The lines `word rest`.
    pub(crate) lines: Vec<(String, String)>,
    /// What is expected.
    pub(crate) expected: String,
}

/// A case ready to run.
pub(crate) struct Ready {
    pub(crate) request: Request,
    pub(crate) circumstances: Circumstances,
    pub(crate) point: Option<AccessPoint>,
    /// The policies as JSON.
    pub(crate) documents: Vec<LayerDocument>,
}

/// A policy of a case.
#[derive(Debug)]
pub(crate) struct LayerDocument {
    /// The word of its line.
    pub(crate) layer: String,
    /// The line among those of the word.
    pub(crate) level: usize,
    /// The document.
    pub(crate) policy: Value,
}

/// Reads a file of cases.
pub(crate) fn read(name: &str, text: &str) -> Vec<Case> {
    let (mut source, mut base, mut cases) = (String::new(), Vec::new(), Vec::<Case>::new());
    let mut open: Option<Case> = None;
    for (number, line) in text.lines().enumerate() {
        let place = format!("{name}:{}", number + 1);
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim().to_owned();
        match word {
            "source" => {
                assert!(open.is_none(), "{place}: the case before has no =>");
                (source, base) = (rest, Vec::new());
            }
            "==" => {
                assert!(open.is_none(), "{place}: the case before has no =>");
                assert!(source.starts_with("https://") || source.starts_with("http://"), "{place}: no source");
                open = Some(Case {
                    place,
                    title: rest,
                    source: source.clone(),
                    lines: base.clone(),
                    expected: String::new(),
                });
            }
            "=>" => {
                let mut case = open.take().unwrap_or_else(|| panic!("{place}: no case is open"));
                case.expected = rest;
                cases.push(case);
            }
            "?" => cases.push(one_line(&place, &source, &base, &rest)),
            _ => match &mut open {
                Some(case) => case.lines.push((word.to_owned(), rest)),
                None => base.push((word.to_owned(), rest)),
            },
        }
    }
    assert!(open.is_none(), "{name}: the last case has no =>");
    cases
}

/// `expected | condition | context | title`: one allowing statement with a condition.
fn one_line(place: &str, source: &str, base: &[(String, String)], rest: &str) -> Case {
    let fields: Vec<&str> = rest.split(" | ").map(str::trim).collect();
    let [expected, condition, context, title] = fields.as_slice() else { panic!("{place}: not four fields") };
    let mut lines = base.to_vec();
    lines.push(("identity".to_owned(), format!("Allow * on * if {condition}")));
    lines.push(("with".to_owned(), (*context).to_owned()));
    let (place, title, source) = (place.to_owned(), (*title).to_owned(), source.to_owned());
    Case { place, title, source, lines, expected: (*expected).to_owned() }
}

impl Case {
    /// The lines of a word, after the last that says `none`.
    fn all<'a>(&'a self, word: &'a str) -> impl Iterator<Item = &'a str> {
        let mut lines: Vec<&str> =
            self.lines.iter().filter(|(own, _)| own == word).map(|(_, rest)| rest.as_str()).collect();
        if let Some(none) = lines.iter().rposition(|line| *line == "none") {
            lines.drain(..=none);
        }
        lines.into_iter()
    }

    fn last<'a>(&'a self, word: &'a str) -> Option<&'a str> {
        self.all(word).last()
    }

    /// Makes request and circumstances.
    pub(crate) fn ready(&self) -> Ready {
        let known = [
            "caller",
            "do",
            "account",
            "with",
            "incomplete",
            "identity",
            "boundary",
            "session",
            "scp",
            "rcp",
            "resource",
            "trust",
            "key",
            "grant",
            "more-grants",
            "bucket",
            "restrict",
            "acl",
            "gateway",
            "interface",
            "point",
            "point-policy",
        ];
        for (word, _) in &self.lines {
            assert!(known.contains(&word.as_str()), "{}: unknown line {word}", self.place);
        }
        let mut documents = Vec::new();
        let circumstances = Circumstances {
            identity: self.layer("identity", &mut documents).unwrap_or_else(Policies::none),
            boundary: self.layer("boundary", &mut documents),
            session: self.layer("session", &mut documents),
            scp: self.guardrails("scp", &mut documents),
            rcp: self.guardrails("rcp", &mut documents),
            resource: self.resource_side(&mut documents),
            path: self.path(&mut documents),
        };
        let point = self.last("point").map(|line| {
            let mut words = line.split(' ');
            AccessPoint {
                arn: words.next().unwrap().to_owned(),
                policy: self.joined("point-policy", &mut documents).unwrap_or_else(Policies::none),
                vpc: words.next().and_then(|word| word.strip_prefix("vpc=")).map(str::to_owned),
            }
        });
        Ready { request: self.request(), circumstances, point, documents }
    }

    fn request(&self) -> Request {
        let action = self.last("do").unwrap_or_else(|| panic!("{}: no do", self.place));
        let (action, resource) = action.split_once(' ').unwrap_or((action, "*"));
        let resource = match resource.strip_prefix("any ") {
            Some(pattern) => Resource::AnyOf(pattern.to_owned()),
            None => Resource::One(resource.to_owned()),
        };
        let resource_account = match self.last("account") {
            Some("unknown") => None,
            Some(account) => Some(account.to_owned()),
            None => Some("111122223333".to_owned()),
        };
        let incomplete = self.last("incomplete").is_some();
        let mut context = if incomplete { Context::unknown() } else { Context::complete() };
        for line in self.all("with") {
            let keys: Value =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{}: {line}: {error}", self.place));
            for (key, value) in keys.as_object().unwrap() {
                let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let state = match value {
                    Value::Null => KeyState::Unknown,
                    Value::String(text) if text == "(absent)" => KeyState::Absent,
                    Value::Array(values) => KeyState::Known(values.iter().map(text).collect()),
                    one => KeyState::Known(vec![text(one)]),
                };
                context = context.with(key, state);
            }
        }
        let caller = caller(self.last("caller").unwrap_or("user 111122223333 alice"));
        Request { caller, action: action.to_owned(), resource, resource_account, context }
    }

    fn policy(&self, word: &str, number: usize, line: &str, documents: &mut Vec<LayerDocument>) -> Policy {
        let json = document(line);
        documents.push(LayerDocument { layer: word.to_owned(), level: number, policy: json.clone() });
        let document =
            Document::parse(&json.to_string()).unwrap_or_else(|error| panic!("{}: {line}: {error}", self.place));
        Policy { name: format!("{word}-{number}"), document }
    }

    /// A policy for each line.
    fn layer(&self, word: &str, documents: &mut Vec<LayerDocument>) -> Option<Policies> {
        let (mut policies, mut missing) = (Vec::new(), None);
        for (number, line) in self.all(word).enumerate() {
            if let Some(reason) = line.strip_prefix("unreadable") {
                missing = Some(Reason::AccessDenied { api: reason.trim().to_owned() });
            } else if let Some(account) = line.strip_prefix("foreign ") {
                missing = Some(Reason::ForeignAccount { account: account.to_owned() });
            } else {
                policies.push(self.policy(word, number + 1, line, documents));
            }
        }
        self.last(word)?;
        Some(match missing {
            Some(reason) => Policies::AtLeast(policies, reason),
            None => Policies::Known(policies),
        })
    }

    /// One policy with a statement for each line.
    fn joined(&self, word: &str, documents: &mut Vec<LayerDocument>) -> Option<Policies> {
        self.last(word)?;
        if let Some(reason) = self.last(word).and_then(|line| line.strip_prefix("unreadable")) {
            return Some(Policies::unknown(Reason::AccessDenied { api: reason.trim().to_owned() }));
        }
        let (mut version, mut statements) = (Value::Null, Vec::new());
        for line in self.all(word) {
            let one = document(line);
            version = one["Version"].clone();
            match &one["Statement"] {
                Value::Array(several) => statements.extend(several.iter().cloned()),
                single => statements.push(single.clone()),
            }
        }
        let json = json!({"Version": version, "Statement": statements});
        documents.push(LayerDocument { layer: word.to_owned(), level: 0, policy: json.clone() });
        let document = Document::parse(&json.to_string()).unwrap_or_else(|error| panic!("{}: {error}", self.place));
        Some(Policies::one(word, document))
    }

    fn guardrails(&self, word: &str, documents: &mut Vec<LayerDocument>) -> Guardrails {
        if self.last(word) == Some("unreadable") {
            return Guardrails::Unreadable;
        }
        // `;;` separates policies of one level.
        let level = |(number, line): (usize, &str)| {
            Policies::Known(line.split(";;").map(|one| self.policy(word, number + 1, one.trim(), documents)).collect())
        };
        let levels: Vec<Policies> = self.all(word).enumerate().map(level).collect();
        if levels.is_empty() { Guardrails::None } else { Guardrails::Levels(levels) }
    }

    fn resource_side(&self, documents: &mut Vec<LayerDocument>) -> ResourceSide {
        if let Some(policy) = self.joined("resource", documents) {
            return ResourceSide::Policy(policy);
        }
        if let Some(policy) = self.joined("trust", documents) {
            return ResourceSide::Trust(policy);
        }
        if let Some(policy) = self.joined("key", documents) {
            let grants = self.all("grant").map(grant).collect();
            let more_grants = self.last("more-grants").map(|api| Reason::AccessDenied { api: api.to_owned() });
            return ResourceSide::Key { policy, grants, more_grants };
        }
        let policy = self.joined("bucket", documents);
        if policy.is_none() && self.last("restrict").is_none() && self.last("acl").is_none() {
            return ResourceSide::None;
        }
        let restrict_public = match self.last("restrict") {
            None | Some("off") => Switch::Off,
            Some("on") => Switch::On,
            Some(_) => Switch::Unknown(Reason::AccessDenied { api: "s3:GetBucketPublicAccessBlock".to_owned() }),
        };
        let lists = match self.last("acl") {
            None => AccessLists::Disabled,
            Some("ignore-public") => AccessLists::Enabled { ignore_public: Switch::On },
            Some(_) => AccessLists::Enabled { ignore_public: Switch::Off },
        };
        ResourceSide::Bucket(Bucket { policy: policy.unwrap_or_else(Policies::none), restrict_public, lists })
    }

    fn path(&self, documents: &mut Vec<LayerDocument>) -> Path {
        if let Some(policy) = self.joined("gateway", documents) {
            return Path::GatewayEndpoint(policy);
        }
        self.joined("interface", documents).map_or(Path::NoEndpoint, Path::InterfaceEndpoint)
    }
}

impl Ready {
    /// Answers.
    pub(crate) fn answer(&self) -> Answer {
        match &self.point {
            Some(point) => through_access_point(&self.request, point, &self.circumstances),
            None => evaluate(&self.request, &self.circumstances),
        }
    }
}

/// `role 111122223333 path/name session`
fn caller(line: &str) -> Caller {
    let words: Vec<&str> = line.split(' ').collect();
    match words.as_slice() {
        ["root", account] => Caller::Root { account: (*account).to_owned(), partition: "aws".to_owned() },
        ["user", account, name] => Caller::User { arn: format!("arn:aws:iam::{account}:user/{name}") },
        ["role", account, name, session @ ..] => Caller::RoleSession {
            role: format!("arn:aws:iam::{account}:role/{name}"),
            session: session.first().map(|name| (*name).to_owned()),
        },
        ["federated-user", account, name, user] => Caller::FederatedUser {
            arn: format!("arn:aws:sts::{account}:federated-user/{name}"),
            user: format!("arn:aws:iam::{account}:user/{user}"),
        },
        ["service", name] => Caller::Service { name: (*name).to_owned() },
        ["federated", provider] => Caller::Federated { provider: (*provider).to_owned() },
        ["anonymous"] => Caller::Anonymous,
        _ => panic!("no caller: {line}"),
    }
}

/// `ID to PRINCIPAL for Decrypt,Encrypt [equals|subset k=v,k=v] [retiring ARN]`
fn grant(line: &str) -> Grant {
    let words: Vec<&str> = line.split(' ').collect();
    let [id, "to", grantee, "for", operations, rest @ ..] = words.as_slice() else { panic!("no grant: {line}") };
    let mut grant = Grant {
        id: (*id).to_owned(),
        grantee: (*grantee).to_owned(),
        retiring: None,
        operations: operations.split(',').map(str::to_owned).collect(),
        constraint: None,
    };
    for pair in rest.chunks(2) {
        let [word, value] = pair else { panic!("no grant: {line}") };
        let pairs = || {
            value
                .split(',')
                .map(|pair| pair.split_once('=').unwrap())
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .collect()
        };
        match *word {
            "equals" => grant.constraint = Some(GrantConstraint::Equals(pairs())),
            "subset" => grant.constraint = Some(GrantConstraint::Subset(pairs())),
            "retiring" => grant.retiring = Some((*value).to_owned()),
            _ => panic!("no grant: {line}"),
        }
    }
    grant
}

/// `[2008] [Sid=x] Allow|Deny [not] ACTIONS [on [not] RESOURCES] [for [not] PRINCIPALS] [if JSON]`, or a whole document as JSON.
fn document(line: &str) -> Value {
    if line.starts_with('{') {
        return serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
    let (line, condition) = line.split_once(" if ").map_or((line, None), |(line, condition)| (line, Some(condition)));
    let mut statement = serde_json::Map::new();
    let (mut version, mut place) = ("2012-10-17", "Action");
    let mut lists: Vec<(&str, bool, Vec<String>)> = vec![("Action", false, Vec::new())];
    for word in line.split(' ').filter(|word| !word.is_empty()) {
        match word {
            "2008" => version = "2008-10-17",
            "Allow" | "Deny" => {
                statement.insert("Effect".to_owned(), json!(word));
            }
            "on" | "for" => {
                place = if word == "on" { "Resource" } else { "Principal" };
                lists.push((place, false, Vec::new()));
            }
            "not" => lists.last_mut().unwrap().1 = true,
            _ => match word.strip_prefix("Sid=") {
                Some(sid) if place == "Action" => {
                    statement.insert("Sid".to_owned(), json!(sid));
                }
                _ => lists.last_mut().unwrap().2.push(word.to_owned()),
            },
        }
    }
    for (element, not, values) in lists {
        let name = if not { format!("Not{element}") } else { element.to_owned() };
        statement.insert(name, if element == "Principal" { principals(&values) } else { json!(values) });
    }
    if let Some(condition) = condition {
        statement.insert(
            "Condition".to_owned(),
            serde_json::from_str(condition).unwrap_or_else(|e| panic!("{condition}: {e}")),
        );
    }
    json!({"Version": version, "Statement": [statement]})
}

/// `*`, or `AWS:x`, `Service:x`, `Federated:x`, `CanonicalUser:x`
fn principals(values: &[String]) -> Value {
    if values == ["*"] {
        return json!("*");
    }
    let mut by_kind = serde_json::Map::new();
    for value in values {
        let (kind, name) = value.split_once(':').unwrap_or_else(|| panic!("no principal: {value}"));
        let list = by_kind.entry(kind).or_insert_with(|| json!([]));
        list.as_array_mut().unwrap().push(json!(name));
    }
    Value::Object(by_kind)
}

/// Whether an answer is what is expected: `allowed`, `denied`, `denied explicit [SID]`, `denied by LAYER,...`, `maybe TEXT`, each
/// perhaps with `; at most allowed`.
pub(crate) fn check(case: &Case, answer: &Answer) -> Result<(), String> {
    let (first, bound) =
        case.expected.split_once("; at most ").map_or((case.expected.as_str(), None), |(a, b)| (a, Some(b)));
    one(first, &answer.decision, answer)?;
    bound.map_or(Ok(()), |bound| one(bound, &answer.but_for_guardrails, answer))
}

fn one(expected: &str, decision: &Decision, answer: &Answer) -> Result<(), String> {
    let (word, rest) = expected.split_once(' ').unwrap_or((expected, ""));
    let wrong = || Err(format!("expected {expected}, found {decision:?}\n  {:?}", answer.applied));
    match (word, decision) {
        ("allowed", Decision::Allowed) => match rest.strip_prefix("by ") {
            Some(sid) if !answer.applied.iter().any(|one| one.effect == Effect::Allow && one.statement == sid) => {
                wrong()
            }
            _ => Ok(()),
        },
        ("denied", Decision::Denied(_)) if rest.is_empty() => Ok(()),
        ("denied", Decision::Denied(Denial::Explicit)) => match rest.strip_prefix("explicit") {
            Some("") => Ok(()),
            Some(sid) if answer.applied.iter().any(|one| one.effect == Effect::Deny && one.statement == sid.trim()) => {
                Ok(())
            }
            _ => wrong(),
        },
        ("denied", Decision::Denied(Denial::Implicit(layers))) => {
            let names: Vec<String> = layers.iter().map(|layer| format!("{layer:?}").to_lowercase()).collect();
            if rest.strip_prefix("by ") == Some(&names.join(",")) { Ok(()) } else { wrong() }
        }
        ("maybe", Decision::Maybe(reasons)) => {
            let text = reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            if text.contains(rest) { Ok(()) } else { wrong() }
        }
        _ => wrong(),
    }
}
