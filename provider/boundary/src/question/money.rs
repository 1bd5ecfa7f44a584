//! I. Cost: what the platform costs a month, by path, from a dated price table and the contract's load.
//!
//! Invariant: what is not known is unknown, never nothing. Prices are list prices without taxes, savings plans and free tiers.

mod decimal;
mod price;

use super::{Absent, Answer, Case, How, Needs, Question};
use crate::{
    model::{Class, Fact, Origin, Reason, Verdict, Witness, network::RouteTarget},
    review::{At, Boundary, Cost, CostItem},
};
use decimal::Micro;
use price::{HOURS_PER_MONTH, Prices, prices};

/// Section I.
pub(super) const QUESTIONS: &[Question] = &[
    Question {
        id: "cost-known",
        title: "Is every item on the bill known before traffic flows?",
        requirements: &[25, 47, 89, 91],
        boundary: Boundary::Operational,
        how: How::Computed { ask: cost_known, none: Absent::Unread(Needs::Live, "pricing:GetProducts") },
    },
    Question {
        id: "cost-within-budget",
        title: "Does the estimate stay within the stated budget?",
        requirements: &[89],
        boundary: Boundary::Operational,
        how: How::Computed { ask: within_budget, none: Absent::Unstated("budget_usd_per_month") },
    },
    Question {
        id: "bill-items",
        title: "Which resources appear on the customer's bill, and which charges grow with use?",
        requirements: &[90],
        boundary: Boundary::Operational,
        how: How::Computed { ask: bill_items, none: Absent::Proves("nothing of this plan is billed") },
    },
    Question {
        id: "cost-measured",
        title: "How does the bill compare with the estimate?",
        requirements: &[92],
        boundary: Boundary::Operational,
        how: How::Later { needs: Needs::Live, what: "ce:GetCostAndUsage by tag" },
    },
];

/// The load, as micro-units; what is missing names itself.
struct Load {
    write: Fact<Micro>,
    fan_out: Fact<Micro>,
    hours: Fact<u64>,
    locality: Fact<Micro>,
}

fn load(case: &Case<'_>) -> Load {
    let missing = |name: &str| Reason::HumanMissing { attribute: format!("workload.{name}") };
    let stated = case.contract.workload.as_ref();
    let number = |text: Option<&String>, name: &str| match text {
        None => Fact::Unknown(missing(name)),
        Some(text) => match Micro::read(text) {
            Some(value) => Fact::Known(value),
            None => Fact::Unknown(Reason::Unsupported { construct: format!("workload.{name} = {text}") }),
        },
    };
    Load {
        write: number(stated.and_then(|one| one.write_mib_per_second.as_ref()), "write_mib_per_second"),
        fan_out: number(stated.and_then(|one| one.fan_out.as_ref()), "fan_out"),
        hours: stated
            .and_then(|one| one.retention_hours)
            .map_or(Fact::Unknown(missing("retention_hours")), Fact::Known),
        locality: number(stated.and_then(|one| one.zone_locality.as_ref()), "zone_locality"),
    }
}

fn both<A: Clone, B: Clone, C>(one: &Fact<A>, other: &Fact<B>, f: impl FnOnce(A, B) -> C) -> Fact<C> {
    match (one, other) {
        (Fact::Known(one), Fact::Known(other)) => Fact::Known(f(one.clone(), other.clone())),
        (Fact::Unknown(reason), _) | (_, Fact::Unknown(reason)) => Fact::Unknown(reason.clone()),
        (Fact::Symbolic(template), _) | (_, Fact::Symbolic(template)) => Fact::Symbolic(template.clone()),
    }
}

/// Everything on the bill of a world.
pub(super) fn cost(case: &Case<'_>) -> Cost {
    let region = case.world.region.text().unwrap_or_default();
    let Some(prices) = prices(region) else {
        return Cost { prices_of: price::DAY.into(), items: without_prices(case, region) };
    };
    let load = load(case);
    let mut items = fixed(case, &prices);
    items.extend(machines(case, &prices));
    items.extend(used(case, &prices, &load));
    items.sort();
    Cost { prices_of: price::DAY.into(), items }
}

/// A region without prices: one item that says so.
fn without_prices(case: &Case<'_>, region: &str) -> Vec<CostItem> {
    let reason = match case.world.region.reason() {
        Some(reason) => reason.clone(),
        None => Reason::Unsupported { construct: format!("prices of region {region}") },
    };
    vec![CostItem {
        what: "everything".into(),
        path: None,
        usage_based: true,
        monthly_micro_usd: Fact::Unknown(reason),
        at: At::default(),
    }]
}

fn at(origin: &Origin) -> At {
    At {
        address: Some(origin.address.clone()),
        place: origin.place.clone(),
        evidence: origin.evidence.iter().cloned().collect(),
    }
}

fn item(what: String, origin: &Origin, usage_based: bool, amount: Fact<i64>) -> CostItem {
    CostItem { what, path: None, usage_based, monthly_micro_usd: amount, at: at(origin) }
}

