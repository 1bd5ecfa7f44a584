terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.80"
    }
    ringfence = {
      source  = "ringfence/ringfence"
      version = ">= 0.1"
    }
  }
}
