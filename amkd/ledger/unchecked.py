"""Finds the batches of a run that the sentinel has not checked yet, also after a restart."""

import collections
import sqlite3

from amkd.ledger.accounts import SENTINEL
from amkd.ledger.charge import Charge

# When the latest of the account's images that were checked had been answered. Batches after it may
# have been checked with it: then they are checked once more.
_LAST_CHECK = (
    "SELECT coalesce(max(answer.answered), 0) FROM use AS own JOIN use AS checked"
    " USING (run, teacher, image) JOIN answer USING (teacher, image) WHERE run = ?"
    " AND own.purpose = ? AND teacher = ? AND own.round = ? AND own.paid AND checked.purpose = ?"
)
_BATCHES = (
    "SELECT ended, id FROM batch WHERE run = ? AND purpose = ? AND teacher = ? AND round = ?"
    " AND state = 'answered' AND ended > ?"
)
# The answers of a batch have the time of its end.
_IMAGES = (
    "SELECT answer.answered, image FROM use JOIN answer USING (teacher, image) WHERE run = ?"
    " AND purpose = ? AND teacher = ? AND round = ? AND paid AND answer.answered > ?"
)


def batches(db: sqlite3.Connection, charge: Charge) -> dict[int, list[bytes]]:
    """Returns the answered batches of an account since the last check: number to image digests.

    Answers that another run received first are left out.

    Args:
      db: the open ledger.
      charge: the account: a run, a purpose, a teacher and a round.
    """
    account = (charge.run, charge.purpose, charge.teacher, charge.round)
    ((since,),) = db.execute(_LAST_CHECK, (*account, SENTINEL))
    numbers = dict(db.execute(_BATCHES, (*account, since)).fetchall())
    found = collections.defaultdict(list)
    for ended, image in db.execute(_IMAGES, (*account, since)):
        if ended in numbers:
            found[numbers[ended]].append(image)
    return dict(sorted(found.items()))
