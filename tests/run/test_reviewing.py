"""``amkd review``: images of a finished run as a page and a table, and corrections read back."""

import csv
import dataclasses
import shutil

import numpy as np
import pytest
from PIL import Image

from amkd.cli import subcommands
from amkd.core.digest import image_digest
from amkd.core.errors import UserError
from amkd.ledger import corrections
from amkd.reporting import metrics
from amkd.run import answered_images, image_paths, reviewing, stored_run
from tests.reporting.test_pages import read
from tests.support import page_checks, small


@pytest.fixture(scope="module")
def run(tiny_run, tmp_path_factory):
    """A copy of a finished run, whose ledger may be written."""
    folder = tmp_path_factory.mktemp("review") / "run"
    shutil.copytree(tiny_run / "run", folder)
    return folder


@pytest.fixture(scope="module")
def review(run):
    return reviewing.collect(stored_run.read(run))


@pytest.fixture(scope="module")
def table(run):
    """The rows that the command writes."""
    subcommands.run(["review", str(run), "--most=5"])
    with (run / "review" / "review.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def write(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, reviewing.COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_images_are_those_of_the_run(review):
    held_out, real = review.answered
    assert (held_out.kind, real.kind) == (answered_images.HELD_OUT, answered_images.QUERIED)
    assert len(held_out.images) == 60 and len(real.images) == 30
    last = review.run.rounds[-1]
    assert metrics.agreement(held_out.student, held_out.teacher) == last["agreement"]
    assert metrics.divergence(held_out.student, held_out.teacher) == pytest.approx(
        last["divergence"]
    )


def test_the_method_is_the_one_that_was_used(run, tmp_path):
    """Where the real images take all the budget it is real_only, whatever was configured."""
    assert stored_run.read(run).method == stored_run.read(run).settings.method == "active_mixup"
    other = shutil.copytree(run, tmp_path / "run")
    path = other / "summary.json"
    path.write_text(path.read_text().replace('"active_mixup"', '"real_only"'))
    assert stored_run.read(other).method == "real_only"
    path.unlink()
    assert stored_run.read(other).method == "active_mixup"


def test_other_images_than_those_of_the_run_are_refused(run):
    """Another number of files holds out other ones, and the student learned from some of them."""
    with pytest.raises(UserError, match=r"made from other images.*; restore the images of the run"):
        reviewing.collect(dataclasses.replace(stored_run.read(run), data="before a file was added"))


def test_page_and_table(run, review, table, tmp_path):
    page = (run / "review" / "review.html").read_text()
    reader = read(page)
    assert all(address.startswith("data:image/") for address in reader.fetched)
    page_checks.check(page)
    assert 10 <= len(table) <= 20 and all(row["correct"] == row["file"] == "" for row in table)
    held_out = review.answered[0]
    worst = int(np.argmax(metrics.divergences(held_out.student, held_out.teacher)))
    assert table[0]["image"] == image_digest(held_out.images[worst]).hex()
    assert table[0]["teacher"] == str(held_out.teacher[worst].argmax())
    assert table[0]["student_score"] == f"{held_out.student[worst].max():.4f}"
    assert f"row {len(table) + 1}<br>" in page and f"row {len(table) + 2}<br>" not in page
    with pytest.raises(UserError, match=r"review\.csv already exists"):
        subcommands.run(["review", str(run)])
    subcommands.run(["review", str(run), f"--output={tmp_path / 'other'}"])
    with (tmp_path / "other" / "review.csv").open() as file:
        assert {*csv.DictReader(file).fieldnames} == {*table[0]}
    assert (tmp_path / "other" / "review.html").exists()


def test_a_class_may_be_written_in_capitals(review, table, tmp_path):
    path = write(tmp_path / "review.csv", [{**table[0], "correct": "DOG"}])
    animals = ("cat", "dog", *map(str, range(8)))
    assert [*reviewing.read_csv(dataclasses.replace(review, names=animals), path).values()] == [1]
    both = ("DOG", "Dog", *map(str, range(8)))  # they differ only in this
    row = write(tmp_path / "other.csv", [{**table[0], "correct": "dog"}])
    with pytest.raises(UserError, match="'dog' is not one of the classes"):
        reviewing.read_csv(dataclasses.replace(review, names=both), row)


def test_corrections_are_read_once(run, review, table, tmp_path, capsys):
    rows = [{**row, "correct": ""} for row in table]
    rows[0]["correct"], rows[1]["correct"] = " 3 ", rows[1]["teacher"]
    path, names = write(tmp_path / "review.csv", rows), review.names
    subcommands.run(["review", str(run), f"--read={path}"])
    told = capsys.readouterr().out
    assert "2 corrections are new, 0 have changed, 0 were already there" in told
    right = 1 + (table[0]["teacher"] == "3")
    assert f"of these 2 images, the teacher is right on {right} " in told
    held = corrections.read(stored_run.read(run).ledger, names)
    assert held == {
        bytes.fromhex(rows[0]["image"]): 3,
        bytes.fromhex(rows[1]["image"]): int(rows[1]["teacher"]),
    }
    subcommands.run(["review", str(run), f"--read={path}"])
    assert "0 corrections are new, 0 have changed, 2 were already there" in capsys.readouterr().out


def test_wrong_rows_are_named_and_nothing_counts(review, table, tmp_path):
    rows = [{**row, "correct": "3"} for row in table]
    rows[1]["correct"], rows[2]["image"] = "cat", "ab" * 32
    rows.append({**rows[0], "correct": "4"})
    path = write(tmp_path / "review.csv", rows)
    with pytest.raises(UserError) as caught:
        reviewing.read_csv(review, path)
    told = str(caught.value)
    assert "row 3: 'cat' is not one of the classes" in told and "no correction was saved" in told
    assert f"row 4: image {('ab' * 32)[:16]!r} is not an image of this run" in told
    assert f"row {len(rows) + 1}: image {rows[0]['image'][:16]!r} has another class" in told


def test_a_table_of_a_spreadsheet(review, table, tmp_path):
    path = tmp_path / "review.csv"
    text = f"image;correct\r\n{table[0]['image']};7\r\n{table[1]['image']};\r\n"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert reviewing.read_csv(review, path) == {bytes.fromhex(table[0]["image"]): 7}
    path.write_text("picture,correct\n1,2\n")
    with pytest.raises(UserError, match="has no column 'image'"):
        reviewing.read_csv(review, path)
    with pytest.raises(UserError, match="cannot be read"):
        reviewing.read_csv(review, tmp_path / "absent.csv")


def test_the_page_of_the_run_shows_them(tiny_run):
    page = (tiny_run / "run" / "report.html").read_text()
    read(page)
    assert "Teacher and student disagree most: held-out images" in page
    assert "The teacher is least confident: queried real images" in page


def test_mistakes(tmp_path, run):
    with pytest.raises(UserError, match="contains no run"):
        subcommands.run(["review", str(tmp_path)])
    with pytest.raises(UserError, match="--most=0"):
        subcommands.run(["review", str(run), "--most=0"])
    with pytest.raises(UserError, match=r"--colour.*see amkd review --help"):
        subcommands.run(["review", str(run), "--colour=red"])


def test_files_of_images_in_a_folder_and_in_a_manifest(tmp_path):
    """The first image is an evaluation image; a copy of the second is not another image."""
    for part in ("train", "test"):
        (tmp_path / part).mkdir()
    images, names = np.zeros((3, 8, 8), np.uint8), ("test/a.png", "train/b.png", "train/c.png")
    images += np.array([10, 20, 30], np.uint8)[:, None, None] + np.arange(8, dtype=np.uint8)
    for name, image in zip(names, images, strict=True):
        Image.fromarray(image).save(tmp_path / name)
    shutil.copy(tmp_path / names[1], tmp_path / "train" / "copy.png")
    rows = "".join(f"{name},{name.partition('/')[0]}\n" for name in (*names, "train/copy.png"))
    (tmp_path / "pictures.csv").write_text("path,split\n" + rows)
    digests = [image_digest(image[..., None]) for image in images]
    expected = {digest: str(tmp_path / name) for digest, name in zip(digests, names, strict=True)}
    plan = {"data.size": 8, "data.mode": "grey", "data.classes": "2", "n_real": 2, "budget": 3}
    plan |= {"rounds": 1, "cache_dir": tmp_path / "cache", "teacher.kind": "python"}
    plan |= {"teacher.function": "tests.support.small:shrink_and_answer"}
    of_folder = {"data.folder": tmp_path / "train", "data.test_folder": tmp_path / "test"}
    for fields in (
        {"dataset": "folder", **of_folder},
        {"dataset": "manifest", "data.manifest": str(tmp_path / "pictures.csv")},
    ):
        settings = small.configured(**plan, **fields)
        assert image_paths.find(settings, {*digests, b"another"}) == expected
    (tmp_path / names[2]).write_bytes(b"changed")
    assert image_paths.find(settings, set(digests)) == {}
