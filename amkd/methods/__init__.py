"""Ways to spend the queries of a round, by name: each a function of what it may look at."""

from collections.abc import Callable

from amkd.methods import active_mixup, random_mixup
from amkd.search import Choice, Task

METHODS: dict[str, Callable[[Task], Choice]] = {
    "active_mixup": active_mixup.choose,
    "random_mixup": random_mixup.choose,
}
