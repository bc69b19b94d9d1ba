"""The pages of `microstream top`, in the order of their keys."""

from typing import Any

from microstream.cli.pages.alerts import AlertsPage
from microstream.cli.pages.funding import FundingPage
from microstream.cli.pages.oi import OiPage
from microstream.cli.pages.published import PublishedPage
from microstream.cli.pages.quality import QualityPage
from microstream.cli.pages.runs import Runs
from microstream.cli.pages.spreads import SpreadsPage
from microstream.cli.pages.squeeze import SqueezePage
from microstream.cli.tally import Tally

NAMES = ("funding", "spreads", "oi", "squeeze", "alerts", "quality")


def all_pages(tally: Tally, runs: Runs) -> tuple[PublishedPage[Any], ...]:
    """Return a page of each kind; `tally` counts what they are filled with, `runs` knows its publishers."""
    return (FundingPage(), SpreadsPage(), OiPage(), SqueezePage(), AlertsPage(runs), QualityPage(tally, runs))
