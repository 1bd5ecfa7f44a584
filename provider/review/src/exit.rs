//! Exit codes: part of what scripts rely on.

use std::{collections::BTreeSet, process::ExitCode};

use provider_boundary::model::{Finding, Reason, Verdict};

use crate::output::sentence::reason_name;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// All is proved, excluded, or unknown for an allowed reason.
    Good,
    /// Evidence is too old, and nothing worse.
    Stale,
    /// Something is not known.
    Unknown,
    /// Something is violated.
    Violated,
}

/// The command line or an input is wrong.
pub const USAGE: u8 = 64;
/// This program or the machine failed.
pub const OWN_FAILURE: u8 = 70;

impl Outcome {
    /// What findings amount to, with these reasons allowed. A finding is unknown for every reason it has.
    pub fn of(findings: &[Finding], allowed: &BTreeSet<String>) -> Outcome {
        findings.iter().map(|one| Outcome::of_one(&one.verdict, allowed)).max().unwrap_or(Outcome::Good)
    }

    /// Its number.
    pub fn code(self) -> u8 {
        match self {
            Outcome::Good => 0,
            Outcome::Violated => 2,
            Outcome::Unknown => 3,
            Outcome::Stale => 4,
        }
    }

    fn of_one(verdict: &Verdict, allowed: &BTreeSet<String>) -> Outcome {
        match verdict {
            Verdict::Proved(_) | Verdict::Excluded(_) => Outcome::Good,
            Verdict::Violated(_) => Outcome::Violated,
            Verdict::Unknown(reasons) => {
                let open = reasons.iter().filter(|one| !allowed.contains(reason_name(one)));
                open.map(|one| if matches!(one, Reason::Stale { .. }) { Outcome::Stale } else { Outcome::Unknown })
                    .max()
                    .unwrap_or(Outcome::Good)
            }
        }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> ExitCode {
        ExitCode::from(outcome.code())
    }
}

#[cfg(test)]
mod tests {
    use provider_boundary::model::Witness;

    use super::*;

    fn code(verdicts: Vec<Verdict>, allowed: &[&str]) -> u8 {
        let allowed = allowed.iter().map(|one| (*one).to_owned()).collect();
        verdicts.iter().map(|one| Outcome::of_one(one, &allowed)).max().unwrap_or(Outcome::Good).code()
    }

    #[test]
    fn the_worst_verdict_decides() {
        let violated = || Verdict::violated(Witness::new("w"));
        let unknown = || Verdict::unknown(Reason::ScpNotReadable);
        let stale = || Verdict::unknown(Reason::Stale { age_seconds: 9 });
        assert_eq!(code(vec![], &[]), 0);
        assert_eq!(code(vec![Verdict::proved()], &[]), 0);
        assert_eq!(code(vec![Verdict::proved(), stale()], &[]), 4);
        assert_eq!(code(vec![stale(), unknown()], &[]), 3);
        assert_eq!(code(vec![stale(), violated(), unknown()], &[]), 2);
    }

    #[test]
    fn an_unknown_is_allowed_only_for_all_its_reasons() {
        let at_apply = Reason::ComputedAtApply { address: "a".into() };
        let both = Verdict::Unknown([at_apply.clone(), Reason::ScpNotReadable].into());
        assert_eq!(code(vec![Verdict::unknown(at_apply)], &["computed_at_apply"]), 0);
        assert_eq!(code(vec![both.clone()], &["computed_at_apply"]), 3);
        assert_eq!(code(vec![both], &["computed_at_apply", "scp_not_readable"]), 0);
        assert_eq!(code(vec![Verdict::violated(Witness::new("w"))], &["computed_at_apply"]), 2);
    }
}
