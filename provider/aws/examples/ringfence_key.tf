resource "ringfence_key" "data" {
  cluster        = "orders"
  purpose        = "data"
  administrators = ["arn:aws:iam::123456789012:role/platform"]
}
