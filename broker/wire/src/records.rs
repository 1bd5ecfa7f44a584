//! Record batches inside a message.

use bytes::Bytes;

/// Record batches as a list of slices, in order; written one after the other, never joined.
#[derive(Clone, Debug, Default)]
pub struct Records(Vec<Bytes>);

impl Records {
    /// Bytes of all slices.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().fold(0, |sum, slice| sum.saturating_add(slice.len()))
    }

    /// Whether there is not one byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Bytes::is_empty)
    }

    /// The slices.
    #[must_use]
    pub fn slices(&self) -> &[Bytes] {
        &self.0
    }

    /// All bytes in one piece: the slice itself where there is only one, else a copy.
    #[must_use]
    pub fn into_bytes(mut self) -> Bytes {
        if self.0.len() > 1 {
            return Bytes::from(self.0.concat());
        }
        self.0.pop().unwrap_or_default()
    }
}

impl From<Bytes> for Records {
    fn from(bytes: Bytes) -> Self {
        Self(vec![bytes])
    }
}

impl From<Vec<Bytes>> for Records {
    fn from(slices: Vec<Bytes>) -> Self {
        Self(slices)
    }
}

/// Equal when the bytes are, however they are sliced.
impl PartialEq for Records {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.0.iter().flatten().eq(other.0.iter().flatten())
    }
}
