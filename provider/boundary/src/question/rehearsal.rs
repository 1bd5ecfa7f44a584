//! H. Rehearsals: what is only proved by having done it, with a date.

use super::{How, Needs, Question};
use crate::review::Boundary;

/// A rehearsal that a report on its dated result answers.
const fn rehearsed(id: &'static str, title: &'static str, number: &'static [u16], what: &'static str) -> Question {
    Question {
        id,
        title,
        requirements: number,
        boundary: Boundary::Recovery,
        how: How::Later { needs: Needs::Rehearsal, what },
    }
}

/// Section H.
pub(super) const QUESTIONS: &[Question] = &[
    rehearsed(
        "broker-failure",
        "Was a broker's failure rehearsed, with nothing lost?",
        &[76],
        "broker failure: a ledger of produced and consumed records",
    ),
    rehearsed("zone-failure", "Was a zone's failure rehearsed?", &[77], "zone impairment"),
    rehearsed("key-failure", "Was a key disabled and restored?", &[23, 78], "key disabled, rotated, refused"),
    rehearsed(
        "agent-failure",
        "Does the platform serve on without its control plane?",
        &[79],
        "blocked control plane, broken agent",
    ),
    rehearsed("store-failure", "Was the object store's refusal rehearsed?", &[80], "object store refused"),
    rehearsed("metadata-recovery", "Did a broker start from an empty disk?", &[81], "new broker from an empty disk"),
    rehearsed(
        "change-rollback",
        "Was a change rolled back, with offsets and access lists equal?",
        &[82],
        "rollback of a change",
    ),
    rehearsed("termination", "Was a termination rehearsed to its deletion report?", &[83], "termination request"),
    rehearsed(
        "recovery-widens-nothing",
        "Is the boundary equal before and after each rehearsal?",
        &[84],
        "fingerprints before and after each rehearsal",
    ),
    rehearsed("alert-routing", "Did alarms reach somebody during a rehearsal?", &[85], "alarm history of a rehearsal"),
    rehearsed(
        "migration",
        "Was a migration rehearsed, with offsets compared and a way back?",
        &[86],
        "migration with comparison of offsets and access lists",
    ),
    rehearsed(
        "compatibility",
        "Were the workloads' own clients tested?",
        &[87],
        "test report with the client versions seen",
    ),
    Question {
        id: "write-path",
        title: "When is a record acknowledged, and what is not yet flushed then?",
        requirements: &[88],
        boundary: Boundary::Recovery,
        how: How::Later { needs: Needs::Broker, what: "the broker's durable sequence at each acknowledgement" },
    },
];
