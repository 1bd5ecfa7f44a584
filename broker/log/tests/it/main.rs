//! Tests of the object formats.

#[cfg(test)]
mod compaction;
#[cfg(test)]
mod manifest;
#[cfg(test)]
mod producers;
#[cfg(test)]
mod seal;
#[cfg(test)]
mod segment;
#[cfg(test)]
mod wal;
