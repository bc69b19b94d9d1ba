"""What is known of every contract: the newest message of each family, and which contracts are of one coin. Pure."""

from bisect import insort
from collections.abc import Iterator

from microstream.model.messages import (
    FundingMessage,
    InstrumentMessage,
    MarkPriceMessage,
    Message,
    OpenInterestMessage,
    SpotMessage,
)

DOLLARS = ("USD", "USDT", "USDC")
"""Quotes in which a contract in US dollars may have its spot pair, the first that is there."""


class Contract:
    """One contract; a family is None until its first message. `row` is the registry's, None until it was told."""

    __slots__ = ("base", "exchange", "funding", "instrument", "key", "oi", "price", "quote", "row", "symbol")

    def __init__(self, key: str, message: Message, row: InstrumentMessage | None) -> None:
        self.key = key
        self.exchange = message.exchange
        self.symbol = message.symbol
        self.instrument = message.instrument
        pair = (message.instrument or message.symbol).partition(":")[0]
        self.base, _, self.quote = pair.partition("/")
        self.row = row
        self.price: MarkPriceMessage | None = None
        self.funding: FundingMessage | None = None
        self.oi: OpenInterestMessage | None = None

    @property
    def is_perpetual(self) -> bool:
        """Whether it never expires, as far as the registry has told."""
        return self.row is not None and self.row.kind == "perpetual"

    @property
    def multiplier(self) -> float | None:
        """Coins in a quoted unit."""
        return None if self.row is None else self.row.multiplier

    @property
    def coin_mark(self) -> float | None:
        """The mark per coin, None while it is not known or stale."""
        price, row = self.price, self.row
        if price is None or row is None or price.mark_price is None or not is_fresh(price):
            return None
        return price.mark_price / row.multiplier


class Known:
    """All contracts that something was published of, by key (`bybit:solusdt`) and by coin, and the spot pairs."""

    def __init__(self) -> None:
        self.contracts: dict[str, Contract] = {}
        self.coins: dict[str, list[Contract]] = {}
        self._rows: dict[str, InstrumentMessage] = {}
        self._spots: dict[tuple[str, str | None], SpotMessage] = {}

    def take(self, message: Message) -> None:
        """Keep a message of a contract or spot pair; families that are not known here are passed over."""
        if isinstance(message, MarkPriceMessage):
            self._contract(message).price = message
        elif isinstance(message, FundingMessage):
            self._contract(message).funding = message
        elif isinstance(message, OpenInterestMessage):
            self._contract(message).oi = message
        elif isinstance(message, SpotMessage):
            self._spots[message.exchange, message.instrument] = message

    def learn(self, row: InstrumentMessage) -> None:
        """Keep a row of the registry."""
        key = f"{row.exchange}:{row.symbol}"
        self._rows[key] = row
        contract = self.contracts.get(key)
        if contract is not None:
            contract.row = row

    def forget(self, key: str) -> Contract | None:
        """Forget a contract that was delisted; return what was known of it."""
        self._rows.pop(key, None)
        contract = self.contracts.pop(key, None)
        if contract is not None:
            left = [other for other in self.coins[contract.base] if other is not contract]
            if left:
                self.coins[contract.base] = left
            else:
                del self.coins[contract.base]
        return contract

    def spot_of(self, contract: Contract) -> SpotMessage | None:
        """Return the newest message of the spot pair behind a contract, if its venue has one."""
        for quote in (contract.quote, *(DOLLARS if contract.quote == "USD" else ())):
            spot = self._spots.get((contract.exchange, f"{contract.base}/{quote}"))
            if spot is not None:
                return spot
        return None

    def perpetuals(self, coin: str) -> Iterator[Contract]:
        """Yield the perpetuals of a coin."""
        return (contract for contract in self.coins.get(coin, ()) if contract.is_perpetual)

    def _contract(self, message: Message) -> Contract:
        key = f"{message.exchange}:{message.symbol}"
        contract = self.contracts.get(key)
        if contract is None:
            contract = self.contracts[key] = Contract(key, message, self._rows.get(key))
            # in an order of their own, because sums depend on theirs, and not on who was heard of first
            insort(self.coins.setdefault(contract.base, []), contract, key=_key)
        return contract


def _key(contract: Contract) -> str:
    return contract.key


def is_fresh(message: Message | None) -> bool:
    """Whether a message is there and its value not stale."""
    return message is not None and "stale" not in message.flags
