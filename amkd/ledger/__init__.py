"""The durable record of every answer ever paid for, and of every batch sent; shared between runs.

``python -m amkd.ledger --help`` describes its command line.
"""

from amkd.ledger.charge import Charge
from amkd.ledger.checksums import checksum
from amkd.ledger.limits import OutOfMoney
from amkd.ledger.store import Ledger, SentBatch

__all__ = ["Charge", "Ledger", "OutOfMoney", "SentBatch", "checksum"]
