//! Properties of the boundary model, and cases of the IAM evaluator.

mod algebra;
mod iam;
