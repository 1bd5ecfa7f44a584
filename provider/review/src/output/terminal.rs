//! What a terminal shows after a review.

use provider_boundary::review::Review;

use super::consequence::{consequences, headline};

/// The counts and the consequences, a line each.
pub fn summary(review: &Review) -> String {
    let mut text = format!("{}\n", headline(&review.counts()));
    for one in consequences(review) {
        let sign = if one.moved { '*' } else { ' ' };
        text.push_str(&format!("{sign} {}: {}\n", one.label, one.sentence.plain()));
    }
    text
}
