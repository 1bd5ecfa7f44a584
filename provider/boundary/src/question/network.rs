//! D. Network paths: what reaches what, who approved it, and until when.

mod dns;
mod endpoint;

use std::collections::BTreeSet;

use super::{Absent, Answer, Case, How, Needs, Question};
use crate::{
    model::{
        Fact, Reason, Verdict, Witness,
        contract::{ApprovedPath, matches},
        network::{Direction, RouteTarget},
    },
    reach::{Flow, Leads, cidr::Cidr},
    review::Boundary,
};

/// Section D.
pub(super) const QUESTIONS: &[Question] = &[
    Question {
        id: "paths-declared",
        title: "Is every path that the network admits approved?",
        requirements: &[40, 46, 48],
        boundary: Boundary::Operational,
        how: How::Computed { ask: paths_declared, none: Absent::Unread(Needs::Live, "ec2:DescribeSecurityGroupRules") },
    },
    Question {
        id: "no-way-out",
        title: "Can anything that runs send data to another network or the internet?",
        requirements: &[13, 39, 46],
        boundary: Boundary::Operational,
        how: How::Computed { ask: no_way_out, none: Absent::Unread(Needs::Live, "ec2:DescribeRouteTables") },
    },
    Question {
        id: "routes-declared",
        title: "Is every route out of a VPC approved?",
        requirements: &[40, 43, 46],
        boundary: Boundary::Operational,
        how: How::Computed { ask: routes_declared, none: Absent::Proves("no route leaves a VPC") },
    },
    Question {
        id: "path-terms",
        title: "Has every approved path an owner, a purpose and an encryption?",
        requirements: &[41, 42],
        boundary: Boundary::Operational,
        how: How::Computed { ask: path_terms, none: Absent::Unstated("paths") },
    },
    Question {
        id: "endpoint-terms",
        title: "Has every endpoint an owner and a purpose?",
        requirements: &[41],
        boundary: Boundary::Operational,
        how: How::Computed { ask: endpoint::endpoint_terms, none: Absent::Proves("there is no endpoint") },
    },
    Question {
        id: "path-audit",
        title: "Is every VPC's traffic recorded?",
        requirements: &[41],
        boundary: Boundary::Operational,
        how: How::Computed { ask: path_audit, none: Absent::Unread(Needs::Live, "ec2:DescribeFlowLogs") },
    },
    Question {
        id: "temporary-paths",
        title: "Is every temporary path still within its term?",
        requirements: &[42, 49],
        boundary: Boundary::Operational,
        how: How::Computed { ask: temporary, none: Absent::Proves("no path is temporary") },
    },
    Question {
        id: "private-only",
        title: "Is there no public address, and no load balancer that faces the internet?",
        requirements: &[43],
        boundary: Boundary::Operational,
        how: How::Computed { ask: private_only, none: Absent::Proves("nothing could have a public address") },
    },
    Question {
        id: "dns-firewall",
        title: "Do DNS queries leave the VPC only for listed names?",
        requirements: &[44, 46],
        boundary: Boundary::Operational,
        how: How::Computed {
            ask: dns::dns_firewall,
            none: Absent::Unread(Needs::Live, "route53resolver:ListFirewallRuleGroupAssociations"),
        },
    },
    Question {
        id: "dns-forwarding",
        title: "Are DNS queries forwarded to anybody?",
        requirements: &[44],
        boundary: Boundary::Operational,
        how: How::Computed { ask: dns::dns_forwarding, none: Absent::Proves("no resolver rule forwards queries") },
    },
    Question {
        id: "private-dns",
        title: "Do services' own names resolve to the endpoints?",
        requirements: &[44],
        boundary: Boundary::Operational,
        how: How::Computed { ask: dns::private_dns, none: Absent::Proves("there is no interface endpoint") },
    },
    Question {
        id: "endpoint-policy",
        title: "Does every endpoint admit only our principals to only our resources?",
        requirements: &[39, 45, 46],
        boundary: Boundary::Operational,
        how: How::Computed {
            ask: endpoint::endpoint_policy,
            none: Absent::Unread(Needs::Live, "ec2:DescribeVpcEndpoints"),
        },
    },
    Question {
        id: "records-through-endpoints",
        title: "Are records refused to whoever does not come through our endpoints?",
        requirements: &[45, 46, 66],
        boundary: Boundary::Operational,
        how: How::Computed { ask: endpoint::through_endpoints, none: Absent::Unstated("classes.payloads.stores") },
    },
    Question {
        id: "client-entry",
        title: "Is every way in for clients of other accounts approved one by one?",
        requirements: &[40, 43],
        boundary: Boundary::Operational,
        how: How::Computed { ask: client_entry, none: Absent::Proves("there is no PrivateLink service") },
    },
    Question {
        id: "cross-zone",
        title: "What does traffic between zones cost?",
        requirements: &[47],
        boundary: Boundary::Operational,
        how: How::Computed { ask: cross_zone, none: Absent::Proves("there is one zone") },
    },
    Question {
        id: "zone-awareness",
        title: "Do brokers serve clients within their zone?",
        requirements: &[47],
        boundary: Boundary::Operational,
        how: How::Later { needs: Needs::Broker, what: "the broker's zones and follower reads" },
    },
    Question {
        id: "control-plane-blocked",
        title: "What happens when the control plane's endpoint is blocked?",
        requirements: &[50],
        boundary: Boundary::Recovery,
        how: How::Later { needs: Needs::Rehearsal, what: "blocked control-plane endpoint" },
    },
];

