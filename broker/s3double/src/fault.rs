//! Faults on demand: rules that say which requests meet what.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::limits::{FAULT_RULES_MAX, FAULT_TIME_MAX};
use crate::operation::{Operation, Target};
use crate::random::Random;

/// What a request meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Held until the rule ends, then done.
    Stall,
    /// 503 SlowDown; nothing is done.
    #[serde(rename = "503")]
    SlowDown,
    /// 500 InternalError; nothing is done.
    #[serde(rename = "500")]
    Broken,
    /// Done, then answered with 412 as though somebody else had done it.
    #[serde(rename = "412")]
    TakenByItself,
    /// 409 ConditionalRequestConflict; nothing is done.
    #[serde(rename = "409")]
    Conflict,
    /// Done, then answered with 409.
    OwnConflict,
    /// 404 NoSuchKey; nothing is done.
    #[serde(rename = "404")]
    Absent,
    /// 403 AccessDenied; nothing is done.
    #[serde(rename = "403")]
    Denied,
    /// Done, then the connection closes without an answer.
    LostAnswer,
    /// The connection closes without an answer; nothing is done.
    LostRequest,
    /// The connection closes without an answer; done after `delay_ms`.
    Late,
    /// 400 KMS.DisabledException; nothing is done.
    KeyDisabled,
    /// 400 ThrottlingException, as S3 passes it on from KMS; nothing is done.
    Throttle,
}

/// Which requests meet which fault.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What they meet.
    pub kind: Kind,
    /// Kinds of requests; none given means all.
    #[serde(default)]
    pub operations: Vec<Operation>,
    /// Only in this bucket.
    #[serde(default)]
    pub bucket: Option<String>,
    /// Only keys (of a listing: prefixes) that begin so.
    #[serde(default)]
    pub prefix: String,
    /// Only keys that contain this.
    #[serde(default)]
    pub contains: String,
    /// Milliseconds from now until the rule begins.
    #[serde(default)]
    pub after_ms: u64,
    /// Milliseconds that the rule lasts from its beginning; none lasts until the rules are replaced.
    #[serde(default)]
    pub for_ms: Option<u64>,
    /// How many of a thousand requests; none means all.
    #[serde(default = "all_of_a_thousand")]
    pub per_mille: u32,
    /// At most so many requests.
    #[serde(default)]
    pub count: Option<u64>,
    /// Of `late`: milliseconds until it is done.
    #[serde(default = "five_seconds")]
    pub delay_ms: u64,
    /// Another HTTP status than the kind's own.
    #[serde(default)]
    pub status: Option<u16>,
}

/// A rule and what has come of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleReport {
    /// The rule.
    #[serde(flatten)]
    pub rule: Rule,
    /// Requests that met it.
    pub struck: u64,
    /// Whether it applies now.
    pub is_on: bool,
}

/// The rules cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidRules {
    /// There are too many.
    #[error("{0} rules; at most {FAULT_RULES_MAX} are taken")]
    TooMany(usize),
    /// A duration is too long.
    #[error("rule {0}: a duration is longer than a day")]
    TooLong(usize),
    /// A probability is above one.
    #[error("rule {0}: per_mille is above 1000")]
    PerMille(usize),
    /// Not an HTTP status of a failure.
    #[error("rule {0}: status is not between 400 and 599")]
    Status(usize),
}

/// What one request meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Strike {
    pub(crate) kind: Kind,
    pub(crate) delay: Duration,
    pub(crate) status: Option<u16>,
}

/// The rules in force.
#[derive(Debug)]
pub(crate) struct Faults {
    plan: Mutex<Plan>,
    changed: Notify,
}

#[derive(Debug)]
struct Plan {
    rules: Vec<Active>,
    random: Random,
}

#[derive(Debug)]
struct Active {
    rule: Rule,
    begins: Instant,
    ends: Option<Instant>,
    struck: u64,
}

fn all_of_a_thousand() -> u32 {
    1000
}

fn five_seconds() -> u64 {
    5000
}

impl Rule {
    /// Every request meets it until the rules are replaced.
    #[must_use]
    pub fn always(kind: Kind) -> Self {
        Self {
            kind,
            operations: Vec::new(),
            bucket: None,
            prefix: String::new(),
            contains: String::new(),
            after_ms: 0,
            for_ms: None,
            per_mille: all_of_a_thousand(),
            count: None,
            delay_ms: five_seconds(),
            status: None,
        }
    }

    /// Only these kinds of requests.
    #[must_use]
    pub fn of(self, operations: impl Into<Vec<Operation>>) -> Self {
        Self { operations: operations.into(), ..self }
    }

    /// At most so many requests.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self { count: Some(count), ..self }
    }

    fn concerns(&self, target: &Target) -> bool {
        (self.operations.is_empty() || self.operations.contains(&target.operation))
            && self.bucket.as_ref().is_none_or(|bucket| *bucket == target.bucket)
            && target.key.starts_with(&self.prefix)
            && target.key.contains(&self.contains)
    }
}

