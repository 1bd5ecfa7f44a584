//! What is asked of AWS before anything is made: do subnets, image and machine fit together?

use std::collections::BTreeMap;

use crate::{
    client::Aws,
    failure::{Answer, Failure},
};

/// What the image says.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) root_device: String,
}

/// Checks that each zone's subnet exists, lies in that zone and in the VPC.
pub(crate) async fn subnets(aws: &Aws, vpc_id: &str, zones: &BTreeMap<String, String>) -> Answer<()> {
    let mut request = aws.ec2().describe_subnets();
    for id in zones.values() {
        request = request.subnet_ids(id);
    }
    let ids = zones.values().map(String::as_str).collect::<Vec<_>>().join(", ");
    let answer = request.send().await.map_err(|e| Failure::of("ec2:DescribeSubnets", ids, e))?;
    for (zone, id) in zones {
        let subnet = answer.subnets().iter().find(|s| s.subnet_id() == Some(id));
        let Some(subnet) = subnet else {
            return Err(wrong(format!("the subnet {id} does not exist"), "Check the ids in `zones`."));
        };
        let (found_zone, found_vpc) =
            (subnet.availability_zone().unwrap_or_default(), subnet.vpc_id().unwrap_or_default());
        if found_zone != zone {
            let advice = format!("`zones` maps {zone} to it. Write {found_zone} = {id:?}, or give a subnet of {zone}.");
            return Err(wrong(format!("the subnet {id} lies in {found_zone}"), &advice));
        }
        if found_vpc != vpc_id {
            let advice = format!("`vpc_id` is {vpc_id}. Give subnets of that VPC, or correct `vpc_id`.");
            return Err(wrong(format!("the subnet {id} lies in {found_vpc}"), &advice));
        }
    }
    Ok(())
}

/// Checks that the image exists and is for the package's kind of machine.
pub(crate) async fn image(aws: &Aws, id: &str, architecture: &str) -> Answer<Image> {
    let answer = aws.ec2().describe_images().image_ids(id).send().await;
    let answer = answer.map_err(|e| Failure::of("ec2:DescribeImages", id, e))?;
    let Some(image) = answer.images().first() else {
        return Err(wrong(
            format!("the image {id} does not exist"),
            "Check `image_id`: images have different ids in every region.",
        ));
    };
    let found = image.architecture().map(|a| a.as_str()).unwrap_or(architecture);
    if found != architecture {
        let advice = format!(
            "The package is for {architecture}. Choose an image for {architecture}, or the package for {found}."
        );
        return Err(wrong(format!("the image {id} is for {found}"), &advice));
    }
    Ok(Image { root_device: image.root_device_name().unwrap_or("/dev/xvda").into() })
}

fn wrong(summary: String, advice: &str) -> Failure {
    Failure::new(summary, format!("{advice} Nothing was made."))
}
