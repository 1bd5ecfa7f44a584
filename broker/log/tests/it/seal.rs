//! Seals.

use broker_log::{Incarnation, Origin, Seal, WalContents, WalError};
use bytes::Bytes;
use proptest::prelude::*;
use uuid::Uuid;

fn seal() -> Seal {
    let incarnation = Incarnation { broker: 3, epoch: 17 };
    Seal {
        origin: Origin { cluster: Uuid::from_u128(7), incarnation, seq: 42 },
        sealer: Incarnation { broker: 4, epoch: 18 },
        nonce: 99,
    }
}

#[test]
fn a_seal_is_read_as_it_was_written() {
    let seal = seal();
    assert_eq!(WalContents::decode(seal.encode(), seal.origin), Ok(WalContents::Seal(seal)));
}

#[test]
fn a_seal_found_at_another_number_is_misplaced() {
    let seal = seal();
    let elsewhere = Origin { seq: 43, ..seal.origin };
    assert_eq!(WalContents::decode(seal.encode(), elsewhere), Err(WalError::Misplaced(Box::new(seal.origin))));
}

proptest! {
    #[test]
    fn any_changed_byte_of_a_seal_is_noticed(index in 0_usize..80, flip in 1_u8..) {
        let seal = seal();
        let mut bytes = seal.encode().to_vec();
        let index = index % bytes.len();
        bytes[index] ^= flip;
        prop_assert!(WalContents::decode(Bytes::from(bytes), seal.origin).is_err());
    }
}
