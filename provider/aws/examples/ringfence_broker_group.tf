resource "ringfence_broker_group" "orders" {
  cluster           = ringfence_cluster.orders.name
  cluster_id        = ringfence_cluster.orders.cluster_id
  vpc_id            = "vpc-0123456789abcdef0"
  zones             = { eu-central-1a = "subnet-0123456789abcdef0" }
  client_cidrs      = ["10.20.0.0/16"]
  image_id          = "ami-0123456789abcdef0"
  instance_profile  = ringfence_broker_role.orders.instance_profile
  role_id           = ringfence_broker_role.orders.unique_id
  architecture      = ringfence_broker_package.orders.architecture
  package_sha256    = ringfence_broker_package.orders.sha256
  data_bucket       = ringfence_bucket.data.name
  data_key_arn      = ringfence_key.data.arn
  metadata_bucket   = ringfence_bucket.metadata.name
  metadata_key_arn  = ringfence_key.metadata.arn
  s3_prefix_list_id = ringfence_vpc_endpoint.s3.prefix_list_id
}
