variable "name" {
  description = "The cluster's name. It begins every object key and is part of every name made here."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.name)) && length(var.name) >= 3 && length(var.name) <= 24
    error_message = "A cluster's name has 3 to 24 lower-case letters, digits and single hyphens and begins with a letter. Choose another name."
  }
}

variable "network" {
  description = "Where the brokers run: the VPC, one subnet in each zone, and the route tables of these subnets. The outputs of modules/network fit."
  type = object({
    vpc_id          = string
    subnet_ids      = map(string)
    route_table_ids = list(string)
  })

  validation {
    condition     = length(var.network.subnet_ids) > 0 && length(var.network.route_table_ids) > 0
    error_message = "network must have a subnet for at least one zone, and the route tables that lead to the S3 endpoint."
  }
}

variable "administrators" {
  description = "ARNs of the roles or users that administer the keys. They cannot decrypt. Whoever runs Terraform must be among them."
  type        = list(string)

  validation {
    condition     = length(var.administrators) > 0 && alltrue([for arn in var.administrators : can(regex("^arn:[^:]+:iam::[0-9]{12}:(root$|role/|user/)", arn))])
    error_message = "administrators must be ARNs of IAM roles or users, for example arn:aws:iam::123456789012:role/platform."
  }
}

variable "broker_package" {
  description = "Path of the packaged broker, ringfence-broker-VERSION-ARCH.tar.gz."
  type        = string
}

variable "image_id" {
  description = "Machine image of the brokers: stock Amazon Linux 2023, Debian or Ubuntu of the package's architecture."
  type        = string

  validation {
    condition     = can(regex("^ami-", var.image_id))
    error_message = "image_id must be the id of a machine image, ami-… ."
  }
}

variable "deployers" {
  description = "ARNs that append to the metadata log, that is, manage topics. null: the administrators."
  type        = list(string)
  default     = null
}

variable "brokers_per_zone" {
  description = "Brokers in each zone."
  type        = number
  default     = 1

  validation {
    condition     = var.brokers_per_zone >= 1 && var.brokers_per_zone <= 40 && floor(var.brokers_per_zone) == var.brokers_per_zone
    error_message = "brokers_per_zone must be a whole number from 1 to 40."
  }
}

variable "client_cidrs" {
  description = "Ranges whose hosts may connect to the brokers."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for cidr in var.client_cidrs : can(cidrhost(cidr, 0))])
    error_message = "client_cidrs must be IP ranges in CIDR notation, for example 10.20.0.0/16."
  }

  validation {
    condition     = alltrue([for cidr in var.client_cidrs : !can(regex("/0$", cidr))])
    error_message = "client_cidrs must not admit every address. Name the ranges of the clients."
  }
}

variable "instance_type" {
  description = "Machine type of the brokers. null: a small one of the package's architecture."
  type        = string
  default     = null
}

variable "on_destroy" {
  description = "What a destroy does with buckets, keys and logs: retain leaves them, delete empties and deletes them."
  type        = string
  default     = "retain"

  validation {
    condition     = contains(["retain", "delete"], var.on_destroy)
    error_message = "on_destroy must be \"retain\" or \"delete\"."
  }
}

variable "endpoint_owner" {
  description = "Who answers for the path to S3; shown in every review."
  type        = string
  default     = "platform"
}

variable "s3_endpoint" {
  description = "Base URL of another S3, as the brokers reach it. null on AWS."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags for everything made here."
  type        = map(string)
  default     = {}
}
