variable "region" {
  description = "Region in which everything is made."
  type        = string
  default     = "eu-central-1"
}

variable "zones" {
  description = "Availability zones; each gets a subnet and a broker."
  type        = list(string)
  default     = ["eu-central-1a", "eu-central-1b"]
}

variable "cidr" {
  description = "IPv4 range of the VPC."
  type        = string
  default     = "10.20.0.0/16"
}

variable "cluster" {
  description = "Name of the cluster."
  type        = string
  default     = "quickstart"
}

variable "broker_package" {
  description = "Path of the packaged broker."
  type        = string
}

variable "image_id" {
  description = "Machine image of the brokers. null: the current Amazon Linux 2023 of the package's architecture."
  type        = string
  default     = null
}

variable "architecture" {
  description = "Architecture of the package, x86_64 or arm64; it chooses the image."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture must be x86_64 or arm64."
  }
}

variable "aws_endpoint" {
  description = "Base URL of an emulator, for every service of both providers. null on AWS."
  type        = string
  default     = null
}

variable "s3_endpoint" {
  description = "Base URL of S3 as the brokers reach it. null on AWS."
  type        = string
  default     = null
}
