resource "ringfence_broker_role" "orders" {
  cluster          = "orders"
  data_key_arn     = ringfence_key.data.arn
  metadata_key_arn = ringfence_key.metadata.arn
}
