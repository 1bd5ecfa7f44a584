//! Terraform plans (`terraform show -json`) and their sources, read into the boundary's model.
