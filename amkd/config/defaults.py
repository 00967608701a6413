"""The defaults of every field, as a ConfigDict."""

from ml_collections import ConfigDict

from amkd.config.fields import members
from amkd.config.settings import Settings


def defaults(kind: type = Settings) -> ConfigDict:
    """Returns a configuration with every field at its declared default.

    Args:
      kind: the group whose fields are wanted.
    """
    config = ConfigDict()
    for member in members(kind):
        name = member.name
        config[name] = defaults(member.type) if member.is_group else member.default
    return config
