//! Who holds, who reads, and who can come to read: the good configuration and what is done to it.

use std::collections::{BTreeMap, BTreeSet};

use expect_test::expect;
use provider_boundary::iam::chain::{Becoming, can_become_reader};
use provider_boundary::iam::escalation::EscalationTable;
use provider_boundary::iam::estate::{Account, BucketFacts, Code, Encryption, Estate, Key, Principal, Store, Way};
use provider_boundary::iam::guardrail::Guardrails;
use provider_boundary::iam::kms::Grant;
use provider_boundary::iam::readers::{holds_get, reading, reads_now};
use provider_boundary::iam::s3::{AccessLists, Bucket, Switch};
use provider_boundary::iam::{Caller, Document, Path, Policies, Policy, Reason, Truth};
use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";
const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/${key:data}";
const DATA: &str = "arn:aws:s3:::data";
const META: &str = "arn:aws:s3:::meta";

fn policy(name: &str, statements: &Value) -> Policies {
    let document = Document::parse(&json!({"Version": "2012-10-17", "Statement": statements}).to_string()).unwrap();
    Policies::Known(vec![Policy { name: name.to_owned(), document }])
}

fn arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}

fn role(name: &str, statements: &Value, trust: &Value) -> Principal {
    let statement = json!([{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": trust}]);
    Principal {
        identity: policy(&format!("{name}-policy"), statements),
        trust: Some(policy("trust", &statement)),
        ..Principal::new(Caller::RoleSession { role: arn(name), session: None })
    }
}

fn bucket_policy(bucket: &str) -> Value {
    let objects = format!("{bucket}/*");
    json!([
        {"Sid": "Tls", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [bucket, objects],
         "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {"Sid": "RecordsOnlyThroughEndpoints", "Effect": "Deny", "Principal": "*", "Action": ["s3:GetObject*", "s3:PutObject*"],
         "Resource": objects, "Condition": {"StringNotEquals": {"aws:SourceVpce": ["${vpce:s3}"]}}},
        {"Sid": "RecordsOnlyByBrokers", "Effect": "Deny", "Principal": "*", "Action": ["s3:GetObject*", "s3:PutObject*"],
         "Resource": objects, "Condition": {"ArnNotEquals": {"aws:PrincipalArn": [arn("broker")]}}},
    ])
}

fn key_policy() -> Value {
    json!([
        {"Sid": "Administer", "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:root")}, "Resource": "*",
         "Action": ["kms:Describe*", "kms:Get*", "kms:List*", "kms:PutKeyPolicy"],
         "Condition": {"ArnEquals": {"aws:PrincipalArn": arn("admin")}}},
        {"Sid": "BrokersThroughS3", "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:root")}, "Resource": "*",
         "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
         "Condition": {"ArnEquals": {"aws:PrincipalArn": [arn("broker")]},
           "StringEquals": {"kms:ViaService": "s3.eu-central-1.amazonaws.com", "kms:CallerAccount": ACCOUNT},
           "StringLike": {"kms:EncryptionContext:aws:s3:arn": [DATA, format!("{DATA}/*")]}}},
        {"Sid": "NobodyElse", "Effect": "Deny", "Principal": "*", "Resource": "*",
         "Action": ["kms:Decrypt", "kms:Encrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*"],
         "Condition": {"ArnNotEquals": {"aws:PrincipalArn": [arn("broker")]}}},
        {"Sid": "NoGrants", "Effect": "Deny", "Principal": "*", "Resource": "*", "Action": "kms:CreateGrant"},
    ])
}

fn bucket(arn: &str, policy: Policies) -> BucketFacts {
    BucketFacts {
        arn: arn.to_owned(),
        account: ACCOUNT.to_owned(),
        region: "eu-central-1".to_owned(),
        dns_suffix: "amazonaws.com".to_owned(),
        permissions: Bucket { policy, restrict_public: Switch::On, lists: AccessLists::Disabled },
        access_points: Vec::new(),
    }
}

