//! The endpoint in EC2: create or adopt, read, converge, delete.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{Filter, ResourceType, State, VpcEndpoint, VpcEndpointType};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::{
    client::Aws,
    ec2::tags,
    failure::{Answer, Failure},
    limits,
    ownership::{OWNER, Ownership, Tags},
    policy::meaning,
    wait,
};

/// An endpoint as it should be.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Wanted {
    pub(crate) service_name: String,
    pub(crate) gateway: bool,
    pub(crate) vpc_id: String,
    pub(crate) route_table_ids: BTreeSet<String>,
    pub(crate) subnet_ids: BTreeSet<String>,
    pub(crate) security_group_ids: BTreeSet<String>,
    pub(crate) policy: String,
    pub(crate) tags: Tags,
}

/// An endpoint as it is.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) id: String,
    pub(crate) service_name: String,
    pub(crate) vpc_id: String,
    pub(crate) route_table_ids: BTreeSet<String>,
    pub(crate) subnet_ids: BTreeSet<String>,
    pub(crate) security_group_ids: BTreeSet<String>,
    pub(crate) policy: String,
    pub(crate) tags: Tags,
    state: Option<State>,
}

/// Makes the endpoint, or finds the one that an interrupted create left; answers its id.
pub(crate) async fn create(aws: &Aws, wanted: &Wanted, ownership: &Ownership) -> Answer<String> {
    let marked = ownership.mark(&wanted.tags);
    if let Some(id) = unfinished(aws, &marked, ownership).await? {
        return Ok(id);
    }
    let kind = if wanted.gateway { VpcEndpointType::Gateway } else { VpcEndpointType::Interface };
    let mut request = aws
        .ec2()
        .create_vpc_endpoint()
        .vpc_endpoint_type(kind)
        .vpc_id(&wanted.vpc_id)
        .service_name(&wanted.service_name)
        .policy_document(&wanted.policy)
        .client_token(ownership.client_token())
        .tag_specifications(tags::specification(ResourceType::VpcEndpoint, &marked))
        .set_route_table_ids(list(&wanted.route_table_ids))
        .set_subnet_ids(list(&wanted.subnet_ids))
        .set_security_group_ids(list(&wanted.security_group_ids));
    if !wanted.gateway {
        request = request.private_dns_enabled(true);
    }
    let resource = format!("{} in {}", wanted.service_name, wanted.vpc_id);
    let answer = request.send().await.map_err(|e| Failure::of("ec2:CreateVpcEndpoint", resource, e))?;
    let id = answer.vpc_endpoint().and_then(VpcEndpoint::vpc_endpoint_id).map(str::to_owned);
    id.ok_or_else(|| Failure::new("EC2 answered no endpoint id", "Apply again: the endpoint is found by its tags."))
}

async fn unfinished(aws: &Aws, marked: &Tags, ownership: &Ownership) -> Answer<Option<String>> {
    let owner = marked.get(OWNER).map(String::as_str).unwrap_or_default();
    let filter = Filter::builder().name(format!("tag:{OWNER}")).values(owner).build();
    let answer = aws.ec2().describe_vpc_endpoints().filters(filter).send().await;
    let answer = answer.map_err(|e| Failure::of("ec2:DescribeVpcEndpoints", owner, e))?;
    let found = answer.vpc_endpoints().iter().map(to_found).find(|f| f.is_there() && ownership.is_unfinished(&f.tags));
    Ok(found.map(|f| f.id))
}

/// Gives the endpoint everything that `wanted` says, waits until it works, takes the mark away.
pub(crate) async fn converge(
    aws: &Aws,
    id: &str,
    wanted: &Wanted,
    ownership: &Ownership,
    cancel: &CancellationToken,
) -> Answer<()> {
    let found =
        wait::until(&format!("the endpoint {id}"), limits::WAIT, cancel, async || match read(aws, id).await? {
            None => Err(Failure::new(format!("the endpoint {id} is gone"), "Apply again to make a new one.")),
            Some(found) if found.state == Some(State::Pending) => Ok(None),
            Some(found) => Ok(Some(found)),
        })
        .await?;
    modify(aws, id, wanted, &found).await?;
    tags::converge(aws, id, &found.tags, &ownership.sign(&wanted.tags)).await
}

