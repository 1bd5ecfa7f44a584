//! The contract that approves the good configuration.

use provider_boundary::model::{
    Class, Contract,
    contract::{AcceptedEscalation, Administrator, ApprovedPath, BreakGlass, ClassTerms, Review, Support, Workload},
};

use super::{ACCOUNT, ADMIN, BROKER, REGION};

/// The contract that approves all of it.
pub(super) fn contract() -> Contract {
    let mut contract = Contract { accounts: vec![ACCOUNT.into()], regions: vec![REGION.into()], ..Contract::default() };
    for class in Class::ALL {
        contract.classes.insert(class, terms(class));
    }
    contract.administrators = vec![Administrator {
        principal: ADMIN.into(),
        of: vec!["keys".into(), "storage".into()],
        owner: Some("security".into()),
        expires: Some("2027-01-31".into()),
        place: None,
    }];
    contract.paths = paths();
    contract.accepted_escalations = vec![AcceptedEscalation {
        principal: ADMIN.into(),
        via: vec!["s3:PutBucketPolicy".into(), "kms:PutKeyPolicy".into()],
        detected_by: "key-changes".into(),
        approved_by: "ciso".into(),
        expires: "2027-01-31".into(),
        place: None,
    }];
    contract.break_glass = vec![BreakGlass { role: ADMIN.into(), approval: Some("two people".into()), place: None }];
    let tasks = [
        "upgrades",
        "scaling",
        "incident_response",
        "quota",
        "access_reviews",
        "recovery_tests",
        "evidence_collection",
    ];
    contract.responsibilities = tasks.into_iter().map(|task| (task.to_owned(), "platform".to_owned())).collect();
    contract.runbooks.insert("key-outage".into(), "https://runbooks/key".into());
    contract.workload = Some(Workload {
        write_mib_per_second: Some("10".into()),
        fan_out: Some("3".into()),
        retention_hours: Some(168),
        zone_locality: Some("0.9".into()),
        place: None,
    });
    contract.support = Some(Support { entity: Some("none".into()), ..Support::default() });
    contract.review =
        Some(Review { cadence_days: Some(90), last: Some("2026-11-01".into()), by: Some("me".into()), place: None });
    let statements = [
        ("schema_registry", "none"),
        ("support_store", "none"),
        ("connectors", "none"),
        ("subprocessors", "none"),
        ("rollback_time", "10 min"),
        ("packet_signature", "ciso"),
        ("budget_usd_per_month", "5000"),
        ("log_gib_per_month", "5"),
    ];
    contract.statements = statements.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    contract
}

fn terms(class: Class) -> ClassTerms {
    let own = |stores: &[&str], readers: &[&str]| ClassTerms {
        stores: stores.iter().map(|one| (*one).to_owned()).collect(),
        readers: readers.iter().map(|one| (*one).to_owned()).collect(),
        key_model: Some("customer_managed".into()),
        retention_days: Some(1),
        deletion_days: Some(90),
        versioning: Some("disabled".into()),
        ..ClassTerms::default()
    };
    match class {
        Class::Payloads | Class::Progress => own(&["s3://ringfence-data/data/"], &[BROKER]),
        Class::WriteAheadLog => own(&["s3://ringfence-data/wal/"], &[BROKER]),
        Class::ClusterMetadata => own(&["s3://ringfence-metadata/meta/"], &[BROKER]),
        Class::AuditEvents => own(&["s3://ringfence-metadata/audit/"], &[BROKER]),
        Class::Secrets => own(&["s3://ringfence-metadata/secret/"], &[BROKER]),
        Class::Logs => own(&["log-group:/ringfence/main"], &["logs.eu-central-1.amazonaws.com"]),
        Class::Metrics => own(&["cloudwatch:Ringfence"], &[]),
        Class::Schemas | Class::Support | Class::Backups | Class::Exit | Class::Cost => own(&["none"], &[]),
    }
}

fn paths() -> Vec<ApprovedPath> {
    let path = |name: &str, from: &str, to: &str, port: u64| ApprovedPath {
        name: name.into(),
        from: from.into(),
        to: to.into(),
        port: Some(port),
        owner: Some("platform".into()),
        purpose: Some("serves".into()),
        mode: Some("steady".into()),
        encryption: Some("tls".into()),
        expires: None,
        ticket: None,
        place: None,
    };
    let support = ApprovedPath {
        mode: Some("support".into()),
        expires: Some("2026-12-31".into()),
        ticket: Some("INC-7".into()),
        ..path("endpoints", "aws_launch_template.broker", "aws_security_group.endpoints", 443)
    };
    vec![
        path("s3", "aws_launch_template.broker", "service:s3", 443),
        path("logs", "aws_launch_template.broker", "service:logs", 443),
        support,
        path("clients", "10.0.0.0/16", "aws_launch_template.broker", 9092),
    ]
}
