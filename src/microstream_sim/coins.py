"""The underlyings of the simulated markets: names, price levels, volatility and size.

Levels are of the right order of magnitude and nothing more; the long tail is drawn from a fixed hash of the
name, so that the same coins exist for every seed.
"""

from dataclasses import dataclass
from functools import cache
from math import exp, log
from random import Random


@dataclass(frozen=True, slots=True)
class Coin:
    """An underlying: `price` in dollars for one unit, `daily` volatility, `oi_usd` on the largest venue."""

    name: str
    price: float
    daily: float
    oi_usd: float
    category: str = "crypto"


_MAJORS = {
    "BTC": 100_000.0, "ETH": 3_500.0, "SOL": 180.0, "XRP": 2.4, "BNB": 900.0, "DOGE": 0.21, "ADA": 0.66,
    "SUI": 2.6, "LINK": 17.0, "AVAX": 21.0, "LTC": 98.0, "BCH": 510.0, "TRX": 0.31, "DOT": 3.3, "UNI": 7.1,
    "AAVE": 210.0, "HYPE": 41.0, "ENA": 0.42, "NEAR": 2.3, "APT": 3.4, "FIL": 1.6, "ARB": 0.33, "OP": 0.45,
    "TON": 2.2, "WLD": 0.85, "TAO": 390.0, "ZEC": 410.0, "XLM": 0.28, "HBAR": 0.18, "ETC": 16.0, "ICP": 4.1,
    "PEPE": 1.1e-5, "SHIB": 9.6e-6, "BONK": 2.1e-5, "FLOKI": 9.2e-5, "SATS": 1.6e-7, "LUNC": 6.1e-5,
    "XEC": 1.9e-5, "RATS": 2.3e-5, "CAT": 6.4e-6, "CHEEMS": 1.1e-6, "MOG": 7.5e-7, "BABYDOGE": 1.5e-9,
    "TURBO": 3.9e-3, "NEIRO": 3.1e-4, "NEX": 4.3e-8, "WHY": 3.2e-8, "X": 4.1e-5, "BTTC": 6.2e-7,
    "1INCH": 0.21, "0G": 1.9, "2Z": 0.22, "4": 0.094, "B2": 0.61, "API3": 0.72, "C98": 0.044,
    "币安人生": 0.19, "BTCDOM": 4_650.0, "WIF": 0.61, "ORDI": 6.2, "INJ": 9.1, "TIA": 1.2, "SEI": 0.21,
    "USDC": 1.0,
}  # fmt: skip

_TRADFI = {
    "TSLA": (410.0, "stock"), "NVDA": (180.0, "stock"), "AAPL": (260.0, "stock"), "COIN": (310.0, "stock"),
    "MSTR": (260.0, "stock"), "AMZN": (225.0, "stock"), "HOOD": (120.0, "stock"), "PLTR": (175.0, "stock"),
    "XAU": (4_050.0, "commodity"), "XAG": (49.0, "commodity"), "CL": (61.0, "commodity"),
    "EUR": (1.16, "forex"), "GBP": (1.31, "forex"),
}  # fmt: skip

