//! What a member of a consumer group subscribes to: pure.
//!
//! Source: Kafka's `ConsumerProtocolSubscription`: i16 version, then an array (i32) of strings (i16 length), then what does
//! not matter here.

use std::collections::BTreeSet;

/// The topics; none where the bytes are no subscription.
pub(super) fn topics(subscription: &[u8]) -> Option<BTreeSet<String>> {
    let mut rest = subscription;
    let version = i16::from_be_bytes(take(&mut rest)?);
    let count = i32::from_be_bytes(take(&mut rest)?);
    if version < 0 || count < 0 {
        return None;
    }
    let mut topics = BTreeSet::new();
    for _ in 0..count {
        let length = usize::try_from(i16::from_be_bytes(take(&mut rest)?)).ok()?;
        let (name, after) = rest.split_at_checked(length)?;
        rest = after;
        topics.insert(String::from_utf8(name.to_vec()).ok()?);
    }
    Some(topics)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_topics_of_a_subscription_are_read_whatever_follows_them() {
        let bytes = b"\x00\x03\x00\x00\x00\x02\x00\x01a\x00\x02bc\xff\xff\xff\xff";
        assert_eq!(topics(bytes), Some(BTreeSet::from(["a".to_owned(), "bc".to_owned()])));
        assert_eq!(topics(b"topics"), None);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = topics(&bytes);
        }
    }
}
