//! Tests of the object formats.

#[cfg(test)]
mod seal;
#[cfg(test)]
mod wal;
