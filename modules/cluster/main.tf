# One cluster. Edges run one way: keys and the endpoint are told names, which are derived from the cluster's; the role is
# told keys; buckets are told keys, role and endpoint. So everything comes up in one apply.

locals {
  deployers   = coalesce(var.deployers, var.administrators)
  key_destroy = var.on_destroy == "delete" ? "schedule_deletion" : "retain"
}

resource "ringfence_key" "data" {
  cluster        = var.name
  purpose        = "data"
  administrators = var.administrators
  on_destroy     = local.key_destroy
  tags           = var.tags
}

# Deployers write the metadata log, so they use its key; no record lies under it.
resource "ringfence_key" "metadata" {
  cluster        = var.name
  purpose        = "metadata"
  administrators = var.administrators
  users          = local.deployers
  on_destroy     = local.key_destroy
  tags           = var.tags
}

resource "ringfence_vpc_endpoint" "s3" {
  cluster         = var.name
  service         = "s3"
  vpc_id          = var.network.vpc_id
  route_table_ids = var.network.route_table_ids
  owner           = var.endpoint_owner
  purpose         = "records and metadata of ${var.name}"
  tags            = var.tags
}

resource "ringfence_broker_role" "this" {
  cluster          = var.name
  data_key_arn     = ringfence_key.data.arn
  metadata_key_arn = ringfence_key.metadata.arn
  tags             = var.tags
}

resource "ringfence_bucket" "data" {
  cluster     = var.name
  role        = "data"
  kms_key_arn = ringfence_key.data.arn
  broker_role = ringfence_broker_role.this.name
  endpoints   = { s3 = ringfence_vpc_endpoint.s3.id }
  on_destroy  = var.on_destroy
  tags        = var.tags
}

resource "ringfence_bucket" "metadata" {
  cluster     = var.name
  role        = "metadata"
  kms_key_arn = ringfence_key.metadata.arn
  broker_role = ringfence_broker_role.this.name
  log_writers = local.deployers
  on_destroy  = var.on_destroy
  tags        = var.tags
}

resource "ringfence_broker_package" "this" {
  cluster     = var.name
  path        = var.broker_package
  bucket      = ringfence_bucket.metadata.name
  kms_key_arn = ringfence_key.metadata.arn
}

resource "ringfence_cluster" "this" {
  name            = var.name
  data_bucket     = ringfence_bucket.data.name
  metadata_bucket = ringfence_bucket.metadata.name
}

resource "ringfence_broker_group" "this" {
  cluster           = ringfence_cluster.this.name
  cluster_id        = ringfence_cluster.this.cluster_id
  vpc_id            = var.network.vpc_id
  zones             = var.network.subnet_ids
  brokers_per_zone  = var.brokers_per_zone
  client_cidrs      = var.client_cidrs
  image_id          = var.image_id
  instance_type     = var.instance_type
  instance_profile  = ringfence_broker_role.this.instance_profile
  role_id           = ringfence_broker_role.this.unique_id
  architecture      = ringfence_broker_package.this.architecture
  package_sha256    = ringfence_broker_package.this.sha256
  data_bucket       = ringfence_bucket.data.name
  data_key_arn      = ringfence_key.data.arn
  metadata_bucket   = ringfence_bucket.metadata.name
  metadata_key_arn  = ringfence_key.metadata.arn
  s3_prefix_list_id = ringfence_vpc_endpoint.s3.prefix_list_id
  s3_endpoint       = var.s3_endpoint
  logs_on_destroy   = var.on_destroy
  tags              = var.tags
}
