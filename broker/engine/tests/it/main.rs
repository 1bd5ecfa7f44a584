//! Whole engines on stores in memory and in directories.

#[cfg(test)]
mod records;
#[cfg(test)]
mod support;
