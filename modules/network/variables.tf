variable "name" {
  description = "Name of the network; it becomes the Name tag of everything made here."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "A network's name has 3 to 32 lower-case letters, digits and hyphens and begins with a letter. Choose another name."
  }
}

variable "cidr" {
  description = "IPv4 range of the VPC, /16 to /24. One sixteenth of it goes to each zone."
  type        = string

  validation {
    condition     = can(cidrnetmask(var.cidr)) && try(cidrhost(var.cidr, 0) == split("/", var.cidr)[0], false)
    error_message = "cidr must be an IPv4 network in CIDR notation whose host bits are zero, for example 10.20.0.0/16."
  }

  validation {
    condition     = try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 24, false)
    error_message = "cidr must be between /16 and /24: a VPC cannot be larger, and each zone needs at least 16 addresses."
  }
}

variable "zones" {
  description = "Availability zones that get a private subnet each, for example [\"eu-central-1a\", \"eu-central-1b\"]."
  type        = list(string)

  validation {
    condition     = length(var.zones) > 0 && length(var.zones) <= 16 && length(distinct(var.zones)) == length(var.zones)
    error_message = "zones must name 1 to 16 different availability zones."
  }
}

variable "services" {
  description = "AWS services whose regional names hosts may look up, by the first label of their endpoint."
  type        = list(string)
  default     = ["s3", "logs", "monitoring", "autoscaling"]

  validation {
    condition     = alltrue([for s in var.services : can(regex("^[a-z0-9-]+$", s))])
    error_message = "services must be first labels of AWS endpoints such as \"s3\" or \"logs\"."
  }
}

variable "resolvable_domains" {
  description = "Further domains that hosts may look up. Every other name is blocked: a name lookup leaves the VPC, whatever security groups say."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for d in var.resolvable_domains : can(regex("^(\\*\\.)?[a-z0-9_-]+(\\.[a-z0-9_-]+)*\\.?$", d))])
    error_message = "resolvable_domains must be domain names such as \"*.internal.example.com\"."
  }
}

variable "dns_firewall" {
  description = "Whether a DNS Firewall blocks every name outside AWS's own domain and resolvable_domains. Without it DNS is a way out."
  type        = bool
  default     = true
}

variable "tags" {
  description = "Tags for everything made here."
  type        = map(string)
  default     = {}
}
