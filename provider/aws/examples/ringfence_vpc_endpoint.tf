resource "ringfence_vpc_endpoint" "s3" {
  cluster         = "orders"
  service         = "s3"
  vpc_id          = "vpc-0123456789abcdef0"
  route_table_ids = ["rtb-0123456789abcdef0"]
  owner           = "platform"
  purpose         = "records and metadata of orders"
}
