//! Tests of the object formats.

#[cfg(test)]
mod producers;
#[cfg(test)]
mod seal;
#[cfg(test)]
mod wal;
