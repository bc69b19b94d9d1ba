"""The service as it is, but for venues that end connections after LIFE_S: `python short_lived.py run -c FILE`."""

import sys

from microstream import venues
from microstream.cli import main

LIFE_S = 10.0

if __name__ == "__main__":
    for endpoint in venues.load("binance").endpoints:
        object.__setattr__(endpoint, "life_s", LIFE_S)  # frozen for everybody else
    sys.exit(main())
