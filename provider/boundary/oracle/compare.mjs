// Answers cases with @cloud-copilot/iam-simulate. In: JSON lines of cases on standard input; out: JSON lines of answers.
import { createInterface } from "node:readline";
import { anonymousPrincipal, runSimulation } from "@cloud-copilot/iam-simulate";

const RESOURCE = ["resource", "trust", "key", "bucket"];
const everything = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] };
// RCPFullAWSAccess is there always and not written down: it takes denies only.
const denies = ({ policy }) => [policy.Statement].flat().every((statement) => statement.Effect === "Deny");

function simulation(one) {
  const of = (word) => one.documents.filter((document) => document.layer === word);
  const named = (word) => of(word).map((document, at) => ({ name: `${word}-${at + 1}`, policy: document.policy }));
  const levels = (word, fallback, takes) => {
    const by = new Map();
    for (const document of of(word).filter(takes)) by.set(document.level, [...(by.get(document.level) ?? []), document]);
    const level = ([at, list]) => ({
      orgIdentifier: `level-${at}`,
      policies: list.map((document, number) => ({ name: `${word}-${at}-${number}`, policy: document.policy })),
    });
    return by.size ? [...by.entries()].map(level) : [{ orgIdentifier: "r-1", policies: fallback }];
  };
  const endpoint = [...named("gateway"), ...named("interface")];
  const anonymous = one.principal === null;
  return {
    request: {
      principal: anonymous ? anonymousPrincipal : one.principal,
      action: one.action,
      resource: { resource: one.resource, accountId: one.account },
      contextVariables: one.context,
    },
    identityPolicies: anonymous ? [] : named("identity"),
    serviceControlPolicies: anonymous ? [] : levels("scp", [{ name: "all", policy: everything }], () => true),
    resourceControlPolicies: levels("rcp", [], denies),
    resourcePolicy: one.documents.find((document) => RESOURCE.includes(document.layer))?.policy,
    sessionPolicy: of("session")[0]?.policy,
    permissionBoundaryPolicies: of("boundary").length ? named("boundary") : undefined,
    vpcEndpointPolicies: endpoint.length ? endpoint : undefined,
    additionalSettings: { s3: { blockPublicAccess: one.restrict_public } },
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  const one = JSON.parse(line);
  let answer;
  try {
    const result = await runSimulation(simulation(one), {});
    if (result.resultType === "error") answer = { error: result.errors.message, detail: JSON.stringify(result.errors) };
    else answer = { decision: result.overallResult, ignored: result.result?.ignoredContextKeys ?? [] };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(`${JSON.stringify({ place: one.place, ...answer })}\n`);
}
