//! The arguments of a broker group, with the checks that need no network.

use std::net::IpAddr;

use tfplugin_rs::{
    schema::{Check, Schema, computed, integer, map, optional, optional_computed, required, set, string},
    value::Type,
};

use crate::{
    attributes::{self, Named},
    limits,
};

/// The schema.
pub(super) fn schema() -> Schema {
    Schema::new(
        "Brokers: one auto scaling group per zone with its launch template, security group and log group. Instances take their \
         software from the metadata bucket and verify its checksum before it runs.",
    )
    .attributes([attributes::cluster(), attributes::facts()])
    .attributes(attributes::tags())
    .attributes(where_it_runs())
    .attributes(what_it_runs())
    .attributes(where_it_stores())
    .attributes(results())
}

fn where_it_runs() -> [Named; 7] {
    let subnets = Check::text("must be the id of a subnet, subnet-…", |id| id.starts_with("subnet-"));
    [
        (
            "name",
            optional(string(), "Name of the group within the cluster.").default("brokers").replace().check(
                Check::text("must have 1 to 24 lower-case letters, digits and hyphens", |n| {
                    (1..=24).contains(&n.len())
                        && n.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                }),
            ),
        ),
        ("vpc_id", required(string(), "The VPC.").replace()),
        (
            "zones",
            required(map(Type::String), "Id of a subnet by the name of its zone; each zone gets a group of its own.")
                .check(Check::not_empty())
                .check(subnets.each()),
        ),
        (
            "brokers_per_zone",
            optional(integer(), "Brokers in each zone.")
                .default(1)
                .check(Check::between(0, limits::BROKERS_PER_ZONE_MAX)),
        ),
        (
            "client_cidrs",
            optional(set(Type::String), "Ranges whose hosts may connect to the brokers.").check(
                Check::text(
                    "must be a network in CIDR notation without host bits, as in 10.20.0.0/16, and not every address",
                    is_network,
                )
                .each(),
            ),
        ),
        (
            "kafka_port",
            optional(integer(), "Port that clients connect to.").default(9092).check(Check::between(1024, 65_535)),
        ),
        (
            "health_port",
            optional(integer(), "Port of liveness, readiness and metrics.")
                .default(9464)
                .check(Check::between(1024, 65_535)),
        ),
    ]
}

fn what_it_runs() -> [Named; 9] {
    let sha256 = Check::text("must be a SHA-256: 64 hexadecimal digits", |t| {
        t.len() == 64 && t.bytes().all(|b| b.is_ascii_hexdigit())
    });
    [
        (
            "image_id",
            required(
                string(),
                "Machine image: stock Amazon Linux 2023, Debian or Ubuntu of the package's architecture.",
            )
            .check(Check::text("must be the id of a machine image, ami-…", |id| id.starts_with("ami-"))),
        ),
        ("architecture", required(string(), "Architecture of the package.").check(Check::one_of(["x86_64", "arm64"]))),
        ("instance_type", optional_computed(string(), "Machine type. By default a small one of the architecture.")),
        (
            "role_id",
            optional(
                string(),
                "Unique id of the brokers' role, `ringfence_broker_role.NAME.unique_id`. Brokers sign entries of the metadata log with \
                 it; the metadata bucket's policy refuses those that are not signed.",
            ),
        ),
        ("instance_profile", required(string(), "Name of the brokers' instance profile.")),
        (
            "package_sha256",
            required(string(), "SHA-256 of the packaged broker; instances refuse any other.").check(sha256),
        ),
        (
            "volume_size_gib",
            optional(integer(), "Size of the encrypted root volume.").default(10).check(Check::between(8, 1024)),
        ),
        ("volume_key_arn", optional(string(), "ARN of the root volumes' key. By default the account's key for EBS.")),
        (
            "put_budget_per_second",
            optional(integer(), "Requests with which a broker stores small batches, per second: it bounds cost.")
                .check(Check::between(1, 1000)),
        ),
    ]
}

fn where_it_stores() -> [Named; 10] {
    let url = Check::text("must be a URL, http://… or https://…", |t| {
        t.starts_with("http://") || t.starts_with("https://")
    });
    [
        ("cluster_id", required(string(), "Id of the cluster; brokers refuse to start on another's buckets.")),
        ("data_bucket", required(string(), "Name of the data bucket.")),
        ("data_key_arn", required(string(), "ARN of the data bucket's key.")),
        ("metadata_bucket", required(string(), "Name of the metadata bucket.")),
        ("metadata_key_arn", required(string(), "ARN of the metadata bucket's key.")),
        ("s3_prefix_list_id", optional(string(), "Prefix list of the S3 endpoint: the only destination outside the group.")),
        ("s3_endpoint", optional(string(), "Base URL of another S3. Not set on AWS.").check(url)),
        ("logs_key_arn", optional(string(), "ARN of the log group's key.").replace()),
        (
            "logs_retention_days",
            optional(integer(), "Days that logs are kept.").default(30).check(Check::value("must be a retention that CloudWatch Logs knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653", is_retention)),
        ),
        (
            "logs_on_destroy",
            optional(string(), "What a destroy does with the log group: `retain` or `delete`.").default("retain").check(Check::one_of(["retain", "delete"])),
        ),
    ]
}

fn results() -> [Named; 8] {
    [
        ("id", computed(string(), "CLUSTER/NAME.").keep()),
        ("autoscaling_groups", computed(map(Type::String), "The auto scaling group of each zone.")),
        ("launch_template_id", computed(string(), "The launch template.").keep()),
        (
            "launch_template_version",
            computed(integer(), "The version that new instances are made from: always a number, never `$Latest`."),
        ),
        (
            "template",
            computed(string(), "What instances are made from, as JSON: image, type, digest of the user-data."),
        ),
        ("security_group_id", computed(string(), "The brokers' security group.").keep()),
        ("security_group_rules", computed(set(Type::String), "Its rules, as in `in tcp 9092 10.20.0.0/16`.")),
        ("log_group", computed(string(), "The log group.")),
    ]
}

fn is_retention(value: &tfplugin_rs::value::Value) -> bool {
    const DAYS: [f64; 22] = [
        1., 3., 5., 7., 14., 30., 60., 90., 120., 150., 180., 365., 400., 545., 731., 1096., 1827., 2192., 2557.,
        2922., 3288., 3653.,
    ];
    match value {
        tfplugin_rs::value::Value::Number(days) => DAYS.contains(&days.to_f64()),
        _ => true,
    }
}

/// A network as EC2 takes it: no host bits, and never all addresses.
fn is_network(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else { return false };
    let (Ok(address), Ok(length)) = (address.parse::<IpAddr>(), length.parse::<u32>()) else { return false };
    let (bits, width) = match address {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), 32_u32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    };
    let hosts =
        width.checked_sub(length).map(|host_bits| 1_u128.checked_shl(host_bits).map_or(u128::MAX, |size| size - 1));
    length > 0 && hosts.is_some_and(|mask| bits & mask == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_with_host_bits_or_of_all_addresses_are_refused() {
        for good in ["10.20.0.0/16", "10.1.2.3/32", "fd00::/8"] {
            assert!(is_network(good), "{good}");
        }
        for bad in ["10.20.0.1/16", "10.20.0.0", "10.20.0.0/33", "0.0.0.0/0", "::/0", "10.20.0/16", "x/8", ""] {
            assert!(!is_network(bad), "{bad}");
        }
    }
}
