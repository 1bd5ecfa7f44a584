resource "ringfence_bucket" "data" {
  cluster     = "orders"
  role        = "data"
  kms_key_arn = ringfence_key.data.arn
  endpoints   = { s3 = ringfence_vpc_endpoint.s3.id }
}
