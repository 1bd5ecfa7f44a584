resource "ringfence_topic" "payments" {
  cluster        = ringfence_cluster.orders.id
  name           = "payments"
  partitions     = 12
  owner          = "payments"
  classification = "restricted"
  retention_ms   = 7 * 24 * 60 * 60 * 1000
  configs        = { "cleanup.policy" = "delete" }
}
