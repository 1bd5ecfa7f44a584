//! The verdict algebra: a conjunction is as bad as its worst part, and more knowledge never undoes a proof.

use proptest::prelude::*;
use provider_boundary::model::{Exclusion, Fact, Reason, Symbol, Verdict, Witness};

fn verdict() -> impl Strategy<Value = Verdict> {
    let name = prop::sample::select(vec!["a", "b", "c"]);
    prop_oneof![
        prop::collection::btree_set(name.clone().prop_map(Symbol::new), 0..3).prop_map(Verdict::Proved),
        name.clone().prop_map(|approved_by| {
            let (reason, expires) = ("r".into(), "2027-01-01".into());
            Verdict::excluded(Exclusion { reason, approved_by: approved_by.into(), expires })
        }),
        prop::collection::btree_set(
            name.clone().prop_map(|address| Reason::ComputedAtApply { address: address.into() }),
            1..3
        )
        .prop_map(Verdict::Unknown),
        prop::collection::btree_set(name.prop_map(Witness::new), 1..3).prop_map(Verdict::Violated),
    ]
}

/// A formula over facts that are true, false or unknown.
#[derive(Clone, Debug)]
enum Formula {
    Leaf(usize),
    And(Box<Formula>, Box<Formula>),
    Or(Box<Formula>, Box<Formula>),
}

fn formula() -> impl Strategy<Value = Formula> {
    (0..4usize).prop_map(Formula::Leaf).prop_recursive(4, 16, 2, |inner| {
        let pair = (inner.clone(), inner);
        prop_oneof![
            pair.clone().prop_map(|(a, b)| Formula::And(a.into(), b.into())),
            pair.prop_map(|(a, b)| Formula::Or(a.into(), b.into())),
        ]
    })
}

fn evaluate(formula: &Formula, facts: &[Fact<bool>]) -> Verdict {
    match formula {
        Formula::Leaf(at) => {
            let fact = facts.get(*at).unwrap_or(&Fact::Known(false));
            fact.judge(|value| Verdict::holds(*value, || Witness::new(format!("{at}"))))
        }
        Formula::And(a, b) => evaluate(a, facts).and(evaluate(b, facts)),
        Formula::Or(a, b) => evaluate(a, facts).or(evaluate(b, facts)),
    }
}

fn unknown(at: usize) -> Fact<bool> {
    Fact::Unknown(Reason::ComputedAtApply { address: format!("a.b{at}") })
}

proptest! {
    #[test]
    fn conjunction_and_disjunction_do_not_depend_on_order_or_grouping(a in verdict(), b in verdict(), c in verdict()) {
        prop_assert_eq!(a.clone().and(b.clone()), b.clone().and(a.clone()));
        prop_assert_eq!(a.clone().or(b.clone()), b.clone().or(a.clone()));
        prop_assert_eq!(a.clone().and(b.clone()).and(c.clone()), a.clone().and(b.clone().and(c.clone())));
        prop_assert_eq!(a.clone().or(b.clone()).or(c.clone()), a.clone().or(b.or(c)));
        prop_assert_eq!(a.clone().and(a.clone()), a.clone());
        prop_assert_eq!(a.clone().or(a.clone()), a);
    }

    #[test]
    fn one_violation_violates_and_keeps_every_witness(all in prop::collection::vec(verdict(), 0..6)) {
        let whole = Verdict::all(all.clone());
        prop_assert_eq!(whole.is_violated(), all.iter().any(Verdict::is_violated));
        prop_assert_eq!(whole.is_proved(), all.iter().all(Verdict::is_proved));
        for one in &all {
            if let (Verdict::Violated(part), Verdict::Violated(whole)) = (one, &whole) {
                prop_assert!(part.is_subset(whole));
            }
            if let (Verdict::Unknown(part), Verdict::Unknown(whole)) = (one, &whole) {
                prop_assert!(part.is_subset(whole));
            }
        }
    }

    #[test]
    fn learning_an_unknown_never_undoes_a_decision(formula in formula(), values in prop::collection::vec(any::<bool>(), 4), hidden in prop::collection::vec(any::<bool>(), 4)) {
        let full: Vec<Fact<bool>> = values.iter().map(|value| Fact::Known(*value)).collect();
        let part: Vec<Fact<bool>> =
            full.iter().zip(&hidden).enumerate().map(|(at, (fact, hide))| if *hide { unknown(at) } else { fact.clone() }).collect();
        let (before, after) = (evaluate(&formula, &part), evaluate(&formula, &full));
        prop_assert!(!after.is_unknown());
        prop_assert!(!before.is_proved() || after.is_proved());
        prop_assert!(!before.is_violated() || after.is_violated());
    }

    #[test]
    fn verdicts_survive_json(one in verdict()) {
        let text = serde_json::to_string(&one).unwrap();
        prop_assert_eq!(serde_json::from_str::<Verdict>(&text).unwrap(), one);
    }

    #[test]
    fn looking_for_symbols_never_panics(text in "[$\\{\\}a-z:.\\[é]{0,24}") {
        let _found = provider_boundary::model::fact::symbols_in(&text);
    }
}

#[test]
fn nothing_to_hold_is_proved_and_nothing_to_choose_from_is_violated() {
    assert!(Verdict::all([]).is_proved());
    assert!(Verdict::any([], || Witness::new("none")).is_violated());
}
