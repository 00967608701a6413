"""Tables in files: rows one after the other, with the numbers that people see."""

import json
import math
from pathlib import Path

import pytest

from amkd.core.errors import UserError
from amkd.data import rows


def read(path: Path) -> list[rows.Row]:
    return list(rows.read(path, "table"))


def test_csv_as_spreadsheets_write_it(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes('\ufeffpath, label\r\n"a, b.png",cat\r\n\r\n"c\nd.png",dög\r\n'.encode())
    assert read(path) == [
        (2, {"path": "a, b.png", "label": "cat"}),
        (4, {"path": "c\nd.png", "label": "dög"}),
    ]


@pytest.mark.parametrize(("name", "text"), [("a.csv", "x;y\n1;2,5\n"), ("a.tsv", "x\ty\n1\t2,5\n")])
def test_other_separators(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert read(tmp_path / name) == [(2, {"x": "1", "y": "2,5"})]


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"path": "a.png", "label": 3}\n\n{"path": "b.png"}\n')
    assert read(path) == [(1, {"path": "a.png", "label": 3}), (3, {"path": "b.png"})]


def test_parquet_without_its_images(tmp_path: Path) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    found = [
        {"path": f"{number}.png", "image": {"bytes": b"x" * 99, "path": ""}, "scores": [0.5, 0.5]}
        for number in range(3000)
    ]
    parquet.write_table(arrow.Table.from_pylist(found), tmp_path / "a.parquet")
    cells = read(tmp_path / "a.parquet")
    assert len(cells) == 3000
    assert cells[2999] == (3000, {"path": "2999.png", "scores": [0.5, 0.5]})


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"", "name a file that ends in .csv, .tsv, .jsonl, .ndjson, .parquet"),
        ("a.csv", b"", "is empty"),
        ("a.csv", b"x,y\n1,2\n1\n", "row 3 has 1 cells, but the header names 2 columns"),
        ("a.csv", b"x,x\n1,2\n", "names the column 'x' more than once"),
        ("a.csv", b'x,y\n1,"2', "row 2 is damaged"),
        ("a.csv", b"x\ncaf\xe9\n", "not text in UTF-8"),
        ("a.jsonl", b'{"x": 1}\n{"x"\n', "row 2 is not JSON"),
        ("a.jsonl", b"[1]\n", "row 1 is not a JSON object"),
        ("a.parquet", b"PAR1", "is damaged after row 0"),
    ],
)
def test_damaged_tables(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=f"table: .*{message}"):
        read(tmp_path / name)


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_a_table_that_is_not_there(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"table: .*a\."):
        read(tmp_path / name)


def test_cells_as_text() -> None:
    values = [None, math.nan, " cat ", 3, 3.0, 2.5, json.loads("true")]
    assert [rows.text_of(value) for value in values] == ["", "", "cat", "3", "3", "2.5", "True"]
