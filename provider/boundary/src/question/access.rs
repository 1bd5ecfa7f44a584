//! C. Access: who reads, who administers, and who could come to read.

use super::{How, Needs, Question};
use crate::review::Boundary;

/// Questions of sections B and C that are answered by evaluating policies.
pub(super) const QUESTIONS: &[Question] = &[
    asked("reads-now", "Who can read each class of data now?", &[21, 28, 51], Boundary::Cryptographic),
    asked("holds-get", "Whom does only the key stop from reading objects?", &[28], Boundary::Cryptographic),
    asked("decrypters", "Who can use each key to decrypt?", &[20, 21], Boundary::Cryptographic),
    asked("key-administrators", "Who can administer each key?", &[20, 27], Boundary::Cryptographic),
    asked("deleters", "Who can delete from each store?", &[28, 60], Boundary::Control),
    asked("administrators", "Who can administer the platform?", &[27, 29], Boundary::Control),
    asked(
        "can-become-reader",
        "By which recorded changes could an administrator come to read?",
        &[30, 51],
        Boundary::Control,
    ),
];

const fn asked(id: &'static str, title: &'static str, requirements: &'static [u16], boundary: Boundary) -> Question {
    Question {
        id,
        title,
        requirements,
        boundary,
        how: How::Later { needs: Needs::Live, what: "iam:GetAccountAuthorizationDetails" },
    }
}
