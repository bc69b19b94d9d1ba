"""Squeeze score: the formula of the definitions page, section 3.10."""

import pytest

from microstream.analytics.squeeze import FORMULA, WEIGHTS, Components, squeeze

SHORTS = Components(funding=-8.0, oi=4.0, basis=-5.0, momentum=4.0, liquidations=6.0)
LONGS = Components(funding=8.0, oi=4.0, basis=5.0, momentum=-4.0, liquidations=-6.0)


def test_weights_are_those_of_formula_one() -> None:
    """30, 25 and three times 15 per cent."""
    assert FORMULA == "1"
    assert list(WEIGHTS.items()) == [
        ("funding", 0.30),
        ("oi", 0.25),
        ("basis", 0.15),
        ("momentum", 0.15),
        ("liquidations", 0.15),
    ]


def test_everything_speaks_for_one_side() -> None:
    """Negative funding and basis, rising interest and price, shorts liquidated: 100; longs have the interest alone."""
    made = squeeze(SHORTS)
    assert (made.short_squeeze, made.long_squeeze) == (pytest.approx(100.0), pytest.approx(25.0))
    made = squeeze(LONGS)
    assert (made.short_squeeze, made.long_squeeze) == (pytest.approx(25.0), pytest.approx(100.0))


def test_by_hand() -> None:
    """Funding at -2 counts half, interest at 1 a quarter, basis at 1 for longs, momentum at 3 three quarters."""
    made = squeeze(Components(funding=-2.0, oi=1.0, basis=1.0, momentum=3.0, liquidations=0.0))
    assert made.short_squeeze == pytest.approx(100 * (0.30 * 0.5 + 0.25 * 0.25 + 0.15 * 0.75))
    assert made.long_squeeze == pytest.approx(100 * (0.25 * 0.25 + 0.15 * 0.25))


def test_what_is_missing_gives_its_weight_to_the_rest() -> None:
    """Funding, interest and basis alone: 30, 25 and 15 of 70."""
    made = squeeze(Components(funding=-4.0, oi=0.0, basis=-2.0))
    assert made.short_squeeze == pytest.approx(100 * (0.30 + 0.15 * 0.5) / 0.70)
    assert made.short_squeeze == pytest.approx(53.57, abs=0.005)
    assert made.long_squeeze == 0.0
    assert [(used.name, used.value, used.g_short, used.g_long) for used in made.components] == [
        ("funding", -4.0, 1.0, 0.0),
        ("oi", 0.0, 0.0, 0.0),
        ("basis", -2.0, 0.5, 0.0),
    ]
    assert [used.weight for used in made.components] == pytest.approx([30 / 70, 25 / 70, 15 / 70])


@pytest.mark.parametrize(
    "components", [Components(), Components(funding=-9.0), Components(momentum=9.0, liquidations=9.0)]
)
def test_two_components_are_no_score(components: Components) -> None:
    """What there is is named all the same."""
    made = squeeze(components)
    assert made.short_squeeze is made.long_squeeze is None
    known = [name for name in WEIGHTS if getattr(components, name) is not None]
    assert [used.name for used in made.components] == known
