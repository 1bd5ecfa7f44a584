//! What must hold for every policy and request.

use proptest::prelude::*;
use provider_boundary::iam::guardrail::Guardrails;
use provider_boundary::iam::{
    Caller, Circumstances, Context, Decision, Document, KeyState, Path, Policies, Policy, Reason, Request, Resource,
    ResourceSide, evaluate,
};
use serde_json::{Value, json};

const ACTIONS: &[&str] = &["s3:GetObject", "s3:*", "s3:Get*", "kms:Decrypt", "*", "s3:PutObject"];
const RESOURCES: &[&str] =
    &["*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/k", "arn:aws:s3:::c/*", "arn:aws:s3:::b/${aws:PrincipalTag/t}"];
const KEYS: &[&str] =
    &["aws:SourceVpce", "aws:PrincipalTag/t", "aws:SecureTransport", "aws:SourceIp", "aws:CurrentTime", "s3:max-keys"];
const VALUES: &[&str] = &[
    "a",
    "k",
    "true",
    "false",
    "10.0.0.0/8",
    "10.1.2.3",
    "2026-01-01",
    "10",
    "*",
    "${aws:PrincipalTag/t}",
    "${vpce:s3}",
];
const OPERATORS: &[&str] = &[
    "StringEquals",
    "StringNotEquals",
    "StringLike",
    "StringNotLike",
    "Bool",
    "NumericLessThan",
    "DateGreaterThan",
    "IpAddress",
    "NotIpAddress",
    "ArnLike",
    "ArnNotLike",
    "StringEqualsIgnoreCase",
];
const PRINCIPALS: &[&str] = &[
    "*",
    "111122223333",
    "444455556666",
    "arn:aws:iam::111122223333:role/r",
    "arn:aws:sts::111122223333:assumed-role/r/s",
    "arn:aws:iam::111122223333:user/u",
    "AROAEXAMPLE",
];

fn pick(from: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    proptest::sample::select(from)
}

fn condition() -> impl Strategy<Value = Value> {
    let operator =
        (proptest::sample::select(&["", "ForAnyValue:", "ForAllValues:"][..]), pick(OPERATORS), any::<bool>())
            .prop_map(|(set, name, if_exists)| format!("{set}{name}{}", if if_exists { "IfExists" } else { "" }));
    let ordinary = (operator, pick(KEYS), proptest::collection::vec(pick(VALUES), 1..3))
        .prop_map(|(operator, key, values)| json!({ operator: { key: values } }));
    let null = (pick(KEYS), any::<bool>()).prop_map(|(key, wanted)| json!({"Null": { key: wanted }}));
    prop_oneof![3 => Just(json!({})), 4 => ordinary, 1 => null]
}

fn statement(effect: &'static str, with_principal: bool) -> impl Strategy<Value = Value> {
    (pick(ACTIONS), pick(RESOURCES), condition(), pick(PRINCIPALS), any::<[bool; 3]>()).prop_map(
        move |(action, resource, condition, principal, [not_action, not_resource, not_principal])| {
            let mut statement = json!({"Effect": effect, "Condition": condition});
            statement[if not_action { "NotAction" } else { "Action" }] = json!(action);
            statement[if not_resource { "NotResource" } else { "Resource" }] = json!(resource);
            if with_principal {
                let name = if not_principal && principal != "*" { "NotPrincipal" } else { "Principal" };
                statement[name] = if principal == "*" { json!("*") } else { json!({ "AWS": principal }) };
            }
            statement
        },
    )
}

fn any_statement(with_principal: bool) -> impl Strategy<Value = Value> {
    prop_oneof![2 => statement("Allow", with_principal), 1 => statement("Deny", with_principal)]
}

fn statements(with_principal: bool) -> impl Strategy<Value = Vec<Value>> {
    proptest::collection::vec(any_statement(with_principal), 0..3)
}

fn document(statements: &[Value]) -> Document {
    Document::parse(&json!({"Version": "2012-10-17", "Statement": statements}).to_string()).unwrap()
}

fn policies(statements: &[Value]) -> Policies {
    Policies::Known(vec![Policy { name: "p".to_owned(), document: document(statements) }])
}

/// The statements of each layer.
#[derive(Clone, Debug)]
struct World {
    identity: Vec<Value>,
    resource: Vec<Value>,
    boundary: Option<Vec<Value>>,
    session: Option<Vec<Value>>,
    scp: Option<Vec<Value>>,
    endpoint: Option<Vec<Value>>,
    kind: u8,
    caller: u8,
    account: u8,
    keys: Vec<(&'static str, Option<Option<&'static str>>)>,
    any_object: bool,
}

