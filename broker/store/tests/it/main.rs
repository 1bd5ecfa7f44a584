//! Tests of the store from outside.
#![cfg(test)]

mod conformance;
mod keys;
mod s3_requests;
