resource "ringfence_cluster" "orders" {
  name            = "orders"
  data_bucket     = ringfence_bucket.data.name
  metadata_bucket = ringfence_bucket.metadata.name
}
