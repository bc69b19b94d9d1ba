"""The notification library behind deliveries; nothing else knows it. Its URLs are secrets and are never shown."""

import logging
import re
from collections.abc import Callable
from typing import Any
from warnings import catch_warnings, simplefilter

from microstream.alerts.notification import Notification
from microstream.errors import ConfigError

Send = Callable[[Notification], str | None]
"""Sends a notification, blocking; returns why it was not sent, None where it was."""

INSTALL = 'pip install "p9-microstream[alerts]"'

_STATUS = re.compile(r"error=(\d{3})\b")


def service(url: str) -> Send | None:
    """Return what sends to the service of an URL (`tgram://...`, `discord://...`), None where it cannot be read.

    Raises `ConfigError` where the library is not installed.
    """
    library = _library()
    asset = library.AppriseAsset(
        app_id="microstream",
        app_desc="microstream",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        image_path_mask="",
        async_mode=False,  # in the thread that asks, which does not hold up the end of the process
        storage_mode="memory",
        service_timeout=0,
    )
    services = library.Apprise(asset=asset)
    with catch_warnings():
        simplefilter("ignore")  # the first URL loads every plug-in, and some are behind their time
        if not services.add(url) or not len(services):
            return None

    def send(notification: Notification) -> str | None:
        sent = services.notify(
            title=notification.title,
            body=notification.text,
            notify_type=notification.kind,
            body_format=library.NotifyFormat.TEXT,
        )
        return None if sent else _reason(sent)

    return send


def _library() -> Any:
    """Return the library, which logs what may hold parts of URLs, and so logs nowhere."""
    try:
        import apprise  # noqa: PLC0415  # only who has deliveries needs it
    except ImportError as error:
        raise ConfigError(
            f"alerts are delivered by the library apprise, which is not installed: {INSTALL}"
        ) from error
    for name in ("apprise", "urllib3"):
        logger = logging.getLogger(name)
        logger.propagate = False
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
    return apprise


def _reason(result: Any) -> str:
    """Return the HTTP status that the library tells, and nothing else of its texts: they may name what is secret."""
    said = " ".join(entry.message for entry in result.logs())
    status = _STATUS.search(said)
    if status:
        return f"the service answers with HTTP status {status[1]}"
    if "onnection" in said:
        return "the service cannot be reached"
    return "the service does not take it"
