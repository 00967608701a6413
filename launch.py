"""Runs ``amkd`` from a checkout: ``python launch.py --config=digits --workdir=runs/digits``.

``python launch.py --help`` shows the modes, the flags and every field of a configuration.
"""

from amkd.__main__ import run

if __name__ == "__main__":
    run()
