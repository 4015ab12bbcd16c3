// What a user of the Node client does, before and after the server was restarted.
//   node scenario.js <connection string> before|after
const assert = require("node:assert/strict");
const {
  EventStoreDBClient, jsonEvent, streamNameFilter, eventTypeFilter, persistentSubscriptionToStreamSettingsFromDefaults,
  START, END, FORWARDS, BACKWARDS, NO_STREAM, ANY, PARK,
  WrongExpectedVersionError, StreamNotFoundError, StreamDeletedError,
} = require("@eventstore/db-client");

const [url, part] = process.argv.slice(2);
const client = EventStoreDBClient.connectionString(url);
const event = (type, number) => jsonEvent({ type, data: { number }, metadata: { $correlationId: "n" } });
const numbers = (events) => events.map(({ event }) => event.data.number);

async function collect(events, count) {
  const found = [];
  if (count === 0) return found;
  for await (const one of events) {
    found.push(one);
    if (found.length === count) break;
  }
  return found;
}

async function rejects(promise, type) {
  await assert.rejects(async () => promise(), (error) => error instanceof type || assert.fail(`${error}`));
}

async function before() {
  const first = [event("Opened", 0), event("Moved", 1), event("Closed", 2)];
  const written = await client.appendToStream("node.box-1", first, { expectedRevision: NO_STREAM });
  assert.equal(written.nextExpectedRevision, 2n);
  await rejects(
    () => client.appendToStream("node.box-1", event("Opened", 9), { expectedRevision: NO_STREAM }),
    WrongExpectedVersionError,
  );
  const again = await client.appendToStream("node.box-1", first, { expectedRevision: NO_STREAM });
  assert.deepEqual(again.position, written.position);
  await client.appendToStream("node.box-2", event("Opened", 3), { expectedRevision: ANY });

  const read = await collect(client.readStream("node.box-1", { direction: FORWARDS, fromRevision: START }));
  assert.deepEqual(numbers(read), [0, 1, 2]);
  assert.equal(read[0].event.metadata.$correlationId, "n");
  const newest = await collect(client.readStream("node.box-1", { direction: BACKWARDS, fromRevision: END, maxCount: 1 }));
  assert.deepEqual(numbers(newest), [2]);
  await rejects(() => collect(client.readStream("node.nothing")), StreamNotFoundError);

  const opened = client.subscribeToAll({ fromPosition: START, filter: eventTypeFilter({ prefixes: ["Opened"] }) });
  assert.deepEqual(numbers(await collect(opened, 2)), [0, 3]);
  await opened.unsubscribe();
  const live = client.subscribeToAll({ fromPosition: END, filter: streamNameFilter({ regex: "^node\\.box-\\d$" }) });
  const coming = collect(live, 1);
  await new Promise((confirmed) => live.once("confirmation", confirmed));
  await client.appendToStream("node.other-1", event("Opened", 4));
  await client.appendToStream("node.box-2", event("Moved", 5));
  assert.deepEqual(numbers(await coming), [5]);
  await live.unsubscribe();
  const category = await collect(client.readStream("$ce-node.box", { resolveLinkTos: true }));
  assert.deepEqual(numbers(category), [0, 1, 2, 3, 5]);
  assert.equal(category[0].link.type, "$>");

  const settings = persistentSubscriptionToStreamSettingsFromDefaults({ startFrom: START, checkPointLowerBound: 1, checkPointAfter: 1 });
  await client.createPersistentSubscriptionToStream("node.box-1", "workers", settings);
  const work = client.subscribeToPersistentSubscriptionToStream("node.box-1", "workers");
  for (const one of await collect(work, 3)) {
    if (one.event.data.number === 1) await work.nack(PARK, "not now", one);
    else await work.ack(one);
  }
  for (;;) {
    const info = await client.getPersistentSubscriptionToStreamInfo("node.box-1", "workers");
    if (info.stats.parkedMessageCount === 1n || info.stats.parkedMessageCount === 1) break;
  }
  await work.unsubscribe();
}

async function after() {
  const all = await client.listAllPersistentSubscriptions();
  assert.deepEqual(all.map(({ groupName }) => groupName), ["workers"]);
  await client.replayParkedMessagesToStream("node.box-1", "workers");
  const work = client.subscribeToPersistentSubscriptionToStream("node.box-1", "workers");
  const [parked] = await collect(work, 1);
  assert.equal(parked.event.data.number, 1);
  await work.ack(parked);
  await work.unsubscribe();
  await client.deletePersistentSubscriptionToStream("node.box-1", "workers");

  await client.setStreamMetadata("node.box-1", { maxCount: 2 });
  assert.deepEqual(numbers(await collect(client.readStream("node.box-1"))), [1, 2]);
  await client.deleteStream("node.box-1", { expectedRevision: 2n });
  await rejects(() => collect(client.readStream("node.box-1")), StreamNotFoundError);
  const back = await client.appendToStream("node.box-1", event("Opened", 6), { expectedRevision: NO_STREAM });
  assert.equal(back.nextExpectedRevision, 3n);
  assert.deepEqual(numbers(await collect(client.readStream("node.box-1"))), [6]);
  await client.tombstoneStream("node.box-2");
  await rejects(() => client.appendToStream("node.box-2", event("Opened", 7)), StreamDeletedError);
  await rejects(() => collect(client.readStream("node.box-2")), StreamDeletedError);
}

(part === "before" ? before() : after()).then(() => client.dispose()).then(
  () => process.exit(0),
  (error) => { console.error(error); process.exit(1); },
);