/// The approved path that a flow is, if any.
pub(super) fn approval<'c>(case: &'c Case<'_>, flow: &Flow) -> Option<&'c ApprovedPath> {
    case.contract.paths.iter().find(|path| {
        let from = path.from == flow.from || flow.from_names.iter().any(|name| matches(&path.from, name));
        let to = path.to == flow.to || flow.to_names.iter().any(|name| is_end(&path.to, name));
        let port = match (path.port, flow.ports) {
            (None, _) => true,
            (Some(port), Some((first, last))) => i64::try_from(port).is_ok_and(|port| first == port && last == port),
            (Some(_), None) => false,
        };
        from && to && port
    })
}

/// A name, or a range within an approved range.
fn is_end(approved: &str, name: &str) -> bool {
    let within = || Some(Cidr::read(approved)?.contains(Cidr::read(name)?));
    matches(approved, name) || within() == Some(true)
}

/// Ports as texts.
pub(super) fn ports(flow: &Flow) -> String {
    match flow.ports {
        None => "all".into(),
        Some((first, last)) if first == last => first.to_string(),
        Some((first, last)) => format!("{first}-{last}"),
    }
}

fn described(flow: &Flow) -> String {
    format!("{} -> {} ({} {})", flow.from, flow.to, flow.protocol, ports(flow))
}

fn path_witness(flow: &Flow, what: String) -> Witness {
    Witness {
        principal: Some(flow.from.clone()),
        resource: Some(flow.to.clone()),
        hops: flow.hops.clone(),
        ..Witness::new(what)
    }
}

fn paths_declared(case: &Case<'_>) -> Vec<Answer> {
    let unstated = case.contract.paths.is_empty();
    case.flows
        .iter()
        .map(|flow| {
            let what = described(flow);
            let verdict = match approval(case, flow) {
                Some(_) => Verdict::proved(),
                None if flow.to_names.is_empty() => Verdict::Unknown(flow.unsure.clone()),
                None if unstated => Verdict::unknown(Reason::HumanMissing { attribute: "paths".into() }),
                None if !flow.unsure.is_empty() => Verdict::Unknown(flow.unsure.clone()),
                None => Verdict::violated(path_witness(
                    flow,
                    format!("{what} is open and the contract does not approve it"),
                )),
            };
            from_flow(flow, verdict, what)
        })
        .collect()
}

