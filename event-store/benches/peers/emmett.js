// Emmett on Postgres, in the database that PGHOST and its like name.
//   node emmett.js WRITERS SECONDS
const { randomUUID } = require("node:crypto");
const { performance } = require("node:perf_hooks");
const { getPostgreSQLEventStore } = require("@event-driven-io/emmett-postgresql");
const { readFileSync } = require("node:fs");
const { dirname, join } = require("node:path");
const { Pool } = require("pg");

// The package does not export it.
const folder = dirname(dirname(require.resolve("@event-driven-io/emmett-postgresql")));
const { version } = JSON.parse(readFileSync(join(folder, "package.json")));

const [writers, seconds] = process.argv.slice(2).map(Number);
// Fewer are not faster.
const connections = 64;
const { PGUSER, PGDATABASE, PGHOST } = process.env;
const connectionString = `postgresql://${PGUSER}@localhost/${PGDATABASE}?host=${PGHOST}`;
const pool = new Pool({ connectionString, max: Math.min(writers, connections) });
const store = getPostgreSQLEventStore(connectionString, { connectionOptions: { pool } });

const frame = JSON.stringify({ id: randomUUID(), text: "" }).length;
const event = () => ({ type: "Applied", data: { id: randomUUID(), text: "x".repeat(300 - frame) } });
// Its STREAM_DOES_NOT_EXIST is not checked on Postgres; version 0 is.
const append = (stream) => store.appendToStream(stream, [event()], { expectedStreamVersion: 0n });

async function main() {
  await store.schema.migrate();
  await append("apply-twice");
  const again = await append("apply-twice").then(() => true, () => false);
  if (again) throw new Error("Emmett let a stream begin twice");

  const begin = performance.now() + 1000;
  const end = begin + seconds * 1000;
  const latencies = [];
  await Promise.all(Array.from({ length: writers }, async () => {
    for (;;) {
      const stream = `apply-${randomUUID()}`;
      const sent = performance.now();
      await append(stream);
      const done = performance.now();
      if (done >= end) return;
      if (done >= begin) latencies.push(done - sent);
    }
  }));
  latencies.sort((a, b) => a - b);
  const at = (part) => Math.round(latencies[Math.floor((latencies.length - 1) * part)] * 1000);
  const settings = `appendToStream in one Node process, over at most ${connections} connections`;
  console.log(JSON.stringify({
    peer: "Emmett on Postgres", version, settings, writers,
    per_second: latencies.length / seconds, p50_us: at(0.5), p99_us: at(0.99),
  }));
  await store.close();
  await pool.end();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
