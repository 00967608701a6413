"""The grid of a table, by hand."""

import dataclasses

from amkd.tables import grid, rendering
from amkd.tables.cells import cells
from amkd.tables.curves import curve_points
from amkd.tables.records import cell_records
from tests.tables.test_rendering import RUNS, TABLE


def test_by_hand():
    """100 real images: 0 and 100 selected. Random: .30, .31, .32 and .41, .42, .43."""
    found = cells(TABLE, RUNS)
    head, active, random = grid.lines(cell_records(TABLE, found), curve_points(TABLE, found))
    assert head == ("way", "real images", "0 selected", "100 selected")
    assert active == ("active", "100", "30.00 ± 0.00", "44.00 ± 2.00")
    assert random == ("random", "100", "31.00 ± 1.00", "42.00 ± 1.00")


def test_it_stands_below_the_table(tmp_path):
    wanted = "| way | real images |"
    assert wanted not in rendering.render(TABLE, tmp_path)
    assert wanted in rendering.render(dataclasses.replace(TABLE, grid=True), tmp_path)
