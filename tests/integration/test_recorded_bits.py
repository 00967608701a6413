"""A small digits run ends with the bits that version 0.1.0 ended with, on the machine it ran on."""

import json
import os
from pathlib import Path

import pytest

from amkd.core import program_cache
from amkd.reporting import provenance
from tests.support import recorded_bits

RECORD = json.loads((Path(__file__).parent / "fixtures" / "bits-0.1.0.json").read_text())


@pytest.mark.parametrize("name", RECORD["cases"])
def test_the_same_bits_as_version_0_1(name, tmp_path):
    own = program_cache.kind_of_machine()
    if own != RECORD["machine"]:
        pytest.skip(f"recorded on another kind of processor: {RECORD['machine']}, this is {own}")
    installed = {key: provenance.versions().get(key) for key in RECORD["versions"]}
    if installed != RECORD["versions"]:
        pytest.skip(f"recorded with {RECORD['versions']}, installed are {installed}")
    (case,) = (one for one in recorded_bits.cases() if one[0] == name)
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})  # training has other bits on other numbers of threads
    try:
        (tmp_path / "case").mkdir()
        assert recorded_bits.result(*case, tmp_path / "case") == RECORD["cases"][name]
    finally:
        os.sched_setaffinity(0, before)