fn from_flow(flow: &Flow, verdict: Verdict, sentence: String) -> Answer {
    let mut answer = Answer::of(described(flow), verdict, sentence);
    answer.address = Some(flow.address.clone());
    answer.place.clone_from(&flow.place);
    answer.evidence.extend(flow.evidence.clone());
    answer
}

/// One answer per machine: no flow of it leads out, unless the contract approves that very end.
fn no_way_out(case: &Case<'_>) -> Vec<Answer> {
    let mut sources: BTreeSet<&str> = BTreeSet::new();
    let outwards = || case.flows.iter().filter(|flow| flow.direction == Direction::Egress);
    sources.extend(outwards().map(|flow| flow.from.as_str()));
    sources
        .into_iter()
        .map(|source| {
            let own: Vec<&Flow> = outwards().filter(|flow| flow.from == source).collect();
            let verdict = Verdict::all(own.iter().map(|flow| leaves(case, flow)));
            let leaving = own.iter().find(|flow| leaves(case, flow).is_violated());
            let sentence = match leaving {
                Some(flow) => format!("{source} reaches {}", flow.to),
                None => format!("{source} reaches its VPC and endpoints only"),
            };
            let mut answer = Answer::of(source, verdict, sentence);
            let flow = leaving.or(own.first());
            answer.address = flow.map(|flow| flow.address.clone());
            answer.place = flow.and_then(|flow| flow.place.clone());
            answer.evidence.extend(own.iter().filter_map(|flow| flow.evidence.clone()));
            answer
        })
        .collect()
}

fn leaves(case: &Case<'_>, flow: &Flow) -> Verdict {
    let out = matches!(flow.leads, Leads::Internet | Leads::OtherNetwork | Leads::Elsewhere);
    if !out || approval(case, flow).is_some() {
        return Verdict::proved();
    }
    if !flow.unsure.is_empty() {
        return Verdict::Unknown(flow.unsure.clone());
    }
    Verdict::violated(path_witness(flow, format!("{} can send anything to {}", flow.from, flow.to)))
}

fn routes_declared(case: &Case<'_>) -> Vec<Answer> {
    let mut found = Vec::new();
    for table in &case.world.route_tables {
        for route in table.routes.iter().filter(|route| route.target != RouteTarget::Endpoint) {
            let to = route.destination.text().unwrap_or("(not known)");
            let target = route.target_id.text().unwrap_or("(not known)");
            let leads = crate::reach::leads_of(case.world, route);
            let mut names = vec![to, target, route.origin.address.as_str()];
            if leads == Leads::Internet {
                names.push("internet");
            }
            let own: Vec<&str> = table
                .subnets
                .iter()
                .filter_map(Fact::text)
                .chain([table.origin.address.as_str()])
                .chain(table.vpc.text())
                .collect();
            let approved = case.contract.paths.iter().any(|path| {
                names.iter().any(|name| matches(&path.to, name)) && own.iter().any(|name| matches(&path.from, name))
            });
            let verdict = Verdict::holds(approved, || Witness {
                principal: Some(table.origin.address.clone()),
                resource: Some(target.to_owned()),
                hops: vec![format!("route {to} -> {target}")],
                ..Witness::new(format!("{to} leaves the VPC through {target}, which no approved path names"))
            });
            let sentence = format!("{} sends {to} to {target}", table.origin.address);
            found.push(Answer::about(&route.origin, verdict, sentence).named(format!("{} {to}", route.origin.address)));
        }
        if let Some(reason) = &table.more_routes {
            found.push(Answer::about(&table.origin, Verdict::unknown(reason.clone()), "further routes were not read"));
        }
    }
    found
}

