# A VPC with no way out: private subnets, no internet or NAT gateway, a default security group that admits nothing,
# and a resolver that answers only what is named. What leaves it leaves through endpoints that somebody declared.

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  subnets = { for index, zone in var.zones : zone => cidrsubnet(var.cidr, 4, index) }
  tags    = merge(var.tags, { Name = var.name })

  # The names of the AWS services in use, in this region alone; buckets are names under S3's.
  region_suffix = "${data.aws_region.current.name}.${data.aws_partition.current.dns_suffix}."
  allowed_domains = concat(
    [for service in var.services : "${service}.${local.region_suffix}"],
    # A bucket's name is an alias of s3-r-w: the firewall looks at every name of the chain.
    ["*.s3.${local.region_suffix}", "s3-r-w.${local.region_suffix}"],
    var.resolvable_domains,
  )
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = local.tags
}

# The default group cannot be deleted, only emptied: nobody gets network access by forgetting to choose a group.
resource "aws_default_security_group" "closed" {
  vpc_id = aws_vpc.this.id
  tags   = merge(local.tags, { Name = "${var.name}-default-closed" })
}

resource "aws_subnet" "private" {
  for_each = local.subnets

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.key
  cidr_block              = each.value
  map_public_ip_on_launch = false
  tags                    = merge(local.tags, { Name = "${var.name}-${each.key}" })
}

# Only the local route; gateway endpoints add theirs.
resource "aws_route_table" "private" {
  vpc_id = aws_vpc.this.id
  tags   = merge(local.tags, { Name = "${var.name}-private" })
}

resource "aws_route_table_association" "private" {
  for_each = aws_subnet.private

  subnet_id      = each.value.id
  route_table_id = aws_route_table.private.id
}

resource "aws_route53_resolver_firewall_domain_list" "allowed" {
  count = var.dns_firewall ? 1 : 0

  name    = "${var.name}-allowed"
  domains = local.allowed_domains
  tags    = local.tags
}

resource "aws_route53_resolver_firewall_domain_list" "everything" {
  count = var.dns_firewall ? 1 : 0

  name    = "${var.name}-everything"
  domains = ["*."]
  tags    = local.tags
}

resource "aws_route53_resolver_firewall_rule_group" "this" {
  count = var.dns_firewall ? 1 : 0

  name = var.name
  tags = local.tags
}

resource "aws_route53_resolver_firewall_rule" "allow" {
  count = var.dns_firewall ? 1 : 0

  name                    = "${var.name}-allow"
  action                  = "ALLOW"
  firewall_domain_list_id = aws_route53_resolver_firewall_domain_list.allowed[0].id
  firewall_rule_group_id  = aws_route53_resolver_firewall_rule_group.this[0].id
  priority                = 100
}

resource "aws_route53_resolver_firewall_rule" "block" {
  count = var.dns_firewall ? 1 : 0

  name                    = "${var.name}-block"
  action                  = "BLOCK"
  block_response          = "NXDOMAIN"
  firewall_domain_list_id = aws_route53_resolver_firewall_domain_list.everything[0].id
  firewall_rule_group_id  = aws_route53_resolver_firewall_rule_group.this[0].id
  priority                = 200
}

resource "aws_route53_resolver_firewall_rule_group_association" "this" {
  count = var.dns_firewall ? 1 : 0

  name                   = var.name
  firewall_rule_group_id = aws_route53_resolver_firewall_rule_group.this[0].id
  priority               = 101
  vpc_id                 = aws_vpc.this.id
  tags                   = local.tags
}

# Without it, a resolver that cannot reach the firewall answers everything.
resource "aws_route53_resolver_firewall_config" "fail_closed" {
  count = var.dns_firewall ? 1 : 0

  resource_id        = aws_vpc.this.id
  firewall_fail_open = "DISABLED"
}
