//! Three-valued logic: yes, no, or maybe for named reasons.
//!
//! Invariant: a `Maybe` says of what it depends. Combining follows Kleene, so that learning an input never turns a `Yes`
//! into a `No` or back.

use std::collections::BTreeSet;
use std::fmt;

/// Why something cannot be decided.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The request's value of this condition key is not known.
    KeyUnknown {
        /// The condition key, as the policy writes it.
        key: String,
    },
    /// The answer depends on an identifier that is not known yet.
    Symbol {
        /// The symbol, without `${` and `}`.
        symbol: String,
    },
    /// The answer depends on a value that Terraform computes during apply.
    ComputedAtApply {
        /// Address of the value.
        address: String,
    },
    /// The request stands for several resources, and only some are covered.
    SomeResources,
    /// The session's name is chosen when the role is assumed.
    SessionName,
    /// The service control policies of an account could not be read.
    ScpNotReadable {
        /// The account.
        account: String,
    },
    /// The resource control policies of an account could not be read.
    RcpNotReadable {
        /// The account.
        account: String,
    },
    /// A policy could not be read.
    AccessDenied {
        /// The API that refused.
        api: String,
    },
    /// Another account's own policies are needed.
    ForeignAccount {
        /// The account.
        account: String,
    },
    /// A policy names an id of a principal that may no longer exist.
    OrphanedPrincipal {
        /// The id, `AROA...` or `AIDA...`.
        id: String,
    },
    /// A construct outside the modelled subset.
    Unsupported {
        /// What it is.
        construct: String,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyUnknown { key } => write!(f, "the request's {key} is not known"),
            Self::Symbol { symbol } => write!(f, "${{{symbol}}} is not known yet"),
            Self::ComputedAtApply { address } => write!(f, "{address} is computed at apply"),
            Self::SomeResources => f.write_str("only some of the resources are covered"),
            Self::SessionName => f.write_str("the session's name is chosen when the role is assumed"),
            Self::ScpNotReadable { account } => write!(f, "the service control policies of {account} are not readable"),
            Self::RcpNotReadable { account } => {
                write!(f, "the resource control policies of {account} are not readable")
            }
            Self::AccessDenied { api } => write!(f, "{api} was denied"),
            Self::ForeignAccount { account } => write!(f, "the policies of account {account} are not readable"),
            Self::OrphanedPrincipal { id } => write!(f, "the principal {id} may no longer exist"),
            Self::Unsupported { construct } => write!(f, "{construct} is outside the modelled subset"),
        }
    }
}

/// Reasons, ordered and without repetition.
pub type Reasons = BTreeSet<Reason>;

/// Yes, no, or maybe.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Truth {
    /// It is so.
    Yes,
    /// It is not so.
    No,
    /// It depends on what is not known.
    Maybe(Reasons),
}

impl Truth {
    /// Maybe, for one reason.
    #[must_use]
    pub fn maybe(reason: Reason) -> Self {
        Self::Maybe(Reasons::from([reason]))
    }

    /// Maybe, because of a construct that is not modelled.
    #[must_use]
    pub fn unsupported(construct: &str) -> Self {
        Self::maybe(Reason::Unsupported { construct: construct.to_owned() })
    }

    /// Yes for true, no for false.
    #[must_use]
    pub fn of(fact: bool) -> Self {
        if fact { Self::Yes } else { Self::No }
    }

    /// Whether it is certainly so.
    #[must_use]
    pub fn is_yes(&self) -> bool {
        *self == Self::Yes
    }

    /// Whether it is certainly not so.
    #[must_use]
    pub fn is_no(&self) -> bool {
        *self == Self::No
    }

    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, other) => other,
            (one, Self::Yes) => one,
            (Self::Maybe(mut one), Self::Maybe(other)) => {
                one.extend(other);
                Self::Maybe(one)
            }
        }
    }

    /// At least one.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::No, other) => other,
            (one, Self::No) => one,
            (Self::Maybe(mut one), Self::Maybe(other)) => {
                one.extend(other);
                Self::Maybe(one)
            }
        }
    }

    /// The opposite.
    #[must_use]
    pub fn negate(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            maybe @ Self::Maybe(_) => maybe,
        }
    }

    /// What holds in both of two possible cases; otherwise maybe, for `reason`.
    #[must_use]
    pub fn either_case(self, other: Self, reason: Reason) -> Self {
        match (self, other) {
            (Self::Yes, Self::Yes) => Self::Yes,
            (Self::No, Self::No) => Self::No,
            (one, other) => {
                let mut reasons = Reasons::from([reason]);
                for case in [one, other] {
                    if let Self::Maybe(more) = case {
                        reasons.extend(more);
                    }
                }
                Self::Maybe(reasons)
            }
        }
    }

    /// Whether at least one of several holds.
    #[must_use]
    pub fn any(truths: impl IntoIterator<Item = Self>) -> Self {
        truths.into_iter().fold(Self::No, Self::or)
    }

    /// Whether all of several hold.
    #[must_use]
    pub fn all(truths: impl IntoIterator<Item = Self>) -> Self {
        truths.into_iter().fold(Self::Yes, Self::and)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_wins_over_maybe_in_a_conjunction_and_yes_in_a_disjunction() {
        let maybe = Truth::maybe(Reason::SomeResources);
        assert_eq!(maybe.clone().and(Truth::No), Truth::No);
        assert_eq!(maybe.clone().and(Truth::Yes), maybe);
        assert_eq!(maybe.clone().or(Truth::Yes), Truth::Yes);
        assert_eq!(maybe.clone().or(Truth::No), maybe);
        assert_eq!(maybe.clone().negate(), maybe);
    }

    #[test]
    fn two_cases_that_agree_need_no_reason() {
        assert_eq!(Truth::Yes.either_case(Truth::Yes, Reason::SomeResources), Truth::Yes);
        assert_eq!(Truth::Yes.either_case(Truth::No, Reason::SomeResources), Truth::maybe(Reason::SomeResources));
    }
}
