# The boundary as it is approved. Read every line: it is what reviews compare plans with. What a store holds is guessed
# from its name where nothing else says it.

accounts = ["111111111111"]
regions  = ["eu-central-1"]

class "payloads" {
  stores = ["s3://orders-data/data/"]
  readers = ["arn:aws:iam::222222222222:role/etl"]
  key_model = "customer_managed"
  # retention_days =  least days it is kept
  deletion_days = 7
  versioning = "suspended"
  # rotation_days =  days between rotations of its key, at most
  # owner = ""  who answers for it
}

class "progress" {
  stores = ["s3://orders-data/data/"]
  key_model = "customer_managed"
  # retention_days =  least days it is kept
  deletion_days = 7
  versioning = "suspended"
  # rotation_days =  days between rotations of its key, at most
  # owner = ""  who answers for it
}

administrator "arn:aws:iam::111111111111:role/admin" {
  of = ["keys"]
  # owner = ""  who that is
}

path "sg-brokers-to-internet-443" {
  from = "sg-brokers"
  to = "internet"
  port = 443
  # owner = ""  who answers for it
  purpose = "records"
  mode = "steady"
  encryption = "tls"
}

accepted_escalation {
  principal = "arn:aws:iam::111111111111:role/admin"
  via = ["kms:PutKeyPolicy"]
  detected_by = "key-policy-changed"
  approved_by = "security"
  expires = "2027-06-30"
}

# responsibilities = {}  upgrades, scaling, incidents, access_reviews, ...: who

# runbooks = {}  key_disabled, broker_lost, ...: where the steps are

# statements = {}  schema_registry, support_store, ...: what is so

# workload {            the load that costs are computed for
#   write_mib_per_second = ""
#   fan_out = ""
#   retention_hours = 24
#   zone_locality = "1"
# }

# support {
#   entity = "none"     who supports the platform
#   path = "none"       how they get in
#   terms = ""          the document
# }

# review {
#   cadence_days = 90   days between reviews of access
#   last = ""
#   by = ""
# }