/// The configuration of the design: broker, key administrator, deployer, and a role that has nothing to do with it.
fn good() -> Estate {
    let broker = json!([
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": [format!("{DATA}/*"), format!("{META}/*")]},
        {"Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": KEY},
    ]);
    let admin = json!([{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]);
    let deployer = json!([
        {"Effect": "Allow", "Action": ["s3:PutBucketPolicy", "s3:GetBucketPolicy"], "Resource": "*"},
    ]);
    let etl = json!([{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]);
    let trusted = json!({"AWS": "arn:aws:iam::111122223333:user/ci"});
    let broker = Principal { on_instances: true, ..role("broker", &broker, &json!({"Service": "ec2.amazonaws.com"})) };
    let endpoint = json!([{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": [format!("{DATA}/*"), format!("{META}/*")],
        "Condition": {"StringEquals": {"aws:ResourceAccount": ACCOUNT}}}]);
    let path = Path::GatewayEndpoint(policy("endpoint", &endpoint));
    let account = Account { partition: "aws".to_owned(), scp: Guardrails::None, rcp: Guardrails::None };
    let key = Key {
        arn: KEY.to_owned(),
        account: ACCOUNT.to_owned(),
        policy: policy("key", &key_policy()),
        grants: Vec::new(),
        more_grants: None,
    };
    Estate {
        accounts: BTreeMap::from([(ACCOUNT.to_owned(), account)]),
        principals: vec![
            broker,
            role("admin", &admin, &trusted),
            role("deployer", &deployer, &trusted),
            role("etl", &etl, &trusted),
        ],
        keys: vec![key],
        buckets: vec![bucket(DATA, policy("bucket", &bucket_policy(DATA))), bucket(META, Policies::none())],
        ways: vec![Way::internet(), Way::endpoint("${vpce:s3}", "${vpc:main}", path)],
        code: Vec::new(),
        endpoints: vec!["${vpce:s3}".to_owned()],
    }
}

fn records() -> Store {
    let encryption = Encryption::Key { arn: KEY.to_owned(), bucket_key: None };
    Store { class: "records".to_owned(), bucket: DATA.to_owned(), prefix: "data/".to_owned(), encryption }
}

fn find<'a>(estate: &'a Estate, name: &str) -> &'a Principal {
    estate.principals.iter().find(|principal| principal.caller.arn() == Some(arn(name))).unwrap()
}

fn give(estate: &mut Estate, name: &str, statements: &Value) {
    let more = policy("more", statements);
    let principal = estate.principals.iter_mut().find(|principal| principal.caller.arn() == Some(arn(name))).unwrap();
    let Policies::Known(own) = &mut principal.identity else { panic!("known") };
    own.extend(more.known().iter().cloned());
}

fn readers(estate: &Estate) -> Vec<(String, &'static str, &'static str)> {
    let word = |truth: Truth| match truth {
        Truth::Yes => "yes",
        Truth::No => "no",
        Truth::Maybe(_) => "maybe",
    };
    let one = |principal: &Principal| {
        let name = principal.name().rsplit('/').next().unwrap().to_owned();
        (name, word(holds_get(estate, principal, &records())), word(reads_now(estate, principal, &records())))
    };
    estate.principals.iter().map(one).collect()
}

fn become_reader(estate: &Estate, name: &str) -> Becoming {
    can_become_reader(estate, &EscalationTable::built_in().unwrap(), find(estate, name), &records())
}

fn print(becoming: &Becoming) -> String {
    let chain = |chain: &Option<_>| {
        chain
            .as_ref()
            .map_or_else(|| "none".to_owned(), |chain: &provider_boundary::iam::chain::Chain| chain.to_string())
    };
    format!(
        "certain: {}\npossible: {}\nincomplete: {}\n",
        chain(&becoming.certain),
        chain(&becoming.possible),
        becoming.incomplete.is_some()
    )
}

#[test]
fn in_the_good_configuration_only_brokers_read() {
    let expected = [("broker", "yes", "yes"), ("admin", "no", "no"), ("deployer", "no", "no"), ("etl", "no", "no")];
    assert_eq!(readers(&good()), expected.map(|(name, get, reads)| (name.to_owned(), get, reads)));
}

#[test]
fn the_witness_names_the_way_and_the_statements() {
    let estate = good();
    let witness = reading(&estate, find(&estate, "broker"), &records(), Default::default()).witness.unwrap();
    assert_eq!((witness.way.as_str(), witness.action.as_str()), ("${vpce:s3}", "s3:GetObject"));
    assert!(witness.decrypt.iter().any(|one| one.statement == "BrokersThroughS3"), "{witness:?}");
}

#[test]
fn a_role_with_get_on_everything_holds_nothing_while_the_bucket_denies_all_but_brokers() {
    let mut estate = good();
    give(&mut estate, "etl", &json!([{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]));
    assert_eq!(readers(&estate)[3], ("etl".to_owned(), "no", "no"));
}

#[test]
fn without_that_deny_it_holds_get_and_is_stopped_only_by_the_key() {
    let mut estate = good();
    give(&mut estate, "etl", &json!([{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]));
    estate.buckets[0].permissions.policy = Policies::none();
    assert_eq!(readers(&estate)[3], ("etl".to_owned(), "yes", "no"));
}

#[test]
fn with_a_key_that_is_delegated_to_the_account_it_reads() {
    let mut estate = good();
    give(&mut estate, "etl", &json!([{"Effect": "Allow", "Action": ["s3:GetObject", "kms:Decrypt"], "Resource": "*"}]));
    estate.buckets[0].permissions.policy = Policies::none();
    estate.keys[0].policy =
        policy("key", &json!([{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "kms:*", "Resource": "*"}]));
    assert_eq!(readers(&estate)[3], ("etl".to_owned(), "yes", "yes"));
}

#[test]
fn a_grant_beside_the_key_policy_makes_a_reader_unless_the_policy_denies() {
    let mut estate = good();
    give(&mut estate, "etl", &json!([{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]));
    estate.buckets[0].permissions.policy = Policies::none();
    let (id, grantee, operations) = ("g".to_owned(), arn("etl"), vec!["Decrypt".to_owned()]);
    estate.keys[0].grants.push(Grant { id, grantee, retiring: None, operations, constraint: None });
    assert_eq!(readers(&estate)[3], ("etl".to_owned(), "yes", "no"));
    let mut statements = key_policy();
    statements.as_array_mut().unwrap().remove(2);
    estate.keys[0].policy = policy("key", &statements);
    assert_eq!(readers(&estate)[3], ("etl".to_owned(), "yes", "yes"));
}

#[test]
fn bounded_delegation_proves_who_decrypts_without_reading_identity_policies() {
    let mut estate = good();
    let unread = Reason::AccessDenied { api: "iam:GetAccountAuthorizationDetails".to_owned() };
    let stranger = Principal {
        identity: Policies::unknown(unread),
        ..role("stranger", &json!([{"Effect": "Deny", "Action": "x:y", "Resource": "*"}]), &json!("*"))
    };
    estate.principals.push(stranger);
    estate.buckets[0].permissions.policy = Policies::none();
    assert_eq!(readers(&estate)[4], ("stranger".to_owned(), "maybe", "no"));
}

#[test]
fn a_foreign_account_in_the_bucket_policy_may_read_as_far_as_its_own_policies_go() {
    let mut estate = good();
    let foreign = Reason::ForeignAccount { account: "444455556666".to_owned() };
    let caller = Caller::RoleSession { role: "arn:aws:iam::444455556666:role/x".to_owned(), session: None };
    estate.principals.push(Principal { identity: Policies::unknown(foreign), ..Principal::new(caller) });
    estate.buckets[0].permissions.policy = policy(
        "bucket",
        &json!([{"Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": "s3:GetObject", "Resource": format!("{DATA}/*")}]),
    );
    assert_eq!(readers(&estate)[4], ("x".to_owned(), "maybe", "no"));
}

#[test]
fn whoever_may_read_part_of_a_prefix_reads() {
    let mut estate = good();
    give(
        &mut estate,
        "etl",
        &json!([{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": format!("{DATA}/data/orders/*")}]),
    );
    estate.buckets[0].permissions.policy = Policies::none();
    let reading = reading(&estate, find(&estate, "etl"), &records(), Default::default());
    assert_eq!(reading.holds_get, Truth::Yes);
    assert_eq!(reading.witness.unwrap().resource, format!("{DATA}/data/orders/example"));
}

#[test]
fn a_role_that_trusts_nobody_reads_nothing() {
    let mut estate = good();
    estate.principals[0].trust = Some(policy("trust", &json!([{"Effect": "Deny", "Action": "*", "Principal": "*"}])));
    assert_eq!(readers(&estate)[0], ("broker".to_owned(), "yes", "no"));
}

#[test]
fn unreadable_service_control_policies_leave_an_upper_bound() {
    let mut estate = good();
    estate.accounts.get_mut(ACCOUNT).unwrap().scp = Guardrails::Unreadable;
    let reading = reading(&estate, find(&estate, "broker"), &records(), Default::default());
    assert!(matches!(reading.reads_now(), Truth::Maybe(_)));
    assert_eq!(reading.at_most, Truth::Yes);
}

#[test]
fn a_way_that_only_some_may_take_makes_nobody_else_a_reader() {
    let mut estate = good();
    estate.ways[1].callers = Some(BTreeSet::from([arn("admin")]));
    assert_eq!(readers(&estate)[0], ("broker".to_owned(), "no", "no"));
}

#[test]
fn whoever_reads_now_needs_no_call() {
    expect![[r#"
        certain: arn:aws:iam::111122223333:role/broker reads now
        possible: none
        incomplete: false
    "#]]
    .assert_eq(&print(&become_reader(&good(), "broker")));
}

#[test]
fn a_role_without_permissions_has_no_chain() {
    expect![[r#"
        certain: none
        possible: none
        incomplete: false
    "#]]
    .assert_eq(&print(&become_reader(&good(), "etl")));
}

#[test]
fn a_key_administrator_alone_lacks_the_bucket() {
    expect![[r#"
        certain: none
        possible: none
        incomplete: false
    "#]]
    .assert_eq(&print(&become_reader(&good(), "admin")));
}

#[test]
fn a_key_administrator_with_the_bucket_policy_reads_after_two_calls() {
    let mut estate = good();
    give(&mut estate, "admin", &json!([{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]));
    expect![[r#"
        certain: arn:aws:iam::111122223333:role/admin deletes the bucket policy (s3:DeleteBucketPolicy on arn:aws:s3:::data; recorded as DeleteBucketPolicy), then arn:aws:iam::111122223333:role/admin writes the key policy (kms:PutKeyPolicy on arn:aws:kms:eu-central-1:111122223333:key/${key:data}; recorded as PutKeyPolicy), and reads
        possible: none
        incomplete: false
    "#]].assert_eq(&print(&become_reader(&estate, "admin")));
}

#[test]
fn a_deployer_that_passes_the_brokers_role_reads_as_the_broker() {
    let mut estate = good();
    let statements = json!([
        {"Effect": "Allow", "Action": "iam:PassRole", "Resource": arn("broker"), "Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}},
        {"Effect": "Allow", "Action": ["ec2:*", "autoscaling:*"], "Resource": "*"},
    ]);
    give(&mut estate, "deployer", &statements);
    expect![[r#"
        certain: arn:aws:iam::111122223333:role/deployer starts an instance with arn:aws:iam::111122223333:role/broker (iam:PassRole on arn:aws:iam::111122223333:role/broker, ec2:RunInstances on arn:aws:ec2:*:111122223333:instance/*; recorded as RunInstances), and reads
        possible: none
        incomplete: false
    "#]].assert_eq(&print(&become_reader(&estate, "deployer")));
}

#[test]
fn a_shell_on_a_broker_is_one_call() {
    let mut estate = good();
    give(&mut estate, "etl", &json!([{"Effect": "Allow", "Action": "ssm:StartSession", "Resource": "*"}]));
    expect![[r#"
        certain: arn:aws:iam::111122223333:role/etl opens a shell on an instance that carries arn:aws:iam::111122223333:role/broker (ssm:StartSession on arn:aws:ec2:*:111122223333:instance/*; recorded as StartSession), and reads
        possible: none
        incomplete: false
    "#]].assert_eq(&print(&become_reader(&estate, "etl")));
}

#[test]
fn whoever_writes_what_brokers_run_reads_as_the_broker() {
    let mut estate = good();
    let code = Code { bucket: META.to_owned(), prefix: "packages/".to_owned(), runs_as: arn("broker") };
    estate.code.push(code);
    give(&mut estate, "etl", &json!([{"Effect": "Allow", "Action": "s3:PutObject", "Resource": format!("{META}/*")}]));
    expect![[r#"
        certain: arn:aws:iam::111122223333:role/etl writes what arn:aws:iam::111122223333:role/broker runs or obeys (s3:PutObject on arn:aws:s3:::meta/packages/*; recorded as PutObject, a data event), and reads
        possible: none
        incomplete: false
    "#]].assert_eq(&print(&become_reader(&estate, "etl")));
}

#[test]
fn whoever_writes_its_own_policies_makes_the_brokers_role_trust_it() {
    let mut estate = good();
    give(&mut estate, "etl", &json!([{"Effect": "Allow", "Action": "iam:PutRolePolicy", "Resource": "*"}]));
    expect![[r#"
        certain: arn:aws:iam::111122223333:role/etl writes itself a policy (iam:PutRolePolicy on arn:aws:iam::111122223333:role/etl; recorded as PutRolePolicy), then arn:aws:iam::111122223333:role/etl makes arn:aws:iam::111122223333:role/broker trust it and assumes it (iam:UpdateAssumeRolePolicy on arn:aws:iam::111122223333:role/broker; recorded as UpdateAssumeRolePolicy, AssumeRole), and reads
        possible: none
        incomplete: false
    "#]].assert_eq(&print(&become_reader(&estate, "etl")));
}

#[test]
fn a_boundary_stops_whoever_writes_its_own_policies() {
    let mut estate = good();
    give(&mut estate, "etl", &json!([{"Effect": "Allow", "Action": "iam:PutRolePolicy", "Resource": "*"}]));
    let limit = json!([{"Effect": "Allow", "Action": ["iam:PutRolePolicy", "s3:List*"], "Resource": "*"}]);
    estate.principals[3].boundary = Some(policy("boundary", &limit));
    expect![[r#"
        certain: none
        possible: none
        incomplete: false
    "#]]
    .assert_eq(&print(&become_reader(&estate, "etl")));
}

#[test]
fn a_step_whose_condition_is_open_makes_a_possible_chain() {
    let mut estate = good();
    let statements = json!([{"Effect": "Allow", "Action": "ssm:StartSession", "Resource": "*",
        "Condition": {"StringEquals": {"ssm:resourceTag/team": "etl"}}}]);
    give(&mut estate, "etl", &statements);
    expect![[r#"
        certain: none
        possible: arn:aws:iam::111122223333:role/etl opens a shell on an instance that carries arn:aws:iam::111122223333:role/broker (ssm:StartSession on arn:aws:ec2:*:111122223333:instance/*; recorded as StartSession), and reads
        incomplete: false
    "#]].assert_eq(&print(&become_reader(&estate, "etl")));
}

#[test]
fn every_entry_of_the_table_has_a_source_a_record_and_a_name_of_its_own() {
    let table = EscalationTable::built_in().unwrap();
    let mut ids = BTreeSet::new();
    for entry in &table.entries {
        assert!(ids.insert(&entry.id), "{}", entry.id);
        assert!(entry.source.starts_with("https://docs.aws.amazon.com/"), "{}", entry.id);
        assert!(!entry.records.is_empty() && !entry.calls.is_empty(), "{}", entry.id);
        assert!(entry.records.iter().all(|record| record.event_source.ends_with(".amazonaws.com")), "{}", entry.id);
    }
    assert_eq!((table.version, table.entries.len()), (1, 49));
}
