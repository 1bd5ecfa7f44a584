# What is reviewed: a key, a bucket under it, and the one way to it. Every pull request that changes this folder gets a
# comment that says what the change does to the boundary around them.

terraform {
  required_version = ">= 1.11"

  required_providers {
    ringfence = {
      source = "ringfence/ringfence"
    }
  }
}

provider "ringfence" {
  region  = var.region
  manager = "examples/pull-request-review"
}

variable "region" {
  description = "Where everything is made."
  type        = string
  default     = "eu-central-1"
}

variable "administrators" {
  description = "ARNs of the roles that administer the key and never decrypt with it."
  type        = list(string)
}

variable "vpc_id" {
  description = "The brokers' VPC."
  type        = string
}

variable "route_table_ids" {
  description = "Route tables of the brokers' subnets."
  type        = list(string)
}

resource "ringfence_key" "data" {
  cluster        = "orders"
  purpose        = "data"
  administrators = var.administrators
}

resource "ringfence_vpc_endpoint" "s3" {
  cluster         = "orders"
  service         = "s3"
  vpc_id          = var.vpc_id
  route_table_ids = var.route_table_ids
  owner           = "platform"
  purpose         = "records and metadata of orders"
}

resource "ringfence_bucket" "data" {
  cluster     = "orders"
  role        = "data"
  kms_key_arn = ringfence_key.data.arn
  endpoints   = { s3 = ringfence_vpc_endpoint.s3.id }
}
