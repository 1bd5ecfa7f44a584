//! Machines and what stands in front of them.

use serde::{Deserialize, Serialize};

use super::{fact::Fact, origin::Origin, store::Volume};

/// What an instance starts from: a launch template's default version, an instance, our broker group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Where it was found.
    pub origin: Origin,
    /// What it is.
    pub kind: MachineKind,
    /// Its identifier.
    pub id: Fact<String>,
    /// Machine image.
    pub image: Fact<String>,
    /// Instance type.
    pub instance_type: Fact<String>,
    /// Name or ARN of the instance profile.
    pub profile: Option<Fact<String>>,
    /// User data; base64 for a launch template.
    pub user_data: Option<Fact<String>>,
    /// Whether the metadata service wants tokens.
    pub imds_tokens_required: Fact<bool>,
    /// Hops that answers of the metadata service survive.
    pub imds_hops: Fact<u64>,
    /// Whether interfaces get public addresses; none: the subnet decides.
    pub public_address: Option<Fact<bool>>,
    /// Security groups.
    pub security_groups: Vec<Fact<String>>,
    /// Subnets; a template has none.
    pub subnets: Vec<Fact<String>>,
    /// Name of an SSH key, if there is one.
    pub ssh_key: Option<Fact<String>>,
    /// Volumes that it describes.
    pub volumes: Vec<Volume>,
    /// The cluster, for our own resource.
    pub of_cluster: Option<String>,
}

/// What a [`Machine`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MachineKind {
    /// An instance.
    Instance,
    /// A launch template.
    LaunchTemplate,
    /// A launch configuration, the older form.
    LaunchConfiguration,
    /// Our own broker group, which makes templates and groups itself.
    BrokerGroup,
}

/// An auto scaling group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScalingGroup {
    /// Where it was found.
    pub origin: Origin,
    /// Its name.
    pub name: Fact<String>,
    /// Identifier or name of the launch template.
    pub template: Option<Fact<String>>,
    /// The template's version: a number, `$Latest` or `$Default`.
    pub template_version: Option<Fact<String>>,
    /// Subnets.
    pub subnets: Vec<Fact<String>>,
    /// Least and most instances.
    pub size: (Fact<u64>, Fact<u64>),
    /// ARNs of target groups.
    pub target_groups: Vec<Fact<String>>,
}

/// A load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancer {
    /// Where it was found.
    pub origin: Origin,
    /// Its ARN.
    pub arn: Fact<String>,
    /// Its name.
    pub name: Fact<String>,
    /// Whether it has private addresses only.
    pub internal: Fact<bool>,
    /// Subnets.
    pub subnets: Vec<Fact<String>>,
    /// Security groups; none of them: everything is admitted.
    pub security_groups: Vec<Fact<String>>,
    /// Listeners.
    pub listeners: Vec<Listener>,
}

/// One port of a load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Where it was found.
    pub origin: Origin,
    /// Port.
    pub port: Fact<u64>,
    /// `TCP`, `TLS`, ...
    pub protocol: Fact<String>,
    /// ARN of the target group.
    pub target_group: Option<Fact<String>>,
}

/// A PrivateLink service: a way in for other VPCs and accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointService {
    /// Where it was found.
    pub origin: Origin,
    /// ARNs that may connect.
    pub principals: Fact<Vec<String>>,
    /// Whether each connection waits for an approval.
    pub approval: Fact<bool>,
    /// ARNs of the load balancers behind it.
    pub load_balancers: Vec<Fact<String>>,
}