fn path_terms(case: &Case<'_>) -> Vec<Answer> {
    let missing =
        |path: &ApprovedPath, attribute: &str, value: Option<&str>| match value.filter(|text| !text.is_empty()) {
            Some(_) => Verdict::proved(),
            None => Verdict::unknown(Reason::HumanMissing { attribute: format!("paths.{}.{attribute}", path.name) }),
        };
    case.contract
        .paths
        .iter()
        .map(|path| {
            let verdict = Verdict::all([
                missing(path, "owner", path.owner.as_deref()),
                missing(path, "purpose", path.purpose.as_deref()),
                missing(path, "encryption", path.encryption.as_deref()),
                missing(path, "mode", path.mode.as_deref()),
            ]);
            Answer::of(path.name.clone(), verdict, format!("approved path {}: {} -> {}", path.name, path.from, path.to))
                .in_contract(path.place.as_ref())
        })
        .collect()
}

fn path_audit(case: &Case<'_>) -> Vec<Answer> {
    case.world
        .vpcs
        .iter()
        .map(|vpc| {
            let covering =
                case.world.flow_logs.iter().filter(|log| log.of.text().is_some() && log.of.text() == vpc.id.text());
            let verdict = Verdict::any(
                covering.map(|log| {
                    log.traffic.judge_text(|traffic| {
                        Verdict::holds(traffic == "ALL", || Witness {
                            resource: Some(log.origin.address.clone()),
                            ..Witness::new(format!("the flow log records {traffic} only"))
                        })
                    })
                }),
                || Witness {
                    resource: Some(vpc.origin.address.clone()),
                    ..Witness::new("no flow log records the traffic of this VPC")
                },
            );
            Answer::about(&vpc.origin, verdict, "all traffic of the VPC is recorded by a flow log")
        })
        .collect()
}

/// Tags by which people mark a rule as temporary.
const EXPIRY_TAGS: &[&str] = &["expires", "expires_at", "expiry"];

fn temporary(case: &Case<'_>) -> Vec<Answer> {
    let mut found = Vec::new();
    for path in &case.contract.paths {
        let temporary = path.mode.as_deref().is_some_and(|mode| mode != "steady");
        let Some(expires) = &path.expires else {
            if temporary {
                let reason = Reason::HumanMissing { attribute: format!("paths.{}.expires", path.name) };
                found.push(
                    Answer::of(
                        path.name.clone(),
                        Verdict::unknown(reason),
                        format!("{} is temporary without a last day", path.name),
                    )
                    .in_contract(path.place.as_ref()),
                );
            }
            continue;
        };
        let open: Vec<&Flow> =
            case.flows.iter().filter(|flow| approval(case, flow).is_some_and(|one| one.name == path.name)).collect();
        let verdict = Verdict::holds(!case.is_past(expires) || open.is_empty(), || Witness {
            hops: open.first().map(|flow| flow.hops.clone()).unwrap_or_default(),
            resource: Some(path.to.clone()),
            principal: Some(path.from.clone()),
            ..Witness::new(format!("{} was approved until {expires} and is still open", path.name))
        });
        let mut answer = Answer::of(path.name.clone(), verdict, format!("{} is approved until {expires}", path.name));
        answer.address = open.first().map(|flow| flow.address.clone());
        answer.place = open.first().and_then(|flow| flow.place.clone());
        answer.evidence.extend(open.iter().filter_map(|flow| flow.evidence.clone()));
        found.push(answer.in_contract(path.place.as_ref()));
    }
    let rules = case.world.security_groups.iter().flat_map(|group| &group.rules);
    for rule in rules {
        let tagged = EXPIRY_TAGS.iter().find_map(|tag| rule.origin.tag(tag));
        let written = rule.description.text().and_then(expiry_in);
        let Some(expires) = tagged.or(written) else { continue };
        let verdict = Verdict::holds(!case.is_past(expires), || Witness {
            resource: Some(rule.origin.address.clone()),
            ..Witness::new(format!("the rule was to go by {expires} and is still there"))
        });
        found.push(Answer::about(&rule.origin, verdict, format!("a rule until {expires}")));
    }
    found
}

