"""Which topic goes on which connection (pure)."""

from collections.abc import Iterable, Mapping

from microstream.spec.stream import Endpoint, Topic

Lanes = Mapping[int, Mapping[str, Topic]]
"""Topics by name, by the number of the lane that carries them."""


def assigned(lanes: Lanes, topics: Iterable[Topic], endpoint: Endpoint) -> dict[int, dict[str, Topic]]:
    """Return who carries what from now on; lanes that carry nothing are left out.

    A topic stays where it is. A new one joins the first lane with room for its cost; a new lane is opened only
    when none has it. A topic that alone costs more than a connection may carry gets a lane of its own.
    """
    wanted = {topic.name: topic for topic in topics}
    after: dict[int, dict[str, Topic]] = {}
    room: dict[int, int] = {}
    placed: set[str] = set()
    for number, carried in lanes.items():
        kept = {name: wanted[name] for name in carried if name in wanted}
        after[number] = kept
        room[number] = endpoint.capacity - sum(map(endpoint.cost, kept.values()))
        placed.update(kept)
    following = max(lanes, default=-1) + 1
    new = [topic for name, topic in wanted.items() if name not in placed]
    for topic in sorted(new, key=endpoint.cost, reverse=True):
        cost = endpoint.cost(topic)
        number = next((lane for lane, left in room.items() if cost <= left), following)
        if number == following:
            after[number] = {}
            room[number] = endpoint.capacity
            following += 1
        after[number][topic.name] = topic
        room[number] -= cost
    return {number: carried for number, carried in after.items() if carried}
