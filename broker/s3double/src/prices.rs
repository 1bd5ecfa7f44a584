//! What S3 would have charged.
//!
//! S3 Standard, us-east-1, public list prices as the project's designs state them on [`DATE`]. Not counted: requests to
//! KMS (Bucket Keys make them few), traffic (none within a region), versions' noncurrent discount (there is none).

use crate::operation::Operation;

/// The day of the prices.
pub const DATE: &str = "2026-11-21";
/// Dollars for 1,000 of PUT, COPY, POST and LIST.
pub const WRITES_1000: f64 = 0.005;
/// Dollars for 1,000 of GET and all others; DELETE is free.
pub const READS_1000: f64 = 0.0004;
/// Dollars for a GB (2^30 bytes) for a month.
pub const GB_MONTH: f64 = 0.023;
/// Hours of a month, as AWS counts.
pub const HOURS_PER_MONTH: f64 = 730.0;

/// Dollars for one request.
#[must_use]
pub fn of(operation: Operation) -> f64 {
    match operation {
        Operation::Put | Operation::Copy | Operation::UploadPart | Operation::Multipart | Operation::List => {
            WRITES_1000 / 1000.0
        }
        // DeleteObjects is a POST, and AWS's price list makes all deletions free.
        Operation::Delete | Operation::DeleteMany => 0.0,
        Operation::Get | Operation::Head | Operation::Bucket => READS_1000 / 1000.0,
    }
}
