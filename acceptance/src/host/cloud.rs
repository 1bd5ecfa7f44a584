//! What the host asks of the emulated AWS: which instances there are, what their launch template says, whose credentials
//! they get. Requests carry an `Authorization` header that names service and account but no valid signature: LocalStack
//! checks none, and a host that plays EC2 is no customer of it.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roxmltree::{Document, Node};

use super::http::Request;
use super::limits;

/// The emulated AWS, as one account in one region sees it.
#[derive(Debug, Clone)]
pub(super) struct Cloud {
    address: SocketAddr,
    region: String,
}

/// An instance that an auto scaling group counts among its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) instance_id: String,
    pub(super) group: String,
    pub(super) zone: String,
    pub(super) template: TemplateVersion,
}

/// One version of one launch template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TemplateVersion {
    pub(super) id: String,
    pub(super) version: String,
}

/// What a launch template gives to its instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    pub(super) user_data: Vec<u8>,
    /// Name of the instance profile.
    pub(super) profile: Option<String>,
}

/// An instance as EC2 describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Launched {
    pub(super) instance_id: String,
    pub(super) address: Option<Ipv4Addr>,
    pub(super) state: String,
    pub(super) account: String,
    pub(super) image_id: String,
    pub(super) instance_type: String,
}

/// A role, by name and ARN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Role {
    pub(super) name: String,
    pub(super) arn: String,
}

/// Credentials that expire.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: String,
    pub(super) session_token: String,
    pub(super) expiration: String,
}

impl Cloud {
    /// The emulated AWS behind `address`.
    pub(super) fn new(address: SocketAddr, region: String) -> Self {
        Self { address, region }
    }

    /// The region asked.
    pub(super) fn region(&self) -> &str {
        &self.region
    }

    /// Every instance of every auto scaling group.
    pub(super) fn members(&self) -> Result<Vec<Member>> {
        members(&self.ask("autoscaling", "2011-01-01", "DescribeAutoScalingGroups", &[])?)
    }

    /// Every instance EC2 knows, terminated ones included.
    pub(super) fn launched(&self) -> Result<Vec<Launched>> {
        launched(&self.ask("ec2", "2016-11-15", "DescribeInstances", &[])?)
    }

    /// What a version of a launch template holds.
    pub(super) fn template(&self, version: &TemplateVersion) -> Result<Template> {
        let arguments =
            [("LaunchTemplateId", version.id.as_str()), ("LaunchTemplateVersion.1", version.version.as_str())];
        template(&self.ask("ec2", "2016-11-15", "DescribeLaunchTemplateVersions", &arguments)?)
    }

    /// The role of an instance profile.
    pub(super) fn role(&self, profile: &str) -> Result<Role> {
        let answer = self.ask("iam", "2010-05-08", "GetInstanceProfile", &[("InstanceProfileName", profile)])?;
        let document = Document::parse(&answer)?;
        let role = below(document.root_element(), "Roles").with_context(|| format!("profile {profile} has no role"))?;
        Ok(Role { name: text(role, "RoleName")?, arn: text(role, "Arn")? })
    }

    /// Credentials of a role.
    pub(super) fn assume(&self, role_arn: &str, session: &str) -> Result<Credentials> {
        let arguments = [("RoleArn", role_arn), ("RoleSessionName", session)];
        let answer = self.ask("sts", "2011-06-15", "AssumeRole", &arguments)?;
        let document = Document::parse(&answer)?;
        let root = document.root_element();
        Ok(Credentials {
            access_key_id: text(root, "AccessKeyId")?,
            secret_access_key: text(root, "SecretAccessKey")?,
            session_token: text(root, "SessionToken")?,
            expiration: text(root, "Expiration")?,
        })
    }

