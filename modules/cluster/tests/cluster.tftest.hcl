mock_provider "ringfence" {}

variables {
  name = "orders"
  network = {
    vpc_id          = "vpc-1"
    subnet_ids      = { "eu-central-1a" = "subnet-1", "eu-central-1b" = "subnet-2" }
    route_table_ids = ["rtb-1"]
  }
  administrators = ["arn:aws:iam::123456789012:role/platform"]
  # Any file: the mocked provider looks no further than whether there is one.
  broker_package = "README.md"
  image_id       = "ami-1"
}

run "five_inputs_are_enough" {
  command = plan

  assert {
    condition     = ringfence_broker_group.this.brokers_per_zone == 1
    error_message = "One broker in each zone is the default."
  }
}

run "everything_is_retained_unless_asked_otherwise" {
  command = plan

  assert {
    condition = alltrue([
      ringfence_key.data.on_destroy == "retain",
      ringfence_key.metadata.on_destroy == "retain",
      ringfence_bucket.data.on_destroy == "retain",
      ringfence_bucket.metadata.on_destroy == "retain",
    ])
    error_message = "A destroy must leave keys and buckets unless on_destroy says otherwise."
  }
}

run "deployers_use_the_metadata_key_and_never_the_data_key" {
  command = plan

  variables {
    deployers = ["arn:aws:iam::123456789012:role/ci"]
  }

  assert {
    condition     = ringfence_key.metadata.users == toset(["arn:aws:iam::123456789012:role/ci"]) && ringfence_key.data.users == null
    error_message = "Deployers must be users of the metadata key alone."
  }
}

run "a_name_with_capitals_is_refused" {
  command = plan

  variables {
    name = "Orders"
  }

  expect_failures = [var.name]
}

run "a_name_too_long_for_a_bucket_is_refused" {
  command = plan

  variables {
    name = "a-name-that-is-much-too-long"
  }

  expect_failures = [var.name]
}

run "a_network_without_subnets_is_refused" {
  command = plan

  variables {
    network = {
      vpc_id          = "vpc-1"
      subnet_ids      = {}
      route_table_ids = ["rtb-1"]
    }
  }

  expect_failures = [var.network]
}

run "administrators_that_are_no_arns_are_refused" {
  command = plan

  variables {
    administrators = ["platform"]
  }

  expect_failures = [var.administrators]
}

run "no_administrator_is_refused" {
  command = plan

  variables {
    administrators = []
  }

  expect_failures = [var.administrators]
}

run "an_image_that_is_no_image_is_refused" {
  command = plan

  variables {
    image_id = "debian"
  }

  expect_failures = [var.image_id]
}

run "no_broker_is_refused" {
  command = plan

  variables {
    brokers_per_zone = 0
  }

  expect_failures = [var.brokers_per_zone]
}

run "a_client_range_that_is_no_range_is_refused" {
  command = plan

  variables {
    client_cidrs = ["10.20.0.0"]
  }

  expect_failures = [var.client_cidrs]
}

run "every_address_as_client_is_refused" {
  command = plan

  variables {
    client_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.client_cidrs]
}

run "an_unknown_on_destroy_is_refused" {
  command = plan

  variables {
    on_destroy = "purge"
  }

  expect_failures = [var.on_destroy]
}
