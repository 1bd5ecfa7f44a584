output "bootstrap_brokers" {
  description = "Where clients start. Brokers advertise their private addresses; until a load balancer is configured, take them from the instances of the groups."
  value       = []
}

output "cluster_id" {
  description = "The cluster's id."
  value       = module.cluster.cluster_id
}

output "data_bucket" {
  description = "The bucket of records."
  value       = module.cluster.data_bucket
}

output "metadata_bucket" {
  description = "The bucket of metadata."
  value       = module.cluster.metadata_bucket
}

output "autoscaling_groups" {
  description = "The auto scaling group of each zone."
  value       = module.cluster.autoscaling_groups
}

output "topics" {
  description = "Id of each topic."
  value       = { for name, topic in ringfence_topic.this : name => topic.topic_id }
}
