//! IAM policy documents and their three-valued evaluation.
