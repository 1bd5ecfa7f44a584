//! Everything that one reader found: the planned, the prior or the actual world.

use serde::{Deserialize, Serialize};

use super::{
    audit::{Detector, Recorder, Trail},
    compute::{EndpointService, LoadBalancer, Machine, ScalingGroup},
    evidence::Evidence,
    fact::Fact,
    identity::{Identity, IdentityProvider, InstanceProfile},
    kafka::{Acl, Cluster, Topic},
    key::Key,
    network::{
        DnsFirewall, DnsZone, Endpoint, FlowLog, Gateway, NetworkAcl, PrefixList, PublicAddress, ResolverRule,
        RouteTable, SecurityGroup, Subnet, Vpc,
    },
    origin::Origin,
    store::{AccessPoint, Bucket, Copy, LogGroup, Mailbox, PublicAccess, Secret},
    verdict::Reason,
};

/// Everything that one reader found. Lists are in the order of addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    /// The account that Terraform acts in.
    pub account: Fact<String>,
    /// The region it acts in.
    pub region: Fact<String>,
    /// The partition: `aws`, `aws-cn`, ...
    pub partition: Fact<String>,
    /// ARN of who ran the plan, where it is said.
    pub caller: Option<String>,
    /// Public access block of the account.
    pub account_public_access: Fact<PublicAccess>,
    /// Buckets.
    pub buckets: Vec<Bucket>,
    /// Other doors to buckets.
    pub access_points: Vec<AccessPoint>,
    /// Log groups.
    pub log_groups: Vec<LogGroup>,
    /// Snapshots, images, backups.
    pub copies: Vec<Copy>,
    /// Secrets and parameters.
    pub secrets: Vec<Secret>,
    /// SNS topics and SQS queues.
    pub mailboxes: Vec<Mailbox>,
    /// Keys.
    pub keys: Vec<Key>,
    /// Roles, users, groups.
    pub identities: Vec<Identity>,
    /// Instance profiles.
    pub profiles: Vec<InstanceProfile>,
    /// Identity providers.
    pub identity_providers: Vec<IdentityProvider>,
    /// VPCs.
    pub vpcs: Vec<Vpc>,
    /// Subnets.
    pub subnets: Vec<Subnet>,
    /// Route tables.
    pub route_tables: Vec<RouteTable>,
    /// Security groups.
    pub security_groups: Vec<SecurityGroup>,
    /// Network ACLs.
    pub network_acls: Vec<NetworkAcl>,
    /// Endpoints.
    pub endpoints: Vec<Endpoint>,
    /// Ways to other networks.
    pub gateways: Vec<Gateway>,
    /// Public addresses.
    pub public_addresses: Vec<PublicAddress>,
    /// Prefix lists.
    pub prefix_lists: Vec<PrefixList>,
    /// Hosted zones.
    pub dns_zones: Vec<DnsZone>,
    /// Resolver rules.
    pub resolver_rules: Vec<ResolverRule>,
    /// DNS firewalls.
    pub dns_firewalls: Vec<DnsFirewall>,
    /// Flow logs.
    pub flow_logs: Vec<FlowLog>,
    /// Instances, templates, broker groups.
    pub machines: Vec<Machine>,
    /// Auto scaling groups.
    pub scaling_groups: Vec<ScalingGroup>,
    /// Load balancers.
    pub load_balancers: Vec<LoadBalancer>,
    /// PrivateLink services.
    pub endpoint_services: Vec<EndpointService>,
    /// Trails.
    pub trails: Vec<Trail>,
    /// Event rules.
    pub detectors: Vec<Detector>,
    /// Config recorders.
    pub recorders: Vec<Recorder>,
    /// Clusters.
    pub clusters: Vec<Cluster>,
    /// Topics.
    pub topics: Vec<Topic>,
    /// Access list.
    pub acls: Vec<Acl>,
    /// Resources of kinds that the model does not know, with the kind.
    pub unmodelled: Vec<(Origin, String)>,
    /// What was read, by identifier.
    pub evidence: Vec<Evidence>,
}

impl World {
    /// A world in which nothing was found yet.
    pub fn empty(account: Fact<String>, region: Fact<String>, partition: Fact<String>) -> World {
        World {
            account,
            region,
            partition,
            caller: None,
            account_public_access: Fact::Unknown(Reason::NotRead {
                source: "aws".into(),
                what: "s3control:GetPublicAccessBlock".into(),
            }),
            buckets: Vec::new(),
            access_points: Vec::new(),
            log_groups: Vec::new(),
            copies: Vec::new(),
            secrets: Vec::new(),
            mailboxes: Vec::new(),
            keys: Vec::new(),
            identities: Vec::new(),
            profiles: Vec::new(),
            identity_providers: Vec::new(),
            vpcs: Vec::new(),
            subnets: Vec::new(),
            route_tables: Vec::new(),
            security_groups: Vec::new(),
            network_acls: Vec::new(),
            endpoints: Vec::new(),
            gateways: Vec::new(),
            public_addresses: Vec::new(),
            prefix_lists: Vec::new(),
            dns_zones: Vec::new(),
            resolver_rules: Vec::new(),
            dns_firewalls: Vec::new(),
            flow_logs: Vec::new(),
            machines: Vec::new(),
            scaling_groups: Vec::new(),
            load_balancers: Vec::new(),
            endpoint_services: Vec::new(),
            trails: Vec::new(),
            detectors: Vec::new(),
            recorders: Vec::new(),
            clusters: Vec::new(),
            topics: Vec::new(),
            acls: Vec::new(),
            unmodelled: Vec::new(),
            evidence: Vec::new(),
        }
    }

    /// The key that a reference means: an ARN, an identifier, an alias or an alias' ARN.
    pub fn key(&self, reference: &str) -> Option<&Key> {
        let alias = reference.rfind("alias/").and_then(|at| reference.get(at..));
        self.keys.iter().find(|key| {
            key.arn.text() == Some(reference)
                || key.id.text() == Some(reference)
                || alias.is_some_and(|alias| key.aliases.iter().any(|known| known.text() == Some(alias)))
        })
    }

    /// The bucket of that name or ARN.
    pub fn bucket(&self, reference: &str) -> Option<&Bucket> {
        self.buckets.iter().find(|one| one.name.text() == Some(reference) || one.arn.text() == Some(reference))
    }

    /// The identity of that ARN.
    pub fn identity(&self, arn: &str) -> Option<&Identity> {
        self.identities.iter().find(|one| one.arn.text() == Some(arn))
    }

    /// The security group of that identifier.
    pub fn security_group(&self, id: &str) -> Option<&SecurityGroup> {
        self.security_groups.iter().find(|one| one.id.text() == Some(id))
    }

    /// The subnet of that identifier.
    pub fn subnet(&self, id: &str) -> Option<&Subnet> {
        self.subnets.iter().find(|one| one.id.text() == Some(id))
    }

    /// The role behind an instance profile's name or ARN.
    pub fn role_of_profile(&self, reference: &str) -> Option<&Identity> {
        let profile =
            self.profiles.iter().find(|one| one.name.text() == Some(reference) || one.arn.text() == Some(reference))?;
        let role = profile.role.as_ref()?.text()?;
        self.identities.iter().find(|one| one.name.text() == Some(role) || one.arn.text() == Some(role))
    }
}
