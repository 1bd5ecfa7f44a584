//! DNS: a way out that neither security groups nor network ACLs guard.

use super::is_end;
use crate::{
    model::{
        Verdict, Witness,
        network::{DnsFirewall, Vpc},
    },
    question::{Answer, Case},
};

pub(super) fn dns_firewall(case: &Case<'_>) -> Vec<Answer> {
    case.world
        .vpcs
        .iter()
        .map(|vpc| {
            let of_vpc: Vec<&DnsFirewall> = case
                .world
                .dns_firewalls
                .iter()
                .filter(|one| one.vpc.text().is_some() && one.vpc.text() == vpc.id.text())
                .collect();
            // Without AWS's resolver there is nothing to filter.
            let silent = vpc.dns_support.known() == Some(&false);
            let verdict = if silent { Verdict::proved() } else { firewalled(vpc, &of_vpc) };
            let answer = Answer::about(&vpc.origin, verdict, "names that are not listed are not resolved");
            of_vpc.iter().fold(answer, |answer, one| answer.at(&one.origin))
        })
        .collect()
}

fn firewalled(vpc: &Vpc, firewalls: &[&DnsFirewall]) -> Verdict {
    let bad = |what: String| Witness {
        principal: Some(vpc.origin.address.clone()),
        action: Some("DNS query".into()),
        ..Witness::new(what)
    };
    let Some(firewall) = firewalls.first() else {
        return Verdict::violated(
            bad("no DNS firewall: any name is resolved, and with it data leaves in names".into()),
        );
    };
    let closed = firewall
        .fail_open
        .judge(|open| Verdict::holds(!open, || bad("the firewall lets queries through when it fails".into())));
    let mut rules: Vec<_> = firewalls.iter().flat_map(|one| &one.rules).collect();
    rules.sort_by_key(|rule| rule.priority.known().copied().unwrap_or(i64::MAX));
    let mut open: Option<Verdict> = None;
    for rule in rules {
        let all = rule.domains.judge(|domains| {
            Verdict::holds(!domains.iter().any(|one| one.trim_end_matches('.') == "*"), || bad(String::new()))
        });
        match (all, rule.action.text()) {
            (Verdict::Unknown(reasons), _) => open = Some(Verdict::Unknown(reasons)),
            (Verdict::Violated(_), Some("BLOCK")) => return closed.and(open.unwrap_or(Verdict::proved())),
            (Verdict::Violated(_), Some(action)) => {
                return Verdict::violated(bad(format!("{} answers {action} for every name", rule.origin.address)));
            }
            (Verdict::Violated(_), None) => return rule.action.judge_text(|_| Verdict::proved()),
            _ => {}
        }
    }
    open.unwrap_or_else(|| Verdict::violated(bad("no rule blocks the names that are not listed".into())))
}

pub(super) fn dns_forwarding(case: &Case<'_>) -> Vec<Answer> {
    case.world
        .resolver_rules
        .iter()
        .map(|rule| {
            let verdict = rule.kind.judge_text(|kind| {
                let targets = rule.targets.known().cloned().unwrap_or_default();
                let approved = !targets.is_empty()
                    && targets.iter().all(|to| {
                        case.contract.paths.iter().any(|path| is_end(&path.to, to.split(':').next().unwrap_or(to)))
                    });
                Verdict::holds(kind != "FORWARD" || approved, || Witness {
                    resource: Some(rule.origin.address.clone()),
                    hops: targets.clone(),
                    ..Witness::new(format!(
                        "queries for {} are forwarded to {}",
                        rule.domain.text().unwrap_or("names not known"),
                        targets.join(", ")
                    ))
                })
            });
            Answer::about(
                &rule.origin,
                verdict,
                format!("resolver rule for {}", rule.domain.text().unwrap_or("names not known")),
            )
        })
        .collect()
}

pub(super) fn private_dns(case: &Case<'_>) -> Vec<Answer> {
    let interface = case.world.endpoints.iter().filter(|one| one.kind.text() == Some("Interface"));
    interface
        .map(|endpoint| {
            let verdict = endpoint.private_dns.judge(|on| {
                Verdict::holds(*on, || Witness {
                    resource: Some(endpoint.origin.address.clone()),
                    ..Witness::new(
                        "the service's own name does not resolve to the endpoint, so clients look for it outside",
                    )
                })
            });
            Answer::about(&endpoint.origin, verdict, "the service's own name resolves to the endpoint")
        })
        .collect()
}
