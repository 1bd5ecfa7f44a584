//! The object that ends a write-ahead log.

use bytes::Bytes;

use crate::frame::{Cursor, Frame, Kind, write_checksum, write_incarnation};
use crate::identity::{Incarnation, Origin};
use crate::wal::WalError;

/// A number of a log that its writer will never fill, because somebody else has.
///
/// Several seals may stand in one log; the one that counts is the lowest whose lower numbers all hold the writer's own
/// objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal {
    /// Whose log is sealed, and at which number.
    pub origin: Origin,
    /// Who seals.
    pub sealer: Incarnation,
    /// Tells two seals of one sealer apart.
    pub nonce: u128,
}

impl Seal {
    /// The bytes of the object.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::new();
        Frame { kind: Kind::Seal, origin: self.origin, nonce: self.nonce }.write(&mut out);
        write_incarnation(self.sealer, &mut out);
        write_checksum(&mut out);
        Bytes::from(out)
    }

    /// Reads what follows the frame.
    pub(crate) fn read(frame: Frame, cursor: &mut Cursor<'_>) -> Result<Self, WalError> {
        let sealer = cursor.incarnation()?;
        cursor.checksum()?;
        if cursor.remaining() > 0 {
            return Err(WalError::Index("bytes follow the seal"));
        }
        Ok(Self { origin: frame.origin, sealer, nonce: frame.nonce })
    }
}
