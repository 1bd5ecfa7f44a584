# A network with no way out, a cluster in it, three topics. One apply from nothing, one destroy to nothing: unlike the
# modules' defaults, on_destroy deletes and the topics are not protected.

locals {
  emulated = var.aws_endpoint != null
  image_id = coalesce(var.image_id, data.aws_ssm_parameter.image.value)

  topics = {
    orders   = { partitions = 6, retention_ms = 7 * 24 * 60 * 60 * 1000, classification = "confidential" }
    payments = { partitions = 3, retention_ms = 30 * 24 * 60 * 60 * 1000, classification = "restricted" }
    audit    = { partitions = 1, retention_ms = -1, classification = "internal" }
  }
}

provider "aws" {
  region            = var.region
  s3_use_path_style = local.emulated

  dynamic "endpoints" {
    for_each = local.emulated ? [var.aws_endpoint] : []

    content {
      ec2             = endpoints.value
      iam             = endpoints.value
      route53resolver = endpoints.value
      ssm             = endpoints.value
      sts             = endpoints.value
    }
  }
}

provider "ringfence" {
  region            = var.region
  manager           = "examples/quickstart"
  s3_use_path_style = local.emulated

  endpoints = local.emulated ? {
    autoscaling = var.aws_endpoint
    ec2         = var.aws_endpoint
    iam         = var.aws_endpoint
    kms         = var.aws_endpoint
    logs        = var.aws_endpoint
    s3          = var.aws_endpoint
    sts         = var.aws_endpoint
  } : null

  default_tags = { example = "quickstart" }
}

data "aws_caller_identity" "current" {}

# The role behind the session that runs Terraform: it administers the keys, and cannot decrypt with the data key.
data "aws_iam_session_context" "current" {
  arn = data.aws_caller_identity.current.arn
}

data "aws_ssm_parameter" "image" {
  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${var.architecture}"
}

module "network" {
  source = "../../modules/network"

  name  = var.cluster
  cidr  = var.cidr
  zones = var.zones
}

module "cluster" {
  source = "../../modules/cluster"

  name           = var.cluster
  network        = module.network
  administrators = [data.aws_iam_session_context.current.issuer_arn]
  broker_package = var.broker_package
  image_id       = local.image_id
  client_cidrs   = [var.cidr]
  s3_endpoint    = var.s3_endpoint
  on_destroy     = "delete"
}

resource "ringfence_topic" "this" {
  for_each = local.topics

  cluster             = module.cluster.id
  name                = each.key
  partitions          = each.value.partitions
  owner               = "quickstart"
  classification      = each.value.classification
  retention_ms        = each.value.retention_ms
  deletion_protection = false
}
