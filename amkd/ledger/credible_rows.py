"""Determines from checksums which rows of a damaged ledger are unchanged."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from amkd.ledger import checksums
from amkd.ledger.recovered_rows import RecoveredRow


class CredibleRows:
    """The names of a ledger's teachers, and the possible checksums of their rows."""

    def __init__(self, given: Mapping[int, str]) -> None:
        """Starts with the names that the user gives, by number."""
        self.given = given
        self.named: dict[int, str] = {}  # from the table of teachers
        self.indexed: dict[int, str] = {}  # from the index of that table
        self._owners: defaultdict[int, Counter[int]] = defaultdict(Counter)  # of answers

    def note(self, found: RecoveredRow) -> None:
        """Notes what a row shows about teachers; all rows are noted before any row is checked."""
        if found.table == "identity":
            self.indexed[found.values[1]] = found.values[0]
        elif found.table == "teacher":
            self.named[found.values[0]] = found.values[1]
        elif found.table == "answer":
            self._owners[found.values[0]][_owner_of(found.values)] += 1

    def numbers(self) -> set[int]:
        """Returns the numbers of the teachers whose names are known."""
        return {*self.named, *self.indexed}

    def name(self, teacher: int) -> str | None:
        """Returns a teacher's name: the user's, or the one that fits its answers' checksums."""
        if teacher in self.given:
            return self.given[teacher]
        found = [names[teacher] for names in (self.named, self.indexed) if teacher in names]
        fits = [name for name in found if checksums.owner(name) == self._usual(teacher)]
        return next(iter([*fits, *found]), None)

    def credible(self, found: RecoveredRow) -> bool:
        """Returns whether a row has a correct checksum, or one that cannot be checked."""
        if found.table == "answer":
            owner = _owner_of(found.values)
            return owner == checksums.NOBODY or owner in self._allowed(found.values[0])
        if found.table == "use" and len(found.values) == 7:
            run, purpose, teacher, *rest, check = found.values
            row: tuple[Any, ...] = (run, purpose, *rest)
        elif found.table == "batch" and len(found.values) == 14:
            _, run, purpose, teacher, *rest, check = found.values
            row = (run, purpose, *rest)
        else:
            return True
        names = self._names(teacher)
        usual = self._usual(teacher)
        if usual and usual not in map(checksums.owner, names):  # the name itself is damaged
            return True
        return not names or check in (checksums.of_row(name, *row) for name in names)

    def _names(self, teacher: int) -> set[str]:
        known = (self.given, self.named, self.indexed)
        return {names[teacher] for names in known if teacher in names}

    def _usual(self, teacher: int) -> int:
        """Returns the owner of most answers of a teacher, if that is not another teacher here."""
        owners = self._owners.get(teacher, Counter())
        owner, count = next(iter(owners.most_common(1)), (checksums.NOBODY, 0))
        others = {
            checksums.owner(name)
            for number in {*self.numbers(), *self.given} - {teacher}
            for name in self._names(number)
        }
        return owner if 2 * count > owners.total() and owner not in others else checksums.NOBODY

    def _allowed(self, teacher: int) -> set[int]:
        return {self._usual(teacher), *map(checksums.owner, self._names(teacher))}


def _owner_of(answer: tuple[Any, ...]) -> int:
    _, image, scores, check, _ = answer
    return checksums.owner_of(image, scores, check)
