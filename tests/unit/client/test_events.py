"""Events: typed payloads that a newer or older service may write."""

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import NODEFAULT, DecodeError, convert, json, structs, to_builtins

from microstream.client import Event, FundingMessage, QualityMessage
from microstream.client.events import read_event, read_numbers
from microstream.model.channels import channel
from microstream.model.messages import PAYLOADS, Message


def payload(family: str, **changes: Any) -> dict[str, Any]:
    """Return a payload of a family with a value of the right type for each key."""
    values: dict[str, Any] = {}
    for key in structs.fields(PAYLOADS[family]):
        for candidate in (None, "x", 1, "rest", "perpetual", "live", "gap", "raised", "info"):
            try:
                values[key.name] = convert(candidate, key.type)
                break
            except Exception:  # noqa: BLE001, S112  # any that fits
                continue
        if not key.required:
            values[key.name] = key.default if key.default is not NODEFAULT else key.default_factory()
    return to_builtins(values) | changes


def read(family: str, document: Any) -> Event:
    """Return the event of a document on a channel of a family."""
    return read_event(channel(family, "okx", "sol-usdt").name, json.encode(document), live=True)


@pytest.mark.parametrize("family", PAYLOADS)
def test_every_family_is_read_as_its_struct(family: str) -> None:
    """What is published comes out with the same keys and values, as an instance of the published struct."""
    document = payload(family)
    event = read(family, document)
    assert isinstance(event, PAYLOADS[family])
    assert isinstance(event, Event)
    assert {key: to_builtins(getattr(event, key)) for key in document} == document
    assert (event.family, event.conflates) == (family, PAYLOADS[family].conflates)
    assert (event.channel, event.live) == (channel(family, "okx", "sol-usdt").name, True)


@pytest.mark.parametrize("family", PAYLOADS)
def test_what_an_older_service_does_not_write_is_none(family: str) -> None:
    """An empty object has every key: None, or what the key has by default."""
    event = read(family, {})
    assert isinstance(event, PAYLOADS[family])
    for key in structs.fields(PAYLOADS[family]):
        assert getattr(event, key.name) is None if key.required else True


def test_unknown_values_are_kept() -> None:
    """A newer service may use flags, sources and kinds that this library does not know."""
    event = read("quality", payload("quality", flags=["novel"], source="satellite", kind="odd", state="half"))
    assert isinstance(event, QualityMessage)
    assert (event.flags, event.source, event.kind, event.state) == (("novel",), "satellite", "odd", "half")


def test_unknown_keys_are_attributes() -> None:
    """A newer service may say more; what it does not say is no attribute."""
    event: Any = read("funding", payload("funding", novelty={"a": [1]}))
    assert event.novelty == {"a": [1]}
    with pytest.raises(
        AttributeError, match="no key 'nothing' in what was published on funding:okx:sol-usdt"
    ):
        _ = event.nothing


def test_unknown_families_are_read() -> None:
    """A family that is newer than this library has the common keys, and its own as attributes."""
    raw = json.encode({"exchange": "okx", "seq": 4, "values": [1]})
    event: Any = read_event("meta:novel:okx:x", raw, live=False)
    assert isinstance(event, Message)
    assert (event.family, event.exchange, event.seq, event.values, event.live) == (
        "novel",
        "okx",
        4,
        [1],
        False,
    )
    assert not event.conflates


def test_a_key_of_another_type_does_not_cost_the_message() -> None:
    """The common keys and the raw value are still to be had; it is no instance of the struct any more."""
    event: Any = read("funding", payload("funding", funding_rate={"value": 1}, seq=7))
    assert not isinstance(event, FundingMessage)
    assert (event.seq, event.funding_rate, event.family) == (7, {"value": 1}, "funding")


def test_keys_of_ours_do_not_come_from_the_payload() -> None:
    """A payload cannot say how it arrived."""
    event = read("funding", payload("funding", live=False, missing=9, raw="x", channel="y"))
    assert (event.live, event.missing, event.channel) == (True, 0, "funding:okx:sol-usdt")
    assert event.raw.startswith(b"{")


def test_events_can_be_pickled() -> None:
    """They can be given to another process."""
    event = read("funding", payload("funding", seq=3))
    event.missing, event.skipped = 1, 2
    assert pickle.loads(pickle.dumps(event)) == event  # noqa: S301  # our own


def test_an_event_shows_its_keys() -> None:
    """The text has channel and keys, once."""
    text = repr(read("funding", payload("funding", funding_rate=0.25)))
    assert text.startswith("<funding:okx:sol-usdt v=1, ")
    assert text.count("funding_rate=") == 1


@pytest.mark.parametrize("raw", [b"", b"hello", b"[1]", b"\xff\xfe", b'{"seq":"four"}', b'{"flags":[1]}'])
def test_what_is_no_payload_is_refused(raw: bytes) -> None:
    """The error is one that readers know."""
    with pytest.raises((DecodeError, UnicodeDecodeError)):
        read_event("funding:okx:x", raw, live=True)


@given(st.binary(), st.sampled_from([*PAYLOADS, "novel"]))
def test_no_bytes_stop_the_reader(raw: bytes, family: str) -> None:
    """Whatever is on the channel, the answer is an event or an error that readers know."""
    try:
        event = read_event(f"{family}:okx:x", raw, live=True)
    except (DecodeError, UnicodeDecodeError):
        assert read_numbers(raw).seq == 0
    else:
        assert event.raw == raw
