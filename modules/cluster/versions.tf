terraform {
  required_version = ">= 1.11"

  required_providers {
    ringfence = {
      source  = "ringfence/ringfence"
      version = ">= 0.1"
    }
  }
}
