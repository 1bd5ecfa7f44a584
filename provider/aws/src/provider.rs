//! The provider itself: its block, its resources.

use std::collections::BTreeMap;

use serde::Deserialize;
use tfplugin_rs::{
    Attr, Config, Diagnostic, Diagnostics, Path, Provider, Registry,
    schema::{Attribute, Check, Schema, boolean, integer, list, map, nested, nested_list, optional, required, string},
    value::Type,
};

use crate::{
    autoscaling::broker_group::BrokerGroup,
    client::Aws,
    ec2::vpc_endpoint::VpcEndpoint,
    iam::broker_role::BrokerRole,
    kafka::{cluster::Cluster, topic::Topic},
    kms::key::Key,
    limits,
    names::NamesFunction,
    s3::{bucket::Bucket, package::BrokerPackage},
    settings::{AssumeRole, SERVICES, Secret, Settings},
};

/// `ringfence`.
#[derive(Debug)]
pub struct Ringfence;

/// The provider block as written.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Block {
    region: Attr<String>,
    profile: Attr<String>,
    access_key: Attr<String>,
    secret_key: Attr<String>,
    token: Attr<String>,
    assume_role: Attr<Vec<Role>>,
    endpoints: Attr<BTreeMap<String, Attr<String>>>,
    s3_use_path_style: Attr<bool>,
    use_fips_endpoint: Attr<bool>,
    use_dualstack_endpoint: Attr<bool>,
    max_retries: Attr<u32>,
    allowed_account_ids: Attr<Vec<String>>,
    forbidden_account_ids: Attr<Vec<String>>,
    skip_requesting_account_id: Attr<bool>,
    default_tags: Attr<BTreeMap<String, String>>,
    manager: Attr<String>,
}

#[derive(Debug, Deserialize)]
struct Role {
    role_arn: String,
    session_name: Option<String>,
    external_id: Option<String>,
}

impl Block {
    /// The settings; nothing while something that decides them is not known.
    fn settings(self) -> Option<Settings> {
        let endpoints = value(self.endpoints)?.unwrap_or_default();
        let endpoints: Option<Vec<_>> =
            endpoints.into_iter().map(|(service, url)| Some((service, value(url)?))).collect();
        let roles = value(self.assume_role)?.unwrap_or_default();
        let role =
            |r: Role| AssumeRole { role_arn: r.role_arn, session_name: r.session_name, external_id: r.external_id };
        Some(Settings {
            region: value(self.region)?,
            profile: value(self.profile)?,
            access_key: value(self.access_key)?,
            secret_key: value(self.secret_key)?.as_deref().map(Secret::new),
            token: value(self.token)?.as_deref().map(Secret::new),
            assume_role: roles.into_iter().map(role).collect(),
            endpoints: endpoints?.into_iter().filter_map(|(service, url)| Some((service, url?))).collect(),
            s3_use_path_style: value(self.s3_use_path_style)?.unwrap_or(false),
            use_fips_endpoint: value(self.use_fips_endpoint)?.unwrap_or(false),
            use_dualstack_endpoint: value(self.use_dualstack_endpoint)?.unwrap_or(false),
            max_retries: value(self.max_retries)?,
            allowed_account_ids: value(self.allowed_account_ids)?.unwrap_or_default(),
            forbidden_account_ids: value(self.forbidden_account_ids)?.unwrap_or_default(),
            skip_requesting_account_id: value(self.skip_requesting_account_id)?.unwrap_or(false),
            default_tags: value(self.default_tags)?.unwrap_or_default(),
            manager: value(self.manager)?,
        })
    }
}

/// A known or absent value; nothing while it is unknown.
fn value<T>(attr: Attr<T>) -> Option<Option<T>> {
    match attr {
        Attr::Unknown => None,
        Attr::Null => Some(None),
        Attr::Known(value) => Some(Some(value)),
    }
}

impl Provider for Ringfence {
    type Data = Aws;
    const NAME: &'static str = "ringfence";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");

    fn schema(&self) -> Schema {
        Schema::new("Kafka-compatible clusters inside a boundary of your own account.")
            .attributes(credentials())
            .attributes(connection())
            .attributes([
                (
                    "allowed_account_ids",
                    optional(list(Type::String), "The only accounts in which anything may be done. Conflicts with `skip_requesting_account_id`."),
                ),
                ("forbidden_account_ids", optional(list(Type::String), "Accounts in which nothing may be done.")),
                ("skip_requesting_account_id", optional(boolean(), "Never ask STS which account this is; policies then hold `${account}` and cannot be applied.")),
                ("default_tags", optional(map(Type::String), "Tags of everything that has tags.")),
                (
                    "manager",
                    optional(string(), "Who manages these resources, the repository's URL for instance: part of the owner tag and of every entry of the metadata log.")
                        .check(Check::length(1, 128)),
                ),
            ])
    }

    fn register(&self, registry: &mut Registry<Aws>) {
        registry
            .resource(Key)
            .resource(Bucket)
            .resource(VpcEndpoint)
            .resource(BrokerRole)
            .resource(BrokerPackage)
            .resource(Cluster)
            .resource(BrokerGroup)
            .resource(Topic)
            .function(NamesFunction);
    }

    fn validate(&self, config: &Config<'_>, out: &mut Diagnostics) -> Result<(), Diagnostics> {
        let Some(settings) = config.model::<Block>()?.settings() else { return Ok(()) };
        for problem in settings.problems() {
            out.push(Diagnostic::error(problem.problem, "").at(Path::root().attribute(problem.argument)));
        }
        Ok(())
    }

    async fn configure(&self, config: Config<'_>, _: &mut Diagnostics) -> Result<Option<Aws>, Diagnostics> {
        match config.model::<Block>()?.settings() {
            Some(settings) => Ok(Some(Aws::connect(settings).await?)),
            // Something of it is made by this same apply: plans go on, with what AWS would say left unknown.
            None => Ok(None),
        }
    }
}

fn credentials() -> [(&'static str, Attribute); 6] {
    let role = [
        ("role_arn", required(string(), "ARN of the role.")),
        ("session_name", optional(string(), "Name of the session, seen in CloudTrail.")),
        ("external_id", optional(string(), "External id that the role's trust policy demands.")),
    ];
    [
        ("region", optional(string(), "The region. Without it, the environment or the profile decides.")),
        ("profile", optional(string(), "A profile of the shared configuration files.")),
        ("access_key", optional(string(), "Access key; with `secret_key`.").sensitive()),
        ("secret_key", optional(string(), "Secret key; with `access_key`.").sensitive()),
        ("token", optional(string(), "Session token of temporary keys.").sensitive()),
        ("assume_role", optional(nested_list(role), "Roles to assume, one after the other.")),
    ]
}

fn connection() -> [(&'static str, Attribute); 5] {
    let endpoints = SERVICES.map(|service| (service, optional(string(), format!("Base URL of {service}."))));
    [
        ("endpoints", optional(nested(endpoints), "Base URLs of services, for private endpoints and emulators.")),
        ("s3_use_path_style", optional(boolean(), "Buckets in the path instead of the host name.")),
        ("use_fips_endpoint", optional(boolean(), "FIPS 140 endpoints.")),
        ("use_dualstack_endpoint", optional(boolean(), "Endpoints for IPv4 and IPv6.")),
        (
            "max_retries",
            optional(integer(), "Attempts of one call.").check(Check::between(1, i64::from(limits::ATTEMPTS_MAX))),
        ),
    ]
}
