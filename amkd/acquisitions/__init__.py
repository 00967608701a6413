"""Acquisitions: rules that choose among the candidates of lowest C2. Each file contains one, and
the file has its name; see :class:`amkd.acquisitions.base.Acquisition`.
"""

from typing import Any

from amkd.core.plugins import Registry

ACQUISITIONS: Registry[Any] = Registry(__name__, __path__, "ACQUISITION")
