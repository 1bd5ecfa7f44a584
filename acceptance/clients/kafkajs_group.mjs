// A consumer group of kafkajs: two members share a topic, offsets survive both of them.
//
// Run it in the folder where kafkajs is installed: node PATH/kafkajs_group.mjs BOOTSTRAP TOPIC GROUP [COUNT]: the topic has no records and at least two partitions. Produces COUNT
// records with acks=all; two members read all of them, each once, with disjoint partitions; more is produced; a new member of
// the same group reads exactly that. Exit code 1 with a message when anything differs.

import { createHash } from "node:crypto";
import { createRequire } from "node:module";

// Packages are installed in a cache folder, never in the checkout: they are found from there.
const { Kafka, logLevel } = createRequire(`${process.cwd()}/`)("kafkajs");
const [bootstrap, topic, group, count = "200"] = process.argv.slice(2);
const wanted = Number(count);
const DEADLINE_MS = 60_000;

function fail(text) {
  console.error(`FAILED: ${text}`);
  process.exit(1);
}

if (!group) fail("usage: kafkajs_group.mjs BOOTSTRAP TOPIC GROUP [COUNT]");
setTimeout(() => fail(`nothing was decided within ${DEADLINE_MS / 1000} s: ${state()}`), DEADLINE_MS).unref();

const kafka = new Kafka({ clientId: "kafkajs_group", brokers: bootstrap.split(","), logLevel: logLevel.ERROR });
const members = [];

function state() {
  return members.map((one) => `${one.name}: partitions [${one.partitions}], ${one.read.length} records`).join("; ");
}

const sum = (text) => createHash("sha256").update(text).digest("hex");

// `<id> <checksum of the body> <body>`, the body following from the id.
function make(id) {
  const body = sum(id).repeat(4);
  return `${id} ${sum(body)} ${body}`;
}

async function produce(run) {
  const producer = kafka.producer();
  await producer.connect();
  const ids = Array.from({ length: wanted }, (_, number) => `${run}-${String(number).padStart(6, "0")}`);
  for (let at = 0; at < ids.length; at += 50) {
    const messages = ids.slice(at, at + 50).map((id) => ({ key: id, value: make(id) }));
    await producer.send({ topic, acks: -1, messages });
  }
  await producer.disconnect();
  return ids;
}

async function join(name) {
  const consumer = kafka.consumer({ groupId: group, sessionTimeout: 10_000, heartbeatInterval: 500, rebalanceTimeout: 10_000, maxWaitTimeInMs: 200 });
  const member = { name, consumer, partitions: [], read: [], joined: 0 };
  members.push(member);
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    member.partitions = payload.memberAssignment[topic] ?? [];
    member.joined += 1;
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    autoCommit: true,
    autoCommitThreshold: 1,
    eachMessage: async ({ message }) => {
      const text = message.value.toString();
      const id = text.split(" ", 1)[0];
      if (text !== make(id)) fail(`the record ${id} is damaged`);
      member.read.push(id);
    },
  });
  return member;
}

async function until(condition) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 50));
}

const both = () => members.slice(0, 2).flatMap((one) => one.read);
const shared = () => {
  const [first, second] = members.map((one) => one.partitions);
  return first.length > 0 && second.length > 0 && !first.some((partition) => second.includes(partition));
};

const ids = await produce(`${group}-a`);
const first = await join("first");
const second = await join("second");
await until(shared);
await until(() => new Set(both()).size >= wanted);
if (both().some((id) => !ids.includes(id))) fail("the group read records that were not produced");
const partitions = first.partitions.length + second.partitions.length;
await second.consumer.disconnect();
await until(() => first.partitions.length === partitions);
await first.consumer.disconnect();

const more = await produce(`${group}-b`);
const third = await join("third");
await until(() => third.read.length >= wanted);
await third.consumer.disconnect();
const again = third.read.filter((id) => ids.includes(id)).length;
if (again > 0 || new Set(third.read).size !== more.length) fail(`after the restart ${again} records were read for the second time`);
console.log(JSON.stringify({ client: "kafkajs", produced: 2 * wanted, read: both().length + third.read.length }));
process.exit(0);
