"""What a user of the Python client does, before and after the server was restarted.

python3 scenario.py <connection string> before|after
"""
import json
import sys

from esdbclient import Checkpoint, EventStoreDBClient, NewEvent, StreamState
from esdbclient.exceptions import NotFound, StreamIsDeleted, WrongCurrentVersion

url, part = sys.argv[1:]
client = EventStoreDBClient(uri=url)


def event(kind, number):
    return NewEvent(type=kind, data=json.dumps({"number": number}).encode(), metadata=b'{"$correlationId":"p"}')


def numbers(events):
    return [json.loads(one.data)["number"] for one in events]


def rejects(kind, call):
    try:
        call()
    except kind:
        return
    raise AssertionError(f"no {kind.__name__}")


def take(events, count):
    found = []
    for one in events:
        if isinstance(one, Checkpoint):
            continue
        found.append(one)
        if len(found) == count:
            return found


def before():
    first = [event("Opened", 0), event("Moved", 1), event("Closed", 2)]
    no_stream = StreamState.NO_STREAM
    written = client.append_to_stream("py.box-1", current_version=no_stream, events=first)
    rejects(
        WrongCurrentVersion,
        lambda: client.append_to_stream("py.box-1", current_version=no_stream, events=event("Opened", 9)),
    )
    assert client.append_to_stream("py.box-1", current_version=no_stream, events=first) == written
    client.append_to_stream("py.box-2", current_version=StreamState.ANY, events=event("Opened", 3))
    assert numbers(client.get_stream("py.box-1")) == [0, 1, 2]
    assert numbers(client.get_stream("py.box-1", backwards=True, limit=1)) == [2]
    rejects(NotFound, lambda: client.get_stream("py.nothing"))
    assert numbers(client.read_all(filter_include=["Opened"])) == [0, 3]
    # The default filter looks ahead to leave the system's own events out.
    assert numbers(client.read_all()) == [0, 1, 2, 3]

    with client.subscribe_to_all(filter_include=[r"py\.box-\d"], filter_by_stream_name=True) as subscription:
        assert numbers(take(subscription, 4)) == [0, 1, 2, 3]
        client.append_to_stream("py.other-1", current_version=StreamState.ANY, events=event("Opened", 4))
        client.append_to_stream("py.box-2", current_version=0, events=event("Moved", 5))
        assert numbers(take(subscription, 1)) == [5]
    category = client.get_stream("$ce-py.box", resolve_links=True)
    assert numbers(category) == [0, 1, 2, 3, 5], category

    client.create_subscription_to_stream("workers", "py.box-1", min_checkpoint_count=1, checkpoint_after=0.001)
    with client.read_subscription_to_stream("workers", "py.box-1", max_ack_delay=0.01) as work:
        for one in take(work, 3):
            if numbers([one]) == [1]:
                work.nack(one, action="park")
            else:
                work.ack(one)
        while client.get_subscription_info("workers", "py.box-1").parked_message_count != 1:
            pass

    strategy = "PinnedByCorrelation"
    client.create_subscription_to_stream("pinned", "py.box-1", consumer_strategy=strategy)
    with client.read_subscription_to_stream("pinned", "py.box-1") as pinned:
        assert numbers(take(pinned, 3)) == [0, 1, 2]
    client.delete_subscription("pinned", "py.box-1")


def after():
    assert [one.group_name for one in client.list_subscriptions()] == ["workers"]
    client.replay_parked_events("workers", "py.box-1")
    with client.read_subscription_to_stream("workers", "py.box-1", max_ack_delay=0.01) as work:
        (parked,) = take(work, 1)
        assert numbers([parked]) == [1]
        work.ack(parked)
    client.delete_subscription("workers", "py.box-1")
    client.set_stream_metadata("py.box-1", metadata={"$maxCount": 2}, current_version=StreamState.ANY)
    assert numbers(client.get_stream("py.box-1")) == [1, 2]
    rejects(NotFound, lambda: client.delete_stream("py.nothing", current_version=StreamState.ANY))
    rejects(WrongCurrentVersion, lambda: client.delete_stream("py.box-1", current_version=7))
    client.delete_stream("py.box-1", current_version=2)
    rejects(NotFound, lambda: client.get_stream("py.box-1"))
    client.append_to_stream("py.box-1", current_version=StreamState.NO_STREAM, events=event("Opened", 6))
    (reopened,) = client.get_stream("py.box-1")
    assert reopened.stream_position == 3
    client.tombstone_stream("py.box-2", current_version=StreamState.ANY)
    rejects(StreamIsDeleted, lambda: client.get_stream("py.box-2"))


{"before": before, "after": after}[part]()
client.close()