/// What costs the same however much is written.
fn fixed(case: &Case<'_>, prices: &Prices) -> Vec<CostItem> {
    let mut items = Vec::new();
    let world = case.world;
    for key in &world.keys {
        items.push(item("KMS key".into(), &key.origin, false, Fact::Known(prices.kms_key_month)));
    }
    for endpoint in &world.endpoints {
        let service = endpoint.service.text().unwrap_or("service").to_owned();
        let amount = match endpoint.kind.text() {
            Some("Gateway") => Fact::Known(0),
            Some("Interface") => Fact::Known(prices.endpoint_hour * HOURS_PER_MONTH * count(endpoint.subnets.len())),
            _ => Fact::Unknown(Reason::Unsupported {
                construct: format!("the price of endpoint {}", endpoint.origin.address),
            }),
        };
        let mut one =
            item(format!("endpoint {service}, {} zone(s)", endpoint.subnets.len()), &endpoint.origin, false, amount);
        one.path = Some(format!("service:{}", crate::reach::service_name(&service)));
        items.push(one);
    }
    for gateway in &world.gateways {
        let amount = match gateway.kind {
            RouteTarget::NatGateway => Fact::Known(prices.nat_hour * HOURS_PER_MONTH),
            RouteTarget::TransitGateway => Fact::Known(prices.transit_hour * HOURS_PER_MONTH),
            RouteTarget::InternetGateway | RouteTarget::EgressOnlyGateway | RouteTarget::Peering => Fact::Known(0),
            _ => Fact::Unknown(Reason::Unsupported { construct: format!("the price of {}", gateway.origin.address) }),
        };
        items.push(item(format!("{:?}", gateway.kind), &gateway.origin, false, amount));
    }
    for balancer in &world.load_balancers {
        items.push(item(
            "load balancer, by the hour".into(),
            &balancer.origin,
            false,
            Fact::Known(prices.balancer_hour * HOURS_PER_MONTH),
        ));
    }
    for address in &world.public_addresses {
        items.push(item(
            "public address".into(),
            &address.origin,
            false,
            Fact::Known(prices.public_address_hour * HOURS_PER_MONTH),
        ));
    }
    items
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Machines by the least size of their groups, and their volumes.
fn machines(case: &Case<'_>, prices: &Prices) -> Vec<CostItem> {
    let mut items = Vec::new();
    for machine in &case.world.machines {
        let groups: Vec<_> = case
            .world
            .scaling_groups
            .iter()
            .filter(|group| {
                let template = group.template.as_ref().and_then(Fact::text);
                template.is_some()
                    && (template == machine.id.text() || template == Some(machine.origin.address.as_str()))
            })
            .collect();
        let number = match groups.is_empty() {
            true => Fact::Known(1),
            false => {
                groups.iter().fold(Fact::Known(0_u64), |sum, group| both(&sum, &group.size.0, |sum, least| sum + least))
            }
        };
        let hour = match machine.instance_type.text() {
            Some(kind) => prices.machine_hour(kind).map_or_else(
                || Fact::Unknown(Reason::Unsupported { construct: format!("the price of {kind}") }),
                Fact::Known,
            ),
            None => Fact::Unknown(
                machine
                    .instance_type
                    .reason()
                    .cloned()
                    .unwrap_or(Reason::Unsupported { construct: "an instance type".into() }),
            ),
        };
        let number = number.map(|number| i64::try_from(number).unwrap_or(i64::MAX));
        let amount = both(&number, &hour, |number, hour| number.saturating_mul(hour).saturating_mul(HOURS_PER_MONTH));
        let kind = machine.instance_type.text().unwrap_or("instances");
        items.push(item(format!("{kind}, at the least size"), &machine.origin, false, amount));
        for volume in &machine.volumes {
            let size = match &volume.size_gib {
                Fact::Known(Some(size)) => Fact::Known(i64::try_from(*size).unwrap_or(i64::MAX)),
                Fact::Known(None) => Fact::Unknown(Reason::NotRead {
                    source: "aws".into(),
                    what: "ec2:DescribeImages (volume size)".into(),
                }),
                Fact::Unknown(reason) => Fact::Unknown(reason.clone()),
                Fact::Symbolic(template) => Fact::Symbolic(template.clone()),
            };
            let amount = both(&number, &size, |number, size| {
                number.saturating_mul(size).saturating_mul(prices.volume_gib_month)
            });
            items.push(item(format!("volume {}", volume.device), &machine.origin, false, amount));
        }
    }
    items
}

/// Seconds of a month of [`HOURS_PER_MONTH`].
const SECONDS_PER_MONTH: i64 = HOURS_PER_MONTH * 3_600;
/// Objects that one broker writes per second at most: one every 100 ms is the flush policy's budget.
const PUTS_PER_SECOND: i64 = 10;

/// What grows with use: storage, requests, traffic between zones.
fn used(case: &Case<'_>, prices: &Prices, load: &Load) -> Vec<CostItem> {
    let records =
        case.holdings.iter().find(|one| one.class == Some(Class::Payloads)).and_then(|one| one.store.origin());
    let Some(origin) = records else { return Vec::new() };
    let gib_month = load.write.clone().map(|write| write.times(SECONDS_PER_MONTH).over(1_024));
    let kept = both(&load.write, &load.hours, |write, hours| {
        write.times(i64::try_from(hours).unwrap_or(i64::MAX).saturating_mul(3_600)).over(1_024)
    });
    let storage = kept.map(|gib| gib.times_micro(prices.storage_gib_month));
    let puts = load.write.clone().map(|_| PUTS_PER_SECOND * SECONDS_PER_MONTH / 1_000 * prices.put_thousand);
    let reads = both(&gib_month, &load.fan_out, |gib, fan_out| gib.times_fraction(fan_out));
    // A reader's request is of 8 MiB at least when it is behind, and comes from memory when it is not.
    let gets = reads.clone().map(|gib| gib.times(128).over(1_000).times_micro(prices.get_thousand));
    let traffic = both(&gib_month, &reads, |written, read| written.plus(read));
    let crossing = both(&traffic, &load.locality, |gib, locality| gib.times_fraction(locality.complement()));
    let zones = crossing.map(|gib| gib.times_micro(prices.zone_gib_both_ways));
    let mut between = item("traffic between zones".into(), origin, true, zones);
    between.path = Some("cross-zone".into());
    let mut requests = item("object storage: writes".into(), origin, true, puts);
    requests.path = Some("service:s3".into());
    let mut reading = item("object storage: reads".into(), origin, true, gets);
    reading.path = Some("service:s3".into());
    let lines = case.world.log_groups.iter().map(|group| {
        let reason = Reason::HumanMissing { attribute: "workload.log_gib_per_month".into() };
        let stated = case.contract.statements.get("log_gib_per_month").and_then(|text| Micro::read(text));
        let amount = stated.map_or(Fact::Unknown(reason), |gib| Fact::Known(gib.times_micro(prices.log_gib)));
        item("log lines".into(), &group.origin, true, amount)
    });
    let mut items = vec![item("object storage: kept".into(), origin, true, storage), requests, reading, between];
    items.extend(lines);
    items
}

fn cost_known(case: &Case<'_>) -> Vec<Answer> {
    cost(case)
        .items
        .into_iter()
        .map(|one| {
            let verdict = one.monthly_micro_usd.judge(|_| Verdict::proved());
            let amount = one.monthly_micro_usd.known().map_or("not known".to_owned(), |micro| dollars(*micro));
            let subject = format!("{} ({})", one.what, one.at.address.as_deref().unwrap_or("all"));
            let mut answer = Answer::of(subject, verdict, format!("{}: {amount} a month", one.what));
            answer.address = one.at.address;
            answer.place = one.at.place;
            answer.evidence = one.at.evidence;
            answer
        })
        .collect()
}

/// `$12.34`
fn dollars(micro: i64) -> String {
    format!("${}.{:02}", micro / 1_000_000, micro % 1_000_000 / 10_000)
}

fn within_budget(case: &Case<'_>) -> Vec<Answer> {
    let Ok(text) = case.contract.statement("budget_usd_per_month") else { return Vec::new() };
    let cost = cost(case);
    let unknown: Verdict =
        Verdict::all(cost.items.iter().map(|one| one.monthly_micro_usd.judge(|_| Verdict::proved())));
    let known: i64 =
        cost.items.iter().filter_map(|one| one.monthly_micro_usd.known()).fold(0, |sum, one| sum.saturating_add(*one));
    let verdict = match Micro::read(text) {
        None => Verdict::unknown(Reason::Unsupported { construct: format!("budget_usd_per_month = {text}") }),
        // What is known already exceeds it, whatever the rest costs.
        Some(budget) if known > budget.micro() => {
            Verdict::violated(Witness::new(format!("{} a month are known, {text} are approved", dollars(known))))
        }
        Some(_) => unknown,
    };
    vec![Answer::of("budget", verdict, format!("{} a month are known, ${text} are approved", dollars(known)))]
}

fn bill_items(case: &Case<'_>) -> Vec<Answer> {
    let items = cost(case).items;
    if items.is_empty() {
        return Vec::new();
    }
    let growing = items.iter().filter(|one| one.usage_based).count();
    let sentence = format!("{} items, of which {growing} grow with use; prices of {}", items.len(), price::DAY);
    // An item whose price nobody wrote down is named, and no estimate.
    let unpriced = items.iter().filter_map(|one| one.monthly_micro_usd.reason());
    let unpriced = unpriced.filter(|one| matches!(one, Reason::Unsupported { .. })).cloned();
    let verdict = Verdict::all(unpriced.map(Verdict::unknown));
    vec![Answer::of("bill", verdict, sentence)]
}
