"""Live market context of perpetual futures: funding, mark and index prices, open interest.

`Config` and `MultiTimeframeCoordinator` embed the service. They are loaded on first use, so that
`microstream.client` imports nothing of it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from microstream.app.coordinator import MultiTimeframeCoordinator
    from microstream.config import Config

__version__ = "0.1.0"
__all__ = ["Config", "MultiTimeframeCoordinator", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "Config":
        from microstream.config import Config  # noqa: PLC0415

        return Config
    if name == "MultiTimeframeCoordinator":
        from microstream.app.coordinator import MultiTimeframeCoordinator  # noqa: PLC0415

        return MultiTimeframeCoordinator
    raise AttributeError(f"module 'microstream' has no attribute '{name}'")