/// `expires 2026-12-31` or `expires=2026-12-31` in a description.
fn expiry_in(text: &str) -> Option<&str> {
    let at = text.find("expires")?;
    let rest = text.get(at + "expires".len()..)?.trim_start_matches([' ', '=', ':']);
    let day = rest.get(..10)?;
    let shape = day.char_indices().all(|(at, one)| if at == 4 || at == 7 { one == '-' } else { one.is_ascii_digit() });
    shape.then_some(day)
}

fn private_only(case: &Case<'_>) -> Vec<Answer> {
    let mut found = Vec::new();
    let bad = |what: String, address: &str| Witness { resource: Some(address.to_owned()), ..Witness::new(what) };
    for subnet in &case.world.subnets {
        let address = &subnet.origin.address;
        let verdict = subnet.public_addresses.judge(|on| {
            Verdict::holds(!on, || bad(format!("{address} gives every interface a public address"), address))
        });
        found.push(Answer::about(&subnet.origin, verdict, "gives no public addresses"));
    }
    for machine in &case.world.machines {
        let address = &machine.origin.address;
        // Without an own setting the subnet decides, which is judged above.
        let verdict = machine.public_address.as_ref().map_or(Verdict::proved(), |fact| {
            fact.judge(|on| Verdict::holds(!on, || bad(format!("{address} asks for a public address"), address)))
        });
        found.push(Answer::about(&machine.origin, verdict, "asks for no public address"));
    }
    for balancer in &case.world.load_balancers {
        let address = &balancer.origin.address;
        let verdict =
            balancer.internal.judge(|on| Verdict::holds(*on, || bad(format!("{address} faces the internet"), address)));
        found.push(Answer::about(&balancer.origin, verdict, "has private addresses only"));
    }
    for public in &case.world.public_addresses {
        let address = &public.origin.address;
        let of_nat = case.world.gateways.iter().any(|one| {
            one.kind == RouteTarget::NatGateway
                && one.origin.address == *public.of.as_ref().and_then(Fact::text).unwrap_or_default()
        });
        let of = public.of.as_ref().and_then(Fact::text).unwrap_or(if of_nat { "a NAT gateway" } else { "nobody yet" });
        found.push(Answer::about(
            &public.origin,
            Verdict::violated(bad(format!("{address} is a public address of {of}"), address)),
            "is a public address",
        ));
    }
    found
}

fn client_entry(case: &Case<'_>) -> Vec<Answer> {
    case.world
        .endpoint_services
        .iter()
        .map(|service| {
            let approval = service.approval.judge(|on| {
                Verdict::holds(*on, || Witness {
                    resource: Some(service.origin.address.clone()),
                    ..Witness::new("connections are accepted without anybody's approval")
                })
            });
            let principals = service.principals.judge(|arns| {
                Verdict::all(arns.iter().map(|arn| {
                    let account = arn.split(':').nth(4).unwrap_or_default();
                    let known = case.contract.accounts.iter().any(|one| one == account)
                        || case.contract.paths.iter().any(|path| matches(&path.from, arn));
                    Verdict::holds(known, || Witness {
                        principal: Some(arn.clone()),
                        resource: Some(service.origin.address.clone()),
                        ..Witness::new(format!("{arn} may connect and no approved path begins there"))
                    })
                }))
            });
            Answer::about(&service.origin, approval.and(principals), "clients of other accounts connect one by one")
        })
        .collect()
}

fn cross_zone(case: &Case<'_>) -> Vec<Answer> {
    let zones: BTreeSet<&str> = case.world.subnets.iter().filter_map(|one| one.zone.text()).collect();
    if zones.len() < 2 {
        return Vec::new();
    }
    let stated = case.contract.workload.as_ref().and_then(|one| one.zone_locality.as_ref());
    let verdict = match stated {
        Some(_) => Verdict::proved(),
        None => Verdict::unknown(Reason::HumanMissing { attribute: "workload.zone_locality".into() }),
    };
    vec![Answer::of(
        "zones",
        verdict,
        format!("{} zones; traffic between them is priced by the stated locality", zones.len()),
    )]
}
