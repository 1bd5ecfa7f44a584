//! The launch template: always sent in full, used by version number only.

use aws_sdk_ec2::types::{
    Filter, InstanceType, LaunchTemplateBlockDeviceMappingRequest, LaunchTemplateEbsBlockDeviceRequest,
    LaunchTemplateHttpTokensState, LaunchTemplateIamInstanceProfileSpecificationRequest,
    LaunchTemplateInstanceMetadataEndpointState, LaunchTemplateInstanceMetadataOptionsRequest,
    LaunchTemplateInstanceNetworkInterfaceSpecificationRequest, LaunchTemplateTagSpecificationRequest,
    RequestLaunchTemplateData, ResourceType, ResponseLaunchTemplateData, VolumeType,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    client::Aws,
    ec2::tags,
    failure::{Answer, Failure},
    ownership::{Ownership, Tags},
};

/// A launch template as it should be.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) image_id: String,
    /// Device of the image's root volume.
    pub(crate) root_device: String,
    pub(crate) instance_type: String,
    pub(crate) instance_profile: String,
    pub(crate) security_group_id: String,
    pub(crate) volume_size_gib: i32,
    pub(crate) volume_kms_key_arn: Option<String>,
    pub(crate) user_data: String,
    /// Tags of the template itself.
    pub(crate) tags: Tags,
    /// Tags of instances, volumes and interfaces.
    pub(crate) instance_tags: Tags,
}

/// What a version of the template says, as far as it is ours to compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) image_id: String,
    pub(crate) instance_type: String,
    pub(crate) user_data_sha256: String,
    pub(crate) imdsv2_only: bool,
}

/// Makes the template with its first version, or adopts what an interrupted create left; answers id and version.
pub(crate) async fn create(aws: &Aws, wanted: &Wanted, ownership: &Ownership) -> Answer<(String, i64)> {
    if let Some((id, found)) = by_name(aws, &wanted.name).await? {
        ownership.adopt(&format!("the launch template {}", wanted.name), &id, &found)?;
        let version = new_version(aws, &id, wanted).await?;
        return Ok((id, version));
    }
    let request = aws
        .ec2()
        .create_launch_template()
        .launch_template_name(&wanted.name)
        .client_token(ownership.client_token())
        .launch_template_data(data(wanted))
        .tag_specifications(tags::specification(ResourceType::LaunchTemplate, &ownership.mark(&wanted.tags)));
    let answer = request.send().await.map_err(|e| Failure::of("ec2:CreateLaunchTemplate", &wanted.name, e))?;
    let template = answer.launch_template();
    let id = template.and_then(|t| t.launch_template_id()).map(str::to_owned);
    let id = id.ok_or_else(|| Failure::new("EC2 answered no template id", "Apply again: it is found by its tags."))?;
    Ok((id, template.and_then(|t| t.latest_version_number()).unwrap_or(1)))
}

/// A further version with everything in it; answers its number.
pub(crate) async fn new_version(aws: &Aws, id: &str, wanted: &Wanted) -> Answer<i64> {
    let request = aws.ec2().create_launch_template_version().launch_template_id(id).launch_template_data(data(wanted));
    let answer = request.send().await.map_err(|e| Failure::of("ec2:CreateLaunchTemplateVersion", id, e))?;
    let number = answer.launch_template_version().and_then(|v| v.version_number());
    number.ok_or_else(|| Failure::new("EC2 answered no version number", "Apply again."))
}

/// Whether this version is what `wanted` asks for, as far as it can be read back.
pub(crate) async fn is_version(aws: &Aws, id: &str, number: i64, wanted: &Wanted) -> Answer<bool> {
    let request = aws.ec2().describe_launch_template_versions().launch_template_id(id).versions(number.to_string());
    let found = match request.send().await.map_err(|e| Failure::of("ec2:DescribeLaunchTemplateVersions", id, e)) {
        Ok(answer) => answer,
        Err(failure) if failure.is_gone() => return Ok(false),
        Err(failure) => return Err(failure),
    };
    let found = found.launch_template_versions().iter().find(|v| v.version_number() == Some(number));
    let Some(found) = found.and_then(|v| v.launch_template_data()) else { return Ok(false) };
    let disk = found.block_device_mappings().first().and_then(|d| d.ebs());
    let profile = found.iam_instance_profile().and_then(|p| p.name());
    let interface = found.network_interfaces().first();
    let tags = found.tag_specifications().first().map(|t| tags::from_ec2(t.tags()));
    Ok(to_version(found).summary() == wanted.summary()
        && disk.and_then(|d| d.volume_size()) == Some(wanted.volume_size_gib)
        && disk.and_then(|d| d.kms_key_id()) == wanted.volume_kms_key_arn.as_deref()
        && profile == Some(&wanted.instance_profile)
        && interface.is_some_and(|i| i.groups() == [wanted.security_group_id.clone()])
        && tags.as_ref() == Some(&wanted.instance_tags))
}

/// Gives the template its tags and takes the mark of an unfinished create away.
pub(crate) async fn converge_tags(aws: &Aws, id: &str, wanted: &Wanted, ownership: &Ownership) -> Answer<()> {
    let Some((_, found)) = by_name(aws, &wanted.name).await? else {
        return Err(Failure::new(format!("the launch template {id} is gone"), "Apply again to make a new one."));
    };
    tags::converge(aws, id, &found, &ownership.sign(&wanted.tags)).await
}

