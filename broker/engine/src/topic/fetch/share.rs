//! How partitions share the room there is in an answer: pure.

/// What each of several gets of `bytes` at most, so that nobody gets more than another who would take it; the sizes are what
/// they would take, sorted.
pub(super) fn share_of(sizes: &[usize], bytes: usize) -> usize {
    let mut left = bytes;
    for (size, others) in sizes.iter().zip((0..sizes.len()).rev()) {
        let level = left / (others + 1);
        if *size > level {
            return level;
        }
        left = left.saturating_sub(*size);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_one_does_not_take_goes_to_the_others() {
        assert_eq!(share_of(&[], 90), 90);
        assert_eq!(share_of(&[50, 50, 50], 90), 30);
        assert_eq!(share_of(&[10, 50, 50], 90), 40);
        assert_eq!(share_of(&[10, 20, 50], 90), 90);
    }

    proptest! {
        #[test]
        fn shares_fit_and_leave_no_more_than_rounding(mut sizes in prop::collection::vec(1_usize..1000, 1..20), bytes in 0_usize..5000) {
            sizes.sort_unstable();
            let share = share_of(&sizes, bytes);
            let given: usize = sizes.iter().map(|size| (*size).min(share)).sum();
            prop_assert!(given <= bytes);
            prop_assert!(given == sizes.iter().sum::<usize>() || bytes - given < sizes.len(), "{given} of {bytes}");
        }
    }
}
