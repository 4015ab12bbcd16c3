"""The Python library eventsourcing, on SQLite or in the Postgres database that PGHOST and its like name.

python_eventsourcing.py sqlite|postgres WRITERS SECONDS
"""

import json
import os
import sys
import threading
import time
from importlib.metadata import version
from uuid import uuid4

from eventsourcing.persistence import InfrastructureFactory, StoredEvent
from eventsourcing.utils import Environment

# Fewer are not faster.
CONNECTIONS = 64
NAMES = {"sqlite": "eventsourcing (Python) on SQLite", "postgres": "eventsourcing (Python) on Postgres"}
SETTINGS = {
    "sqlite": "its application recorder, threads of one process, WAL and a sync for every commit",
    "postgres": f"its application recorder with database functions, threads of one process, at most {CONNECTIONS} connections",
}

kind, writers, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
environment = {
    "sqlite": {
        "PERSISTENCE_MODULE": "eventsourcing.sqlite",
        "SQLITE_DBNAME": "events.db",
    },
    "postgres": {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": os.environ.get("PGDATABASE", ""),
        "POSTGRES_HOST": os.environ.get("PGHOST", ""),
        "POSTGRES_USER": os.environ.get("PGUSER", ""),
        "POSTGRES_PASSWORD": "",
        "POSTGRES_POOL_SIZE": str(min(writers, CONNECTIONS)),
        "POSTGRES_MAX_OVERFLOW": "0",
        "POSTGRES_ENABLE_DB_FUNCTIONS": "y",
    },
}
factory = InfrastructureFactory.construct(Environment(name="peer", env=environment[kind]))
recorder = factory.application_recorder()


def append(stream):
    # The first version of a stream can be inserted once.
    identity = str(uuid4())
    frame = len(json.dumps({"id": identity, "text": ""}))
    state = json.dumps({"id": identity, "text": "x" * (300 - frame)}).encode()
    event = StoredEvent(originator_id=stream, originator_version=1, topic="Applied", state=state)
    recorder.insert_events([event])


def write(begin, end, latencies):
    while True:
        stream = uuid4()
        sent = time.monotonic()
        append(stream)
        done = time.monotonic()
        if done >= end:
            return
        if done >= begin:
            latencies.append(done - sent)


def main():
    if kind == "sqlite":
        with recorder.datastore.transaction(commit=False) as cursor:
            cursor.execute("PRAGMA synchronous")
            assert cursor.fetchone()[0] >= 2, "SQLite does not sync every commit here"
    twice = uuid4()
    append(twice)
    try:
        append(twice)
    except Exception:
        pass
    else:
        sys.exit("eventsourcing let a stream begin twice")

    begin = time.monotonic() + 1
    end = begin + seconds
    latencies = []
    threads = [threading.Thread(target=write, args=(begin, end, latencies)) for _ in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    latencies.sort()
    print(json.dumps({
        "peer": NAMES[kind],
        "version": version("eventsourcing"),
        "settings": SETTINGS[kind],
        "writers": writers,
        "per_second": len(latencies) / seconds,
        "p50_us": round(latencies[(len(latencies) - 1) * 50 // 100] * 1e6),
        "p99_us": round(latencies[(len(latencies) - 1) * 99 // 100] * 1e6),
    }))
    factory.close()


main()
