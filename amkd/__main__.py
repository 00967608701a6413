"""The command ``amkd``; ``python -m amkd`` is the same."""

from amkd.core import huge_pages


def run() -> None:
    """Runs the command line of this process."""
    huge_pages.use()  # may start this process again, so it comes before all slow imports
    from amkd.cli.main import run as run_command

    run_command()


if __name__ == "__main__":
    run()
