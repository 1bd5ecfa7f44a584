resource "ringfence_broker_package" "orders" {
  cluster     = "orders"
  path        = "ringfence-broker-0.1.0-arm64.tar.gz"
  bucket      = ringfence_bucket.metadata.name
  kms_key_arn = ringfence_key.metadata.arn
}
