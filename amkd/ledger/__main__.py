"""``python -m amkd.ledger``: the same as ``amkd ledger``."""

import sys

from amkd.cli import ledger
from amkd.core import console

if __name__ == "__main__":
    console.guard()
    sys.exit(ledger.main())
