//! Properties of the boundary model, cases of the IAM evaluator, and every question with its fixtures.

mod algebra;
mod iam;
mod question;
