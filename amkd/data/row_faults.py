"""Reports faults in the rows of a table: many at once, each with its row number."""

from amkd.core.errors import UserError

_SHOWN = 10  # rows that a message names


class RowFaults:
    """Collects faults of rows, so that the user can correct all of them at once."""

    def __init__(self, table: str) -> None:
        """Starts with no fault.

        Args:
          table: the field and value that name the table, for messages.
        """
        self._table, self._shown, self._count = table, list[str](), 0

    def add(self, number: int, fault: str) -> None:
        """Notes what is wrong with a row."""
        self._count += 1
        if len(self._shown) < _SHOWN:
            self._shown.append(f"row {number}: {fault}")

    @property
    def found(self) -> bool:
        """Whether there is any fault."""
        return self._count > 0

    def refuse(self, remedy: str = "") -> None:
        """Raises one error about all faults; does nothing if there is none.

        Args:
          remedy: what to do; the message ends with it.

        Raises:
          UserError: there are faults.
        """
        if not self._count:
            return
        lines = "".join(f"\n  {fault}" for fault in self._shown)
        more = self._count - len(self._shown)
        ending = f"\n  and {more:,} more" if more else ""
        what = (
            "1 row cannot be used" if self._count == 1 else f"{self._count:,} rows cannot be used"
        )
        raise UserError(f"{self._table}: {what}{lines}{ending}" + (f"\n{remedy}" if remedy else ""))
