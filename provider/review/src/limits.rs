//! Bounds of what is read.

/// Bytes of one HCL file: far above any that people write.
pub(crate) const HCL_BYTES_MAX: usize = 4 << 20;

/// Brackets within brackets: the parser recurses, and its stack is 8 MiB.
pub(crate) const HCL_DEPTH_MAX: usize = 100;

/// HCL files of one folder.
pub(crate) const HCL_FILES_MAX: usize = 1_000;

/// Bytes of a plan: 10,000 resources are about 100 MiB.
pub const PLAN_BYTES_MAX: u64 = 1 << 30;

/// Expressions within expressions, locals and module variables included.
pub(crate) const EVALUATION_DEPTH_MAX: usize = 200;

/// Items that one expression may produce.
pub(crate) const ITEMS_MAX: usize = 100_000;
