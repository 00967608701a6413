"""How often and how fast a teacher may be asked, and what it costs.

The values of a configured run are the fields of :mod:`amkd.config.teacher`.
"""

from typing import NamedTuple

from amkd.config.teacher import TeacherSettings


class RequestPolicy(NamedTuple):
    """How often and how fast a teacher may be asked, and what it costs.

    Attributes:
      in_flight: maximum number of requests at the same time.
      rate: maximum number of requests per second; 0 for no limit.
      attempts: maximum number of attempts to send a batch.
      first_wait: seconds before the second attempt; they double from there, with jitter.
      longest_wait: maximum seconds between two attempts, unless the service itself asks for more.
      longest_retry_after: maximum wait, in seconds, that a service may ask for; a longer wait ends
        the run.
      price: price of one image.
      currency: currency of the price.
      max_cost: maximum cost of a run; 0 for no limit.
      max_lost: maximum number of images that may be sent without a usable answer; 0 for no limit.
      sentinel: number of batches after which a known image is sent again; 0 for never.
    """

    in_flight: int = 1
    rate: float = 0.0
    attempts: int = 6
    first_wait: float = 1.0
    longest_wait: float = 60.0
    longest_retry_after: float = 3600.0
    price: float = 0.0
    currency: str = ""
    max_cost: float = 0.0
    max_lost: int = 0
    sentinel: int = 0


def policy_of(teacher: TeacherSettings) -> RequestPolicy:
    """Returns the policy for the configured teacher."""
    return RequestPolicy(**{name: getattr(teacher, name) for name in RequestPolicy._fields})
