"""What is not known on the command line is answered with what was probably meant."""

import pytest

from amkd.cli import arguments, hints


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--budget", "600"], "--budget: 'budget' is a field: write --config.budget=600"),
        (["--seed=1"], "--seed: 'seed' is a field: write --config.seed=1"),
        (["--deterministic"], "'deterministic' is a field: write --config.deterministic=VALUE"),
        (["--train.epochs=3"], "'train.epochs' is a field: write --config.train.epochs=3"),
        (["--confg.seed=1"], "there is no such flag; did you mean --config.seed=1?"),
        (["--confg.sede=1"], "there is no such flag; did you mean --config.seed=1?"),
        (["--wrokdir=w"], "--wrokdir: there is no such flag; did you mean --workdir?"),
        (["--epochs=3"], "did you mean the field --config.train.epochs=3?"),
        (["--gpus=2"], "--gpus: there is no such flag; --help lists all flags and fields"),
    ],
)
def test_a_flag_that_is_not_known(args, told):
    name = args[0].removeprefix("--").partition("=")[0]
    assert hints.unknown_flag(name, args, arguments._NAMES).endswith(told)


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("plan", "'plan' is a mode: write --mode=plan"),
        ("plna", "'plna' is not a flag; did you mean --mode=plan?"),
        ("statu", "'statu': there is no such command; did you mean amkd status?"),
        ("legder", "'legder': there is no such command; did you mean amkd ledger?"),
        ("n_real=5", "'n_real=5': 'n_real' is a field: write --config.n_real=5"),
        ("junk", "'junk' is not a flag; flags look like --config=mnist; --help lists them"),
    ],
)
def test_a_word_that_is_not_known(word, told):
    assert hints.unknown_word(word) == told
