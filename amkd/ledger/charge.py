"""The account of a batch: which run, purpose and round it is booked to.

The booking itself is in store.py.
"""

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Charge:
    """The account that a batch is charged to: who needs the answers, what for, and their price.

    Attributes:
      run: identity of the run.
      purpose: one of ``amkd.ledger.accounts``; only ``distill`` counts against the budget.
      teacher: number of the teacher in this ledger.
      round: round of the run that needs the answers.
      price: price of one image.
      currency: currency of the price.
      limit: the highest amount that the run may spend in total; 0 for no limit.
      most_in_vain: how many images may be sent without a usable answer; 0 for no limit.
      patience: seconds after which other runs consider an unfinished batch lost.
    """

    run: str
    purpose: str
    teacher: int
    round: int
    price: float = 0.0
    currency: str = ""
    limit: float = 0.0
    most_in_vain: int = 0
    patience: float = 600.0
