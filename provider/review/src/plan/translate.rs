//! From resources to entities, one file per part of AWS.
//!
//! Invariant: each fact has exactly one authoritative resource type. A resource of its own (`aws_s3_bucket_versioning`)
//! wins; then an inline block that the configuration sets; then, for a bucket made by this plan, what AWS does by
//! default; and only for an object that exists and that nobody configures here, what the refresh found. Copies that the
//! AWS provider keeps in computed attributes never win over any of these.

mod audit;
mod balancers;
mod bucket_settings;
mod buckets;
mod clusters;
mod compute;
mod dns;
mod endpoints;
mod identities;
mod keys;
mod logs;
mod networks;
mod rules;

use provider_boundary::model::{Fact, World};

use super::object::Objects;

/// Kinds that hold nothing the boundary asks about, and kinds that other translators take in.
const SILENT: &[&str] = &[
    "aws_caller_identity",
    "aws_partition",
    "aws_region",
    "aws_iam_policy_document",
    "aws_iam_session_context",
    "aws_availability_zones",
    "aws_ami",
    "aws_ssm_parameter",
    "aws_lb_target_group",
    "aws_lb_target_group_attachment",
    "aws_default_tags",
    "ringfence_broker_package",
    "terraform_data",
    "null_resource",
    "random_id",
    "random_string",
    "random_pet",
    "time_sleep",
];

/// The world that these objects make up.
pub(crate) fn world(objects: &Objects, place: super::identity::Where) -> World {
    let mut world = World::empty(
        Fact::from_text(&place.account),
        Fact::from_text(&place.region),
        Fact::from_text(&place.partition),
    );
    world.evidence.clone_from(&objects.evidence);
    world.caller = objects.of(&["aws_caller_identity"]).find_map(|one| one.get("arn").as_str().map(str::to_owned));
    let modelled: Vec<&[&str]> = vec![
        keys::translate(objects, &mut world),
        buckets::translate(objects, &mut world),
        identities::translate(objects, &mut world),
        networks::translate(objects, &mut world),
        // Before rules and log filters, which may belong to what a broker group makes.
        clusters::translate(objects, &mut world),
        rules::translate(objects, &mut world),
        endpoints::translate(objects, &mut world),
        dns::translate(objects, &mut world),
        compute::translate(objects, &mut world),
        balancers::translate(objects, &mut world),
        logs::translate(objects, &mut world),
        audit::translate(objects, &mut world),
        SILENT,
    ];
    clusters::fill_symbols(objects, &mut world);
    let known = |kind: &str| modelled.iter().any(|kinds| kinds.contains(&kind));
    let others = objects.all.iter().filter(|one| !known(&one.kind));
    world.unmodelled.extend(others.map(|one| (one.origin.clone(), one.kind.clone())));
    world
}