    fn ask(&self, service: &str, version: &str, action: &str, arguments: &[(&str, &str)]) -> Result<String> {
        let mut body = format!("Action={action}&Version={version}");
        arguments.iter().for_each(|(name, value)| body.push_str(&format!("&{name}={}", escape(value))));
        let scope = format!("test/20260101/{}/{service}/aws4_request", self.region);
        let mut request = Request::new("POST", "/")
            .with("authorization", &format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"))
            .with("content-type", "application/x-www-form-urlencoded");
        request.body = body;
        let stream =
            TcpStream::connect_timeout(&self.address, limits::HTTP_TIMEOUT).context("LocalStack does not answer")?;
        let response = request.send(stream).with_context(|| format!("{action} failed"))?;
        if response.status != 200 {
            bail!("{action} was answered with {}: {}", response.status, response.body.trim());
        }
        Ok(response.body)
    }
}

fn members(answer: &str) -> Result<Vec<Member>> {
    let document = Document::parse(answer)?;
    let groups = below(document.root_element(), "AutoScalingGroups").context("no AutoScalingGroups in the answer")?;
    let mut found = Vec::new();
    for group in elements(groups) {
        let name = text(group, "AutoScalingGroupName")?;
        let Some(instances) = child(group, "Instances") else { continue };
        for instance in elements(instances) {
            let template = child(instance, "LaunchTemplate").or_else(|| child(group, "LaunchTemplate"));
            let template = template.with_context(|| format!("group {name} has no launch template"))?;
            let template =
                TemplateVersion { id: text(template, "LaunchTemplateId")?, version: text(template, "Version")? };
            let (instance_id, zone) = (text(instance, "InstanceId")?, text(instance, "AvailabilityZone")?);
            found.push(Member { instance_id, group: name.clone(), zone, template });
        }
    }
    Ok(found)
}

fn launched(answer: &str) -> Result<Vec<Launched>> {
    let document = Document::parse(answer)?;
    let reservations = child(document.root_element(), "reservationSet").context("no reservationSet in the answer")?;
    let mut found = Vec::new();
    for reservation in elements(reservations) {
        let account = text(reservation, "ownerId")?;
        for instance in child(reservation, "instancesSet").into_iter().flat_map(elements) {
            let state = child(instance, "instanceState").context("an instance without a state")?;
            let address = child(instance, "privateIpAddress").and_then(|node| node.text());
            found.push(Launched {
                instance_id: text(instance, "instanceId")?,
                address: address.map(str::parse).transpose().context("an instance with a malformed address")?,
                state: text(state, "name")?,
                account: account.clone(),
                image_id: text(instance, "imageId").unwrap_or_default(),
                instance_type: text(instance, "instanceType").unwrap_or_default(),
            });
        }
    }
    Ok(found)
}

fn template(answer: &str) -> Result<Template> {
    let document = Document::parse(answer)?;
    let data = below(document.root_element(), "launchTemplateData").context("no launchTemplateData in the answer")?;
    let encoded = child(data, "userData").and_then(|node| node.text()).unwrap_or_default();
    let user_data = STANDARD.decode(encoded.trim()).context("user-data is not base64")?;
    if user_data.len() > limits::USER_DATA_BYTES_MAX {
        bail!("user-data has {} bytes, EC2 takes {}", user_data.len(), limits::USER_DATA_BYTES_MAX);
    }
    let profile = child(data, "iamInstanceProfile").and_then(|profile| {
        let name = child(profile, "name").and_then(|node| node.text());
        let of_arn = child(profile, "arn").and_then(|node| node.text()?.rsplit('/').next());
        name.or(of_arn).map(str::to_owned)
    });
    Ok(Template { user_data, profile })
}

fn elements<'a, 'input>(node: Node<'a, 'input>) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children().filter(Node::is_element)
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    elements(node).find(|child| child.tag_name().name() == name)
}

fn below<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.descendants().find(|found| found.tag_name().name() == name)
}

fn text(node: Node<'_, '_>, name: &str) -> Result<String> {
    let found = below(node, name).and_then(|found| found.text());
    found.map(str::to_owned).with_context(|| format!("no {name} in the answer"))
}

/// Percent-encodes a form's value.
fn escape(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    value.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_groups_instances_are_found_with_their_launch_templates() {
        let answer = "<R xmlns='http://autoscaling.amazonaws.com/doc/2011-01-01/'><DescribeAutoScalingGroupsResult>\
            <AutoScalingGroups><member><AutoScalingGroupName>g</AutoScalingGroupName>\
            <LaunchTemplate><LaunchTemplateId>lt-1</LaunchTemplateId><Version>2</Version></LaunchTemplate>\
            <Instances><member><InstanceId>i-1</InstanceId><AvailabilityZone>z</AvailabilityZone>\
            <LaunchTemplate><LaunchTemplateId>lt-1</LaunchTemplateId><Version>1</Version></LaunchTemplate></member>\
            <member><InstanceId>i-2</InstanceId><AvailabilityZone>z</AvailabilityZone></member></Instances></member>\
            <member><AutoScalingGroupName>empty</AutoScalingGroupName><Instances/></member>\
            </AutoScalingGroups></DescribeAutoScalingGroupsResult></R>";
        let found = members(answer).expect("well formed");
        let seen: Vec<_> =
            found.iter().map(|m| (m.instance_id.as_str(), m.group.as_str(), m.template.version.as_str())).collect();
        assert_eq!(seen, [("i-1", "g", "1"), ("i-2", "g", "2")]);
    }

    #[test]
    fn an_instance_is_read_with_its_own_address_not_its_interfaces() {
        let answer = "<R><reservationSet><item><ownerId>7</ownerId><instancesSet><item>\
            <networkInterfaceSet><item><privateIpAddress>10.9.9.9</privateIpAddress></item></networkInterfaceSet>\
            <instanceId>i-1</instanceId><imageId>ami-1</imageId><instanceState><code>16</code><name>running</name></instanceState>\
            <instanceType>m</instanceType><privateIpAddress>10.0.0.4</privateIpAddress></item></instancesSet></item></reservationSet></R>";
        let found = launched(answer).expect("well formed");
        assert_eq!(found.first().and_then(|one| one.address), Some(Ipv4Addr::new(10, 0, 0, 4)));
        assert_eq!(found.first().map(|one| one.state.as_str()), Some("running"));
    }

    #[test]
    fn user_data_comes_back_byte_for_byte() {
        let bytes = b"#!/usr/bin/python3\nprint('\xc3\xa9')\n";
        let answer = format!(
            "<R><launchTemplateVersionSet><item><launchTemplateData><iamInstanceProfile><arn>arn:aws:iam::1:instance-profile/x/p</arn>\
             </iamInstanceProfile><userData>{}</userData></launchTemplateData></item></launchTemplateVersionSet></R>",
            STANDARD.encode(bytes)
        );
        let found = template(&answer).expect("well formed");
        assert_eq!(found, Template { user_data: bytes.to_vec(), profile: Some("p".to_owned()) });
    }

    #[test]
    fn user_data_that_ec2_would_refuse_is_refused() {
        let long = STANDARD.encode(vec![b'#'; limits::USER_DATA_BYTES_MAX + 1]);
        assert!(
            template(&format!("<R><launchTemplateData><userData>{long}</userData></launchTemplateData></R>")).is_err()
        );
    }

    #[test]
    fn form_values_are_escaped() {
        assert_eq!(escape("arn:aws:iam::1:role/a b"), "arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa%20b");
    }
}