fn world() -> impl Strategy<Value = World> {
    let maybe = |with_principal| proptest::option::weighted(0.3, statements(with_principal));
    let state = prop_oneof![
        Just(None),
        Just(Some(None)),
        proptest::sample::select(&["a", "k", "true", "10.1.2.3", "2026-02-01", "9", "${vpce:s3}"][..])
            .prop_map(|v| Some(Some(v))),
    ];
    let keys = proptest::collection::vec((pick(KEYS), state), 0..6);
    let layers = (statements(false), statements(true), maybe(false), maybe(false), maybe(false), maybe(true));
    (layers, (0..3_u8, 0..5_u8, 0..3_u8), keys, any::<bool>()).prop_map(
        |((identity, resource, boundary, session, scp, endpoint), (kind, caller, account), keys, any_object)| World {
            identity,
            resource,
            boundary,
            session,
            scp,
            endpoint,
            kind,
            caller,
            account,
            keys,
            any_object,
        },
    )
}

impl World {
    fn request(&self, resource: Option<&str>) -> Request {
        let mut context = Context::complete();
        for (key, state) in &self.keys {
            let state = match state {
                None => KeyState::Unknown,
                Some(None) => KeyState::Absent,
                Some(Some(value)) => KeyState::one(*value),
            };
            context = context.with(key, state);
        }
        let role = "arn:aws:iam::111122223333:role/r".to_owned();
        let caller = match self.caller {
            0 => Caller::User { arn: "arn:aws:iam::111122223333:user/u".to_owned() },
            1 => Caller::RoleSession { role, session: Some("s".to_owned()) },
            2 => Caller::RoleSession { role, session: None },
            3 => Caller::Anonymous,
            _ => Caller::Root { account: "111122223333".to_owned(), partition: "aws".to_owned() },
        };
        let account =
            ["111122223333", "444455556666"].get(usize::from(self.account)).map(|account| (*account).to_owned());
        let resource = match resource {
            Some(arn) => Resource::One(arn.to_owned()),
            None if self.any_object => Resource::AnyOf("arn:aws:s3:::b/*".to_owned()),
            None => Resource::One("arn:aws:s3:::b/k".to_owned()),
        };
        Request { caller, action: "s3:GetObject".to_owned(), resource, resource_account: account, context }
    }

    fn circumstances(&self) -> Circumstances {
        let resource = policies(&self.resource);
        let grants = Vec::new();
        Circumstances {
            identity: policies(&self.identity),
            boundary: self.boundary.as_deref().map(policies),
            session: self.session.as_deref().map(policies),
            scp: self.scp.as_deref().map_or(Guardrails::None, |scp| Guardrails::Levels(vec![policies(scp)])),
            rcp: Guardrails::None,
            resource: match self.kind {
                0 => ResourceSide::Policy(resource),
                1 => ResourceSide::Key { policy: resource, grants, more_grants: None },
                _ => ResourceSide::Trust(resource),
            },
            path: self
                .endpoint
                .as_deref()
                .map_or(Path::NoEndpoint, |endpoint| Path::GatewayEndpoint(policies(endpoint))),
        }
    }

    fn decide(&self) -> Decision {
        evaluate(&self.request(None), &self.circumstances()).decision
    }

    fn add(&mut self, layer: u8, identity: Value, resource: Value) {
        match layer {
            0 => self.identity.push(identity),
            1 => self.resource.push(resource),
            2 => self.boundary.get_or_insert_default().push(identity),
            3 => self.session.get_or_insert_default().push(identity),
            4 => self.scp.get_or_insert_default().push(identity),
            _ => self.endpoint.get_or_insert_default().push(resource),
        }
    }
}