_TAIL_NAMES = """
ACE ACH ACT ACX AERO AEVO AGLD AGT AI AIXBT AKT ALCH ALGO ALICE ALPINE ALT ANKR ANIME APE ARC AR ARK ARKM
ARPA ASR ASTER ASTR ATA ATH ATOM AUCTION AVA AVNT AWE AXL AXS B3 BABY BAN BANANA BAND BANK BARD BAT BB
BEL BERA BICO BIGTIME BIO BLUR BMT BNT BOME BR BRETT BROCCOLI BSV BSW BULLA CAKE CARV CATI CELO CELR
CETUS CFX CGPT CHILLGUY CHR CHZ CKB COMP COOKIE COTI COW CRV CTK CTSI CVC CVX CYBER DASH DEEP DEGEN DEGO
DENT DEXE DIA DODO DOGS DOLO DRIFT DUSK DYDX DYM EDEN EDU EGLD EIGEN ENJ ENS EPIC ERA ETHFI ETHW EUL
FARTCOIN FET FIDA FIO FLM FLOCK FLOW FLUX FORM FORTH FXS G GALA GAS GIGA GLM GMT GMX GOAT GPS GRASS
GRIFFAIN GRT GTC GUN HAEDAL HEI HEMI HFT HIFI HIGH HIPPO HIVE HMSTR HOLO HOME HOOK HOT HUMA HYPER ICNT
ICX ID ILV IMX IO IOST IOTA IOTX IP JASMY JELLYJELLY JOE JST JTO JUP KAIA KAITO KAS KAVA KERNEL KMNO KNC
KOMA KSM LA LAUNCHCOIN LAYER LDO LEVER LINEA LISTA LPT LQTY LRC LSK LUMIA LUNA2 MAGIC MANA MANTA MASK MAV
MAVIA MBOX ME MELANIA MEME MERL MET METIS MEW MINA MIRA MITO MKR MLN MOCA MOODENG MORPHO MOVE MOVR MTL
MUBARAK MYRO MYX NAORIS NEO NEWT NFP NIL NKN NMR NOT NTRN NXPC OG OGN OL OM ONDO ONE ONG ONT OPEN ORCA
ORDER OXT PARTI PAXG PENDLE PENGU PEOPLE PERP PHA PHB PIPPIN PIXEL PLUME PNUT POL POLYX PONKE POPCAT
PORTAL POWR PROM PROMPT PROVE PUMP PUNDIX PYTH QNT QTUM QUICK RARE RAY RDNT RED REI RENDER RESOLV REZ RIF
RLC RONIN ROSE RPL RSR RUNE RVN S SAFE SAGA SAHARA SAND SANTOS SAPIEN SCR SCRT SFP SHELL SIGN SIREN SKL
SKY SKYAI SLERF SLP SNX SOLV SOON SOPH SPELL SPK SPX SQD SSV STBL STEEM STG STO STORJ STRK STX SUN SUPER
SUSHI SWARMS SWELL SXT SYN SYRUP SYS T TA TAC TAG TAIKO THE THETA TLM TNSR TOKEN TOWNS TRB TREE TRU TRUMP
TRUTH TST TUT TWT UMA USUAL UXLINK VANA VANRY VELO VELODROME VET VIC VINE VIRTUAL VTHO VVV W WAL WAXP WCT
WLFI WOO XAI XCN XMR XNY XPIN XPL XTZ XVG XVS YALA YFI YGG ZBT ZEN ZEREBRO ZETA ZIL ZK ZKC ZKJ ZORA ZRC
ZRO ZRX
"""
_SYLLABLES = (
    "AL",
    "BO",
    "CRY",
    "DEX",
    "ELO",
    "FI",
    "GRA",
    "HUX",
    "IVO",
    "KA",
    "LUM",
    "MIR",
    "NOX",
    "ORB",
    "PLU",
)


@cache
def crypto_coins() -> tuple[Coin, ...]:
    """Return all coins, largest first: the majors, then the tail."""
    names = [*_MAJORS, *(name for name in _TAIL_NAMES.split() if name not in _MAJORS)]
    made_up = (first + last for first in _SYLLABLES for last in _SYLLABLES)
    known = set(names)
    names += [name for name in made_up if name not in known]
    return tuple(_coin(name, rank) for rank, name in enumerate(names))


@cache
def tradfi_coins() -> tuple[Coin, ...]:
    """Return the underlyings that are stocks, commodities and currencies."""
    return tuple(
        Coin(name, price, 0.004 if category == "forex" else 0.015, 8e6, category)
        for name, (price, category) in _TRADFI.items()
    )


@cache
def coin(name: str) -> Coin:
    """Return the coin of that name; an unknown name gets a level drawn from the name (a new listing)."""
    return _known().get(name) or _coin(name, rank=400)


@cache
def _known() -> dict[str, Coin]:
    return {known.name: known for known in (*crypto_coins(), *tradfi_coins())}


def _coin(name: str, rank: int) -> Coin:
    random = Random(f"coin:{name}")
    drawn = exp(random.uniform(log(0.004), log(6.0)))
    daily = 0.012 if rank < 2 else random.uniform(0.025, 0.06)
    oi_usd = max(4e5, 9e9 / (1 + rank) ** 1.55) * random.uniform(0.8, 1.25)
    return Coin(name, _MAJORS.get(name, drawn), daily, oi_usd)