async fn by_name(aws: &Aws, name: &str) -> Answer<Option<(String, Tags)>> {
    let filter = Filter::builder().name("launch-template-name").values(name).build();
    let answer = aws.ec2().describe_launch_templates().filters(filter).send().await;
    match answer.map_err(|e| Failure::of("ec2:DescribeLaunchTemplates", name, e)) {
        Ok(answer) => {
            let template = answer.launch_templates().iter().find(|t| t.launch_template_name() == Some(name));
            Ok(template.map(|t| (t.launch_template_id().unwrap_or_default().into(), tags::from_ec2(t.tags()))))
        }
        Err(failure) if failure.is_gone() => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// One version, or nothing when template or version is gone.
pub(crate) async fn version(aws: &Aws, id: &str, number: i64) -> Answer<Option<Version>> {
    let request = aws.ec2().describe_launch_template_versions().launch_template_id(id).versions(number.to_string());
    match request.send().await.map_err(|e| Failure::of("ec2:DescribeLaunchTemplateVersions", id, e)) {
        Ok(answer) => {
            let found = answer.launch_template_versions().iter().find(|v| v.version_number() == Some(number));
            Ok(found.and_then(|v| v.launch_template_data()).map(to_version))
        }
        Err(failure) if failure.is_gone() => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Deletes the template with all its versions.
pub(crate) async fn delete(aws: &Aws, id: &str) -> Answer<()> {
    let answer = aws.ec2().delete_launch_template().launch_template_id(id).send().await;
    match answer.map_err(|e| Failure::of("ec2:DeleteLaunchTemplate", id, e)) {
        Ok(_) => Ok(()),
        Err(failure) if failure.is_gone() => Ok(()),
        Err(failure) => Err(failure),
    }
}

/// What instances are made from, in one line of JSON that can be planned and read back.
pub(crate) fn summary(image_id: &str, instance_type: &str, user_data_sha256: &str, imdsv2_only: bool) -> String {
    serde_json::json!({
        "image_id": image_id,
        "imdsv2_only": imdsv2_only,
        "instance_type": instance_type,
        "user_data_sha256": user_data_sha256,
    })
    .to_string()
}

impl Wanted {
    fn summary(&self) -> String {
        summary(&self.image_id, &self.instance_type, &digest(self.user_data.as_bytes()), true)
    }
}

impl Version {
    /// The same line for what was read.
    pub(crate) fn summary(&self) -> String {
        summary(&self.image_id, &self.instance_type, &self.user_data_sha256, self.imdsv2_only)
    }
}

/// Digest by which two scripts are compared.
pub(crate) fn digest(user_data: &[u8]) -> String {
    hex::encode(Sha256::digest(user_data))
}

fn to_version(data: &ResponseLaunchTemplateData) -> Version {
    let script = STANDARD.decode(data.user_data().unwrap_or_default()).unwrap_or_default();
    let metadata = data.metadata_options();
    Version {
        image_id: data.image_id().unwrap_or_default().into(),
        instance_type: data.instance_type().map(InstanceType::as_str).unwrap_or_default().into(),
        user_data_sha256: digest(&script),
        imdsv2_only: metadata.is_some_and(|m| m.http_tokens() == Some(&LaunchTemplateHttpTokensState::Required)),
    }
}

fn data(wanted: &Wanted) -> RequestLaunchTemplateData {
    let profile =
        LaunchTemplateIamInstanceProfileSpecificationRequest::builder().name(&wanted.instance_profile).build();
    // A hop limit of 1 keeps the credentials from anything that runs behind another network stack on the instance.
    let metadata = LaunchTemplateInstanceMetadataOptionsRequest::builder()
        .http_endpoint(LaunchTemplateInstanceMetadataEndpointState::Enabled)
        .http_tokens(LaunchTemplateHttpTokensState::Required)
        .http_put_response_hop_limit(1)
        .build();
    let interface = LaunchTemplateInstanceNetworkInterfaceSpecificationRequest::builder()
        .device_index(0)
        .associate_public_ip_address(false)
        .delete_on_termination(true)
        .groups(&wanted.security_group_id)
        .build();
    let disk = LaunchTemplateEbsBlockDeviceRequest::builder()
        .encrypted(true)
        .delete_on_termination(true)
        .volume_type(VolumeType::Gp3)
        .volume_size(wanted.volume_size_gib)
        .set_kms_key_id(wanted.volume_kms_key_arn.clone())
        .build();
    let root = LaunchTemplateBlockDeviceMappingRequest::builder().device_name(&wanted.root_device).ebs(disk).build();
    let kinds = [ResourceType::Instance, ResourceType::Volume, ResourceType::NetworkInterface];
    let specification = |kind| {
        LaunchTemplateTagSpecificationRequest::builder()
            .resource_type(kind)
            .set_tags(Some(tags::to_ec2(&wanted.instance_tags)))
            .build()
    };
    RequestLaunchTemplateData::builder()
        .image_id(&wanted.image_id)
        .instance_type(InstanceType::from(wanted.instance_type.as_str()))
        .iam_instance_profile(profile)
        .metadata_options(metadata)
        .network_interfaces(interface)
        .block_device_mappings(root)
        .user_data(STANDARD.encode(&wanted.user_data))
        .set_tag_specifications(Some(kinds.map(specification).to_vec()))
        .build()
}
