"""The durable record of every answer ever paid for, and of every batch sent; shared between runs.

``python -m amkd.ledger --help`` shows it to people.
"""

from amkd.ledger.store import Ledger, Purse, Sent, checksum

__all__ = ["Ledger", "Purse", "Sent", "checksum"]
