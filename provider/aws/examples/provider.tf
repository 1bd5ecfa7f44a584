provider "ringfence" {
  region       = "eu-central-1"
  manager      = "https://git.example.com/platform/kafka"
  default_tags = { team = "platform" }
}
