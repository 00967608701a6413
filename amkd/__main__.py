"""``python -m amkd``: the same as the command ``amkd``."""

from amkd.cli.main import run

if __name__ == "__main__":
    run()
