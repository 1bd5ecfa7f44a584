//! Prices of AWS, with the day they are meant for. List prices in micro-dollars.
//!
//! Written down from memory and **not compared with AWS's pages yet**: every report says so beside its figures. Whoever
//! compares them takes that out of [`DAY`]. The pages: <https://aws.amazon.com/s3/pricing/>, <https://aws.amazon.com/kms/pricing/>, <https://aws.amazon.com/privatelink/pricing/>,
//! <https://aws.amazon.com/vpc/pricing/>, <https://aws.amazon.com/ec2/pricing/on-demand/>, <https://aws.amazon.com/ebs/pricing/>,
//! <https://aws.amazon.com/elasticloadbalancing/pricing/>, <https://aws.amazon.com/cloudwatch/pricing/>,
//! <https://aws.amazon.com/transit-gateway/pricing/>.

/// The day of the table, as reports print it.
pub(super) const DAY: &str = "2025-06-01, not yet compared with AWS's price pages";

/// Hours of a month, as AWS counts them.
pub(super) const HOURS_PER_MONTH: i64 = 730;

/// Prices of one region.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prices {
    /// A KMS key, a month.
    pub(super) kms_key_month: i64,
    /// An interface endpoint, an hour and zone.
    pub(super) endpoint_hour: i64,
    /// A NAT gateway, an hour.
    pub(super) nat_hour: i64,
    /// A transit gateway attachment, an hour.
    pub(super) transit_hour: i64,
    /// A network load balancer, an hour.
    pub(super) balancer_hour: i64,
    /// A public IPv4 address, an hour.
    pub(super) public_address_hour: i64,
    /// A gibibyte of gp3, a month.
    pub(super) volume_gib_month: i64,
    /// A gibibyte of S3 Standard, a month, first tier.
    pub(super) storage_gib_month: i64,
    /// A thousand writes to S3.
    pub(super) put_thousand: i64,
    /// A thousand reads from S3.
    pub(super) get_thousand: i64,
    /// A gibibyte between zones, both directions.
    pub(super) zone_gib_both_ways: i64,
    /// A gibibyte of log lines taken in.
    pub(super) log_gib: i64,
    machines: &'static [(&'static str, i64)],
}

impl Prices {
    /// An instance, an hour on demand, Linux.
    pub(super) fn machine_hour(&self, kind: &str) -> Option<i64> {
        self.machines.iter().find(|(known, _)| *known == kind).map(|(_, price)| *price)
    }
}

const VIRGINIA: Prices = Prices {
    kms_key_month: 1_000_000,
    endpoint_hour: 10_000,
    nat_hour: 45_000,
    transit_hour: 50_000,
    balancer_hour: 22_500,
    public_address_hour: 5_000,
    volume_gib_month: 80_000,
    storage_gib_month: 23_000,
    put_thousand: 5_000,
    get_thousand: 400,
    zone_gib_both_ways: 20_000,
    log_gib: 500_000,
    machines: &[
        ("t4g.micro", 8_400),
        ("t4g.small", 16_800),
        ("t4g.medium", 33_600),
        ("c7g.large", 72_500),
        ("c7g.xlarge", 145_000),
        ("c7g.2xlarge", 290_000),
        ("m7g.large", 81_600),
        ("m7g.xlarge", 163_200),
        ("m7g.2xlarge", 326_400),
        ("r7g.large", 107_100),
        ("r7g.xlarge", 214_200),
    ],
};

const FRANKFURT: Prices = Prices {
    endpoint_hour: 12_000,
    nat_hour: 52_000,
    transit_hour: 60_000,
    balancer_hour: 27_000,
    volume_gib_month: 95_200,
    storage_gib_month: 24_500,
    put_thousand: 5_400,
    get_thousand: 430,
    log_gib: 630_000,
    machines: &[
        ("t4g.micro", 9_600),
        ("t4g.small", 19_200),
        ("t4g.medium", 38_400),
        ("c7g.large", 82_500),
        ("c7g.xlarge", 165_000),
        ("m7g.large", 97_800),
        ("m7g.xlarge", 195_600),
        ("m7g.2xlarge", 391_200),
        ("r7g.large", 128_500),
    ],
    ..VIRGINIA
};

/// The table: regions with equal prices share a row.
const TABLE: &[(&str, Prices)] = &[("eu-central-1", FRANKFURT), ("us-east-1", VIRGINIA), ("us-west-2", VIRGINIA)];

/// Prices of a region.
pub(super) fn prices(region: &str) -> Option<Prices> {
    TABLE.iter().find(|(known, _)| *known == region).map(|(_, prices)| *prices)
}