impl Active {
    fn is_on(&self, now: Instant) -> bool {
        self.begins <= now
            && self.ends.is_none_or(|end| now < end)
            && self.rule.count.is_none_or(|count| self.struck < count)
    }
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        let plan = Plan { rules: Vec::new(), random: Random::new(seed ^ 0x5EED_FA17) };
        Self { plan: Mutex::new(plan), changed: Notify::new() }
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces all rules; what is stalled by an old one goes on, unless a new one stalls it.
    pub(crate) fn replace(&self, rules: Vec<Rule>) -> Result<(), InvalidRules> {
        if rules.len() > FAULT_RULES_MAX {
            return Err(InvalidRules::TooMany(rules.len()));
        }
        let now = Instant::now();
        let activate = |(n, rule): (usize, Rule)| {
            let (after, lasts) = (Duration::from_millis(rule.after_ms), rule.for_ms.map(Duration::from_millis));
            let delay = Duration::from_millis(rule.delay_ms);
            if [after, lasts.unwrap_or_default(), delay].iter().any(|duration| *duration > FAULT_TIME_MAX) {
                return Err(InvalidRules::TooLong(n));
            }
            if rule.per_mille > 1000 {
                return Err(InvalidRules::PerMille(n));
            }
            if rule.status.is_some_and(|status| !(400..600).contains(&status)) {
                return Err(InvalidRules::Status(n));
            }
            let begins = now + after;
            Ok(Active { rule, begins, ends: lasts.map(|lasts| begins + lasts), struck: 0 })
        };
        let rules = rules.into_iter().enumerate().map(activate).collect::<Result<_, _>>()?;
        self.plan().rules = rules;
        self.changed.notify_waiters();
        Ok(())
    }

    pub(crate) fn report(&self) -> Vec<RuleReport> {
        let now = Instant::now();
        let report =
            |active: &Active| RuleReport { rule: active.rule.clone(), struck: active.struck, is_on: active.is_on(now) };
        self.plan().rules.iter().map(report).collect()
    }

    /// Says what a request meets, after holding it as long as it is stalled.
    pub(crate) async fn meet(&self, target: &Target) -> Option<Strike> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registered before looking, so that no change is missed.
            changed.as_mut().enable();
            let (strike, ends) = self.strike(target)?;
            if strike.kind != Kind::Stall {
                return Some(strike);
            }
            match ends {
                None => changed.await,
                Some(end) => {
                    // Whichever comes first, the rules are looked at again.
                    let _ = tokio::time::timeout_at(end, changed).await;
                }
            }
        }
    }

    fn strike(&self, target: &Target) -> Option<(Strike, Option<Instant>)> {
        let now = Instant::now();
        let mut plan = self.plan();
        let Plan { rules, random } = &mut *plan;
        for active in rules.iter_mut().filter(|active| active.is_on(now) && active.rule.concerns(target)) {
            let rule = &active.rule;
            if rule.per_mille >= 1000 || random.next() % 1000 < u64::from(rule.per_mille) {
                active.struck += 1;
                let delay = Duration::from_millis(rule.delay_ms);
                return Some((Strike { kind: rule.kind, delay, status: rule.status }, active.ends));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(key: &str) -> Target {
        Target { operation: Operation::Put, bucket: "b".to_owned(), key: key.to_owned() }
    }

    #[tokio::test(start_paused = true)]
    async fn rules_begin_end_and_run_out() {
        let faults = Faults::new(1);
        let rules = serde_json::json!([
            {"kind": "stall", "prefix": "a/", "for_ms": 60_000},
            {"kind": "503", "prefix": "a/", "after_ms": 60_000, "for_ms": 60_000},
            {"kind": "lost_answer", "operations": ["put"], "bucket": "b", "contains": "/x/", "count": 2},
        ]);
        faults.replace(serde_json::from_value(rules).unwrap()).unwrap();
        let started = Instant::now();
        let met = faults.meet(&target("a/1")).await.unwrap();
        assert_eq!((met.kind, started.elapsed().as_secs()), (Kind::SlowDown, 60));
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(faults.meet(&target("a/1")).await, None);
        for expected in [Some(Kind::LostAnswer), Some(Kind::LostAnswer), None] {
            assert_eq!(faults.meet(&target("c/x/1")).await.map(|strike| strike.kind), expected);
        }
        assert_eq!(faults.report().iter().map(|report| report.struck).collect::<Vec<_>>(), [1, 1, 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_stalled_goes_on_when_the_rules_are_taken_away() {
        let faults = Faults::new(1);
        faults.replace(vec![Rule::always(Kind::Stall)]).unwrap();
        let key = target("k");
        let (met, ()) = tokio::join!(faults.meet(&key), async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            faults.replace(Vec::new()).unwrap();
        });
        assert_eq!(met, None);
    }

    #[test]
    fn a_share_of_the_requests_is_struck_and_the_seed_decides_which() {
        let struck = |seed| -> Vec<bool> {
            let faults = Faults::new(seed);
            faults.plan().rules = vec![Active {
                rule: Rule { per_mille: 100, ..Rule::always(Kind::SlowDown) },
                begins: Instant::now(),
                ends: None,
                struck: 0,
            }];
            (0..10_000).map(|_| faults.strike(&target("k")).is_some()).collect()
        };
        let count = struck(3).into_iter().filter(|struck| *struck).count();
        assert!((850..1150).contains(&count), "{count}");
        assert_eq!(struck(3), struck(3));
    }

    #[test]
    fn nonsense_is_refused() {
        let faults = Faults::new(1);
        let too_many = vec![Rule::always(Kind::Stall); FAULT_RULES_MAX + 1];
        assert_eq!(faults.replace(too_many), Err(InvalidRules::TooMany(FAULT_RULES_MAX + 1)));
        let rule = Rule { per_mille: 1001, ..Rule::always(Kind::Stall) };
        assert_eq!(faults.replace(vec![rule]), Err(InvalidRules::PerMille(0)));
        let rule = Rule { for_ms: Some(u64::MAX), ..Rule::always(Kind::Stall) };
        assert_eq!(faults.replace(vec![rule]), Err(InvalidRules::TooLong(0)));
        let rule = Rule { status: Some(200), ..Rule::always(Kind::Stall) };
        assert_eq!(faults.replace(vec![rule]), Err(InvalidRules::Status(0)));
    }
}
