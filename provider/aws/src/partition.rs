//! The partitions of AWS: what differs between them in ARNs, host names and service principals.
//!
//! Invariant: no other file of this crate spells a partition name or a DNS suffix.
//! It does not know which regions exist: a region belongs to the partition whose prefix it bears.

use std::fmt;

/// One isolated family of regions.
#[derive(Debug, PartialEq, Eq)]
pub struct Partition {
    /// The second field of every ARN.
    pub id: &'static str,
    /// Suffix of service host names and of regional service principals.
    pub dns_suffix: &'static str,
    /// Reversed suffix, in names of interface endpoint services.
    pub reversed_suffix: &'static str,
    /// Prefixes of the region names.
    region_prefixes: &'static [&'static str],
}

/// Source: botocore `partitions.json`; the first one is the default for regions that no prefix matches.
static PARTITIONS: [Partition; 6] = [
    Partition { id: "aws", dns_suffix: "amazonaws.com", reversed_suffix: "com.amazonaws", region_prefixes: &[] },
    Partition {
        id: "aws-cn",
        dns_suffix: "amazonaws.com.cn",
        reversed_suffix: "cn.com.amazonaws",
        region_prefixes: &["cn-"],
    },
    Partition {
        id: "aws-us-gov",
        dns_suffix: "amazonaws.com",
        reversed_suffix: "com.amazonaws",
        region_prefixes: &["us-gov-"],
    },
    Partition { id: "aws-iso", dns_suffix: "c2s.ic.gov", reversed_suffix: "gov.ic.c2s", region_prefixes: &["us-iso-"] },
    Partition {
        id: "aws-iso-b",
        dns_suffix: "sc2s.sgov.gov",
        reversed_suffix: "gov.sgov.sc2s",
        region_prefixes: &["us-isob-"],
    },
    Partition {
        id: "aws-eusc",
        dns_suffix: "amazonaws.eu",
        reversed_suffix: "eu.amazonaws",
        region_prefixes: &["eusc-"],
    },
];

impl Partition {
    /// The partition a region belongs to.
    pub fn of_region(region: &str) -> &'static Partition {
        let [commercial, others @ ..] = &PARTITIONS;
        others.iter().find(|p| p.region_prefixes.iter().any(|prefix| region.starts_with(prefix))).unwrap_or(commercial)
    }

    /// The partition with this identifier, if there is one.
    pub fn by_id(id: &str) -> Option<&'static Partition> {
        PARTITIONS.iter().find(|p| p.id == id)
    }

    /// Principal of a service that has one name for all regions, `ec2` for instance.
    pub fn service_principal(&self, service: &str) -> String {
        // EC2 is one of the few services whose principal carries the Chinese suffix; the others use the commercial one.
        // Source: IAM user guide, "AWS service principals".
        match (self.id, service) {
            ("aws-cn", "ec2") => format!("{service}.{}", self.dns_suffix),
            ("aws-cn", _) => format!("{service}.{}", self.commercial_suffix()),
            _ => format!("{service}.{}", self.dns_suffix),
        }
    }

    /// Principal or `kms:ViaService` value of a service in one region.
    pub fn regional_service(&self, service: &str, region: &str) -> String {
        format!("{service}.{region}.{}", self.dns_suffix)
    }

    /// Name under which VPC endpoints find a service.
    pub fn endpoint_service(&self, service: &str, region: &str) -> String {
        // The S3 gateway has the commercial form in China too. Source: VPC user guide, "Gateway endpoints".
        let prefix = if service == "s3" && self.id == "aws-cn" { "com.amazonaws" } else { self.reversed_suffix };
        format!("{prefix}.{region}.{service}")
    }

    fn commercial_suffix(&self) -> &'static str {
        let [commercial, ..] = &PARTITIONS;
        commercial.dns_suffix
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_find_their_partition() {
        for (region, partition) in [
            ("eu-central-1", "aws"),
            ("us-gov-west-1", "aws-us-gov"),
            ("cn-north-1", "aws-cn"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eusc-de-east-1", "aws-eusc"),
        ] {
            assert_eq!(Partition::of_region(region).id, partition, "{region}");
        }
    }

    #[test]
    fn china_has_its_own_suffix_for_ec2_and_for_regional_services() {
        let china = Partition::of_region("cn-north-1");
        assert_eq!(china.service_principal("ec2"), "ec2.amazonaws.com.cn");
        assert_eq!(china.regional_service("logs", "cn-north-1"), "logs.cn-north-1.amazonaws.com.cn");
        assert_eq!(china.endpoint_service("s3", "cn-north-1"), "com.amazonaws.cn-north-1.s3");
        assert_eq!(china.endpoint_service("logs", "cn-north-1"), "cn.com.amazonaws.cn-north-1.logs");
    }
}
