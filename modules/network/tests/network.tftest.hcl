mock_provider "aws" {}

variables {
  name  = "orders"
  cidr  = "10.20.0.0/16"
  zones = ["eu-central-1a", "eu-central-1b"]
}

run "each_zone_gets_a_private_subnet_of_its_own" {
  command = plan

  assert {
    condition     = length(aws_subnet.private) == 2
    error_message = "Two zones must give two subnets."
  }

  assert {
    condition     = aws_subnet.private["eu-central-1a"].cidr_block == "10.20.0.0/20" && aws_subnet.private["eu-central-1b"].cidr_block == "10.20.16.0/20"
    error_message = "Each zone must get its own sixteenth of the range."
  }

  assert {
    condition     = alltrue([for subnet in aws_subnet.private : !subnet.map_public_ip_on_launch])
    error_message = "No subnet may hand out public addresses."
  }
}

run "names_outside_the_list_are_blocked_and_a_broken_firewall_stays_closed" {
  command = plan

  assert {
    condition     = aws_route53_resolver_firewall_rule.block[0].action == "BLOCK" && aws_route53_resolver_firewall_rule.allow[0].priority < aws_route53_resolver_firewall_rule.block[0].priority
    error_message = "Everything but the allowed names must be blocked, after the allowed ones."
  }

  assert {
    condition     = aws_route53_resolver_firewall_config.fail_closed[0].firewall_fail_open == "DISABLED"
    error_message = "The DNS firewall must fail closed."
  }
}

run "a_bucket_resolves_through_every_name_of_its_chain" {
  command = plan

  override_data {
    target = data.aws_region.current
    values = { name = "eu-central-1" }
  }

  override_data {
    target = data.aws_partition.current
    values = { dns_suffix = "amazonaws.com" }
  }

  assert {
    condition = alltrue([
      for name in ["s3.eu-central-1.amazonaws.com.", "*.s3.eu-central-1.amazonaws.com.", "s3-r-w.eu-central-1.amazonaws.com."] :
      contains(aws_route53_resolver_firewall_domain_list.allowed[0].domains, name)
    ])
    error_message = "S3's name, its buckets' names and the name these are aliases of must all be allowed."
  }
}

run "a_range_with_host_bits_is_refused" {
  command = plan

  variables {
    cidr = "10.20.0.1/16"
  }

  expect_failures = [var.cidr]
}

run "a_range_that_is_no_range_is_refused" {
  command = plan

  variables {
    cidr = "10.20.0.0/33"
  }

  expect_failures = [var.cidr]
}

run "a_range_too_small_for_zones_is_refused" {
  command = plan

  variables {
    cidr = "10.20.0.0/28"
  }

  expect_failures = [var.cidr]
}

run "a_zone_named_twice_is_refused" {
  command = plan

  variables {
    zones = ["eu-central-1a", "eu-central-1a"]
  }

  expect_failures = [var.zones]
}

run "a_name_with_capitals_is_refused" {
  command = plan

  variables {
    name = "Orders"
  }

  expect_failures = [var.name]
}

run "a_domain_with_a_blank_is_refused" {
  command = plan

  variables {
    resolvable_domains = ["not a domain"]
  }

  expect_failures = [var.resolvable_domains]
}