async fn modify(aws: &Aws, id: &str, wanted: &Wanted, found: &Found) -> Answer<()> {
    let policy = (!meaning::same(&found.policy, &wanted.policy)).then(|| wanted.policy.clone());
    let same = found.route_table_ids == wanted.route_table_ids
        && found.subnet_ids == wanted.subnet_ids
        && (wanted.gateway || found.security_group_ids == wanted.security_group_ids);
    if policy.is_none() && same {
        return Ok(());
    }
    let request = aws
        .ec2()
        .modify_vpc_endpoint()
        .vpc_endpoint_id(id)
        .set_policy_document(policy)
        .set_add_route_table_ids(missing(&wanted.route_table_ids, &found.route_table_ids))
        .set_remove_route_table_ids(missing(&found.route_table_ids, &wanted.route_table_ids))
        .set_add_subnet_ids(missing(&wanted.subnet_ids, &found.subnet_ids))
        .set_remove_subnet_ids(missing(&found.subnet_ids, &wanted.subnet_ids))
        .set_add_security_group_ids(missing(&wanted.security_group_ids, &found.security_group_ids))
        .set_remove_security_group_ids(missing(&found.security_group_ids, &wanted.security_group_ids));
    request.send().await.map(drop).map_err(|e| Failure::of("ec2:ModifyVpcEndpoint", id, e))
}

/// The endpoint, or nothing when it is gone or going.
pub(crate) async fn read(aws: &Aws, id: &str) -> Answer<Option<Found>> {
    let answer = aws.ec2().describe_vpc_endpoints().vpc_endpoint_ids(id).send().await;
    match answer.map_err(|e| Failure::of("ec2:DescribeVpcEndpoints", id, e)) {
        Ok(answer) => Ok(answer.vpc_endpoints().iter().map(to_found).find(Found::is_there)),
        Err(failure) if failure.is_gone() => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Deletes the endpoint and waits until its interfaces are gone, because they hold subnets and security groups.
pub(crate) async fn delete(aws: &Aws, id: &str, cancel: &CancellationToken) -> Answer<()> {
    let answer = aws.ec2().delete_vpc_endpoints().vpc_endpoint_ids(id).send().await;
    match answer.map_err(|e| Failure::of("ec2:DeleteVpcEndpoints", id, e)) {
        Ok(_) => {}
        Err(failure) if failure.is_gone() => return Ok(()),
        Err(failure) => return Err(failure),
    }
    wait::until(&format!("the deletion of {id}"), limits::WAIT, cancel, async || {
        let answer = aws.ec2().describe_vpc_endpoints().vpc_endpoint_ids(id).send().await;
        match answer.map_err(|e| Failure::of("ec2:DescribeVpcEndpoints", id, e)) {
            Ok(answer) if answer.vpc_endpoints().iter().all(|e| to_found(e).state == Some(State::Deleted)) => {
                Ok(Some(()))
            }
            Ok(_) => Ok(None),
            Err(failure) if failure.is_gone() => Ok(Some(())),
            Err(failure) => Err(failure),
        }
    })
    .await
}

impl Found {
    fn is_there(&self) -> bool {
        !matches!(self.state, Some(State::Deleted | State::Deleting | State::Expired | State::Failed | State::Rejected))
    }
}

fn to_found(endpoint: &VpcEndpoint) -> Found {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    Found {
        id: text(endpoint.vpc_endpoint_id()),
        service_name: text(endpoint.service_name()),
        vpc_id: text(endpoint.vpc_id()),
        route_table_ids: endpoint.route_table_ids().iter().cloned().collect(),
        subnet_ids: endpoint.subnet_ids().iter().cloned().collect(),
        security_group_ids: endpoint.groups().iter().filter_map(|g| g.group_id()).map(str::to_owned).collect(),
        policy: text(endpoint.policy_document()),
        tags: tags::from_ec2(endpoint.tags()),
        // The service answers states in lower case.
        state: endpoint.state().map(|s| capitalised(s.as_str())),
    }
}

fn capitalised(state: &str) -> State {
    let mut letters = state.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    State::from(first.into_iter().chain(letters).collect::<String>().as_str())
}

fn list(ids: &BTreeSet<String>) -> Option<Vec<String>> {
    (!ids.is_empty()).then(|| ids.iter().cloned().collect())
}

fn missing(wanted: &BTreeSet<String>, found: &BTreeSet<String>) -> Option<Vec<String>> {
    let ids: Vec<String> = wanted.difference(found).cloned().collect();
    (!ids.is_empty()).then_some(ids)
}

/// The prefix list of a gateway endpoint's service, for rules of security groups.
pub(crate) async fn prefix_list(aws: &Aws, service_name: &str) -> Answer<Option<String>> {
    let filter = Filter::builder().name("prefix-list-name").values(service_name).build();
    let answer = aws.ec2().describe_managed_prefix_lists().filters(filter).send().await;
    let answer = answer.map_err(|e| Failure::of("ec2:DescribeManagedPrefixLists", service_name, e))?;
    let mut lists = answer.prefix_lists().iter().filter(|l| l.prefix_list_name() == Some(service_name));
    Ok(lists.next().and_then(|l| l.prefix_list_id()).map(str::to_owned))
}
