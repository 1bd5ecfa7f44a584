//! The `ringfence` command line: reads Terraform plans into the boundary's model and reviews them.
//!
//! It knows files, formats and exit codes. What is right and wrong is the boundary's (`provider-boundary`).

pub mod accept;
pub mod args;
pub mod contract;
pub mod exit;
pub mod files;
pub mod hcl;
pub mod limits;
pub mod output;
pub mod plan;
pub mod run;