/// Denied 0, open 1, allowed 2.
fn rank(decision: &Decision) -> u8 {
    match decision {
        Decision::Denied(_) => 0,
        Decision::Maybe(_) => 1,
        Decision::Allowed => 2,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn adding_an_allow_never_takes_access_away(
        world in world(), layer in 0..6_u8, identity in statement("Allow", false), resource in statement("Allow", true),
    ) {
        // A boundary, a session policy or a guardrail that was not there at all limits by being there.
        let there = [true, true, world.boundary.is_some(), world.session.is_some(), world.scp.is_some(), world.endpoint.is_some()];
        let layer = if there[usize::from(layer)] { layer } else { layer % 2 };
        let mut more = world.clone();
        more.add(layer, identity, resource);
        prop_assert!(rank(&more.decide()) >= rank(&world.decide()), "{:?} -> {:?}", world.decide(), more.decide());
    }

    #[test]
    fn adding_a_deny_never_gives_access(
        world in world(), layer in 0..6_u8, identity in statement("Deny", false), resource in statement("Deny", true),
    ) {
        let mut more = world.clone();
        // A session policy is what lets a federated user in; there is none in these worlds.
        more.add(layer, identity, resource);
        prop_assert!(rank(&more.decide()) <= rank(&world.decide()), "{:?} -> {:?}", world.decide(), more.decide());
    }

    #[test]
    fn learning_a_key_never_turns_an_answer_round(
        world in world(), at in any::<prop::sample::Index>(), value in proptest::option::of(pick(&["a", "k", "true", "10.1.2.3", "x"])),
    ) {
        prop_assume!(!world.keys.is_empty());
        let at = at.index(world.keys.len());
        let key = world.keys[at].0;
        let mut less = world.clone();
        less.keys.push((key, None));
        let mut more = world;
        more.keys.push((key, Some(value)));
        let (before, after) = (less.decide(), more.decide());
        prop_assert!(rank(&before) == 1 || rank(&before) == rank(&after), "{before:?} -> {after:?}");
    }

    #[test]
    fn reading_what_could_not_be_read_never_turns_an_answer_round(world in world(), layer in 0..3_u8) {
        let unread = || Policies::unknown(Reason::AccessDenied { api: "iam:GetPolicy".to_owned() });
        let known = world.circumstances();
        let mut less = known.clone();
        match layer {
            0 => less.identity = unread(),
            1 => less.resource = match less.resource {
                ResourceSide::Policy(_) => ResourceSide::Policy(unread()),
                ResourceSide::Trust(_) => ResourceSide::Trust(unread()),
                ResourceSide::Key { grants, more_grants, .. } => ResourceSide::Key { policy: unread(), grants, more_grants },
                other => other,
            },
            _ => less.scp = Guardrails::Unreadable,
        }
        let request = world.request(None);
        let (before, after) = (evaluate(&request, &less).decision, evaluate(&request, &known).decision);
        prop_assert!(rank(&before) == 1 || rank(&before) == rank(&after), "{before:?} -> {after:?}");
    }

    #[test]
    fn what_holds_for_all_objects_holds_for_each(world in world(), name in "[a-k]{0,3}") {
        let mut world = world;
        world.any_object = true;
        let all = world.decide();
        let each = world.request(Some(&format!("arn:aws:s3:::b/{name}")));
        let one = evaluate(&each, &world.circumstances()).decision;
        prop_assert!(rank(&all) == 1 || rank(&all) == rank(&one), "{all:?} -> {one:?}");
    }

    #[test]
    fn a_missing_account_never_turns_an_answer_round(world in world(), account in 0..2_u8) {
        let (mut less, mut more) = (world.clone(), world);
        (less.account, more.account) = (9, account);
        let (before, after) = (less.decide(), more.decide());
        prop_assert!(rank(&before) == 1 || rank(&before) == rank(&after), "{before:?} -> {after:?}");
    }

    #[test]
    fn the_same_request_has_the_same_answer_twice(world in world()) {
        let (request, circumstances) = (world.request(None), world.circumstances());
        prop_assert_eq!(evaluate(&request, &circumstances), evaluate(&request, &circumstances));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Document::parse(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn arbitrary_texts_in_a_policy_never_panic(
        operator in pick(OPERATORS), key in ".{0,20}", value in ".{0,40}", resource in ".{0,40}", principal in ".{0,40}", given in ".{0,40}",
    ) {
        let json = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": resource, "Resource": resource, "Principal": {"AWS": principal, "Service": principal},
            "Condition": { operator: { key.clone(): value } },
        }]});
        if let Ok(document) = Document::parse(&json.to_string()) {
            let context = Context::unknown().with(&key, KeyState::one(given.clone()));
            let caller = Caller::RoleSession { role: principal, session: None };
            let request = Request { caller, action: given.clone(), resource: Resource::AnyOf(given), resource_account: None, context };
            let side = ResourceSide::Policy(Policies::one("p", document));
            let _ = evaluate(&request, &Circumstances::of(Policies::none(), side));
        }
    }
}
