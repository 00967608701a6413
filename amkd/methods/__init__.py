"""The methods: one in each file, found by the name of the file. A new file with a ``METHOD`` adds a
method.
"""

from amkd.core import plugins
from amkd.methods.base import Method

METHODS: plugins.Registry[Method] = plugins.Registry(
    __name__,
    __path__,
    "METHOD",
    without=(
        "base",
        "first_images",
        "image_choice",
        "image_selectors",
        "selectors",
        "student",
    ),
)


def find(name: str) -> Method:
    """Returns a method by its name, or a method of the user's own by ``module:ATTRIBUTE``.

    Raises:
      UserError: there is no such method.
    """
    return plugins.resolve(name, METHODS, "method", Method)
