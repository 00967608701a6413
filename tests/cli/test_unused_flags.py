"""A flag that the mode does not use is refused, not ignored."""

import pytest
from absl import flags

from amkd.cli import flag_definitions, unused_flags
from amkd.core.errors import UserError


def given(*arguments):
    """The flags of a command line."""
    values = flags.FlagValues()
    flag_definitions.define_flags(values)
    values(["amkd", *arguments])
    return values


@pytest.mark.parametrize(
    ("arguments", "of_table", "told"),
    [
        (["--shard=2/8"], False, "--shard=2/8: only a table has shards; leave it out"),
        (
            ["--images=pictures", "--mode=plan"],
            False,
            "--images=pictures: --mode=plan does not use it, only --mode=predict does;"
            " leave it out",
        ),
        (
            ["--output=out"],
            False,
            "--output=out: --mode=distill does not use it, only --mode=probe, --mode=predict,"
            " --mode=export do; leave it out",
        ),
        (
            ["--network=n", "--mode=train_teacher"],
            False,
            "--network=n: --mode=train_teacher does not use it, only --mode=evaluate,"
            " --mode=predict, --mode=export, --mode=serve do; leave it out",
        ),
        (
            ["--port=81"],
            False,
            "--port=81: --mode=distill does not use it, only --mode=serve does; leave it out",
        ),
        (["--network=n"], True, "--network=n: a table does not use it; leave it out"),
        (
            ["--shard=1/2", "--mode=table"],
            True,
            "--shard=1/2: --mode=table does not use it, only --mode=distill, --mode=plan do;"
            " leave it out",
        ),
    ],
)
def test_a_flag_that_the_mode_does_not_use_is_refused(arguments, of_table, told):
    with pytest.raises(UserError) as refused:
        unused_flags.refuse(given(*arguments), of_table=of_table)
    assert str(refused.value) == told


@pytest.mark.parametrize(
    ("arguments", "of_table"),
    [
        (["--workdir=w", "--shard=", "--port=8080"], False),  # as without them
        (["--mode=predict", "--network=n", "--images=i", "--output=o"], False),
        (["--mode=serve", "--host=0.0.0.0", "--port=81"], False),
        (["--shard=2/8", "--output=o"], True),
        (["--shard=2/8", "--output=o", "--mode=plan"], True),
    ],
)
def test_a_flag_that_the_mode_uses_is_accepted(arguments, of_table):
    unused_flags.refuse(given(*arguments), of_table=of_table)
