"""What was kept out: counters and samples."""

from microstream.pipeline.rejects import SAMPLES, Rejects


def test_rejects_are_counted_by_reason_and_sampled() -> None:
    """Symbols are in the samples only."""
    rejects = Rejects()
    for number in range(3):
        rejects.add("okx", "mark-price", f"coin{number}", "not_a_number", "NaN", number)
    assert rejects.counts == {("okx", "mark-price", "not_a_number"): 3}
    assert [sample.symbol for sample in rejects.samples] == ["coin0", "coin1", "coin2"]


def test_samples_are_bounded_and_the_newest_stay() -> None:
    """However long a fault lasts."""
    rejects = Rejects()
    for number in range(SAMPLES + 5):
        rejects.add("okx", "mark-price", "sol-usdt", "not_a_number", "NaN", number)
    assert len(rejects.samples) == SAMPLES
    assert rejects.samples[-1].at == SAMPLES + 4
    assert rejects.counts["okx", "mark-price", "not_a_number"] == SAMPLES + 5
