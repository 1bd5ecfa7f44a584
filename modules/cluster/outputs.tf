output "id" {
  description = "What topics refer to, as `cluster`."
  value       = ringfence_cluster.this.id
}

output "cluster_id" {
  description = "The cluster's id, a UUID."
  value       = ringfence_cluster.this.cluster_id
}

output "data_bucket" {
  description = "The bucket of records."
  value       = ringfence_bucket.data.name
}

output "metadata_bucket" {
  description = "The bucket of metadata."
  value       = ringfence_bucket.metadata.name
}

output "autoscaling_groups" {
  description = "The auto scaling group of each zone."
  value       = ringfence_broker_group.this.autoscaling_groups
}

output "launch_template_id" {
  description = "The launch template of the brokers."
  value       = ringfence_broker_group.this.launch_template_id
}

output "security_group_id" {
  description = "The brokers' security group."
  value       = ringfence_broker_group.this.security_group_id
}

output "facts" {
  description = "What this configuration makes true, for a boundary contract."
  value = [
    ringfence_key.data.facts,
    ringfence_key.metadata.facts,
    ringfence_vpc_endpoint.s3.facts,
    ringfence_broker_role.this.facts,
    ringfence_bucket.data.facts,
    ringfence_bucket.metadata.facts,
    ringfence_broker_package.this.facts,
    ringfence_cluster.this.facts,
    ringfence_broker_group.this.facts,
  ]
}
