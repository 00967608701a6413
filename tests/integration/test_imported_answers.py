"""Answers that were paid for elsewhere: they are imported, and a run asks about none of them."""

import contextlib
import csv
import dataclasses
import hashlib
import io
import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from amkd import ledger
from amkd.cli.ledger import main
from amkd.core.digest import image_digest
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.data import decoding, own_images
from amkd.export import labelled_files, labelled_set
from amkd.ledger import accounts, reader, report, verify
from amkd.run import importing, inputs, workdir
from amkd.teachers import Teacher, answers, loading
from tests.support import books, command, counting_teacher
from tests.support.small import FOLDER, configured, shrink_and_answer, write_digits

STOP = StopSignal()
IDENTITY = "python:tests.support.small:shrink_and_answer"


@pytest.fixture
def log(tmp_path, monkeypatch):
    """What the teacher was asked, one hash for each image."""
    monkeypatch.setenv("COUNTING_TEACHER_LOG", str(tmp_path / "asked.txt"))
    return tmp_path / "asked.txt"


@pytest.fixture
def folder(tmp_path):
    write_digits(tmp_path / "pictures", 0, 40)
    return tmp_path / "pictures"


def settings_of(tmp_path, **fields):
    places = {"data.folder": tmp_path / "pictures", "cache_dir": tmp_path / "cache"}
    return configured("folder", "smoke", **{**FOLDER, **places, **fields})


def image_of(path, settings):
    return decoding.decode(path, own_images.decode_options(settings.data))


def answers_to(paths, settings, log):
    """What the teacher says of images; its log is emptied afterwards."""
    found = shrink_and_answer(np.stack([image_of(path, settings) for path in paths]))
    log.unlink(missing_ok=True)
    return found


def write_csv(path, head, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows])
    return path


def table_of(tmp_path, settings, log, count=40):
    """Answers to the first images, as a table with a column for each class."""
    paths = sorted((tmp_path / "pictures").iterdir())[:count]
    scores = answers_to(paths, settings, log)
    head = ["path", *(f"score:{number}" for number in range(10))]
    rows = [
        [f"pictures/{path.name}", *row] for path, row in zip(paths, scores.tolist(), strict=True)
    ]
    return write_csv(tmp_path / "answers.csv", head, rows)


def of_ledger(path, query):
    with reader.open_read_only(path) as book:
        return book.execute(query).fetchall()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder whose images were all answered elsewhere: imported twice, then a run."""
    root = tmp_path_factory.mktemp("finished")
    write_digits(root / "pictures", 0, 40)
    fields = {**FOLDER, "data.folder": root / "pictures", "cache_dir": root / "cache"}
    fields |= {"teacher.price": 0.5}
    launch = command.arguments(root / "run", "configs/folder.py:smoke", **fields)
    told = []
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as out:
        patch.setenv("COUNTING_TEACHER_LOG", str(root / "asked.txt"))
        patch.setattr(sys, "argv", ["amkd"])
        table = table_of(root, settings_of(root), root / "asked.txt")
        moved = root / "elsewhere" / table.name
        moved.parent.mkdir()
        shutil.copy(table, moved)
        for given in ([str(table)], [str(moved), f"--images={root}"]):
            assert main(["import", *given, *launch[2:]]) == 0
            told.append(out.getvalue())
            out.truncate(0)
    assert not (root / "asked.txt").exists()
    done = command.run(launch, command.environment(root))
    assert done.returncode == 0, done.stderr
    return root, told


def test_import_then_run_asks_nothing_twice(finished):
    """The run asks about its mixes alone, and pays for these alone."""
    root, told = finished
    for text, added, held in zip(told, (40, 0), (0, 40), strict=True):  # again changes nothing
        assert f"imported             {added} answers into {root}/run/ledger.sqlite" in text
        assert f"already there        {held}\n" in text and "data set      40 of them" in text
    summary = command.summary(root / "run")
    asked = counting_teacher.asked(root / "asked.txt")
    # 20 real and 10 held-out images are known; the 20 mixes of round 1 are not.
    assert len(asked) == len(set(asked)) == 20
    assert (summary["queries"], summary["queries_paid"], summary["cost"]) == (40, 20, 10.0)
    with reader.open_read_only(root / "run" / "ledger.sqlite") as book:
        assert all(not check.faults for check in verify.checks(book))
        assert accounts.imported(book) == 40
        imported = next(
            run for run in accounts.runs(book) if run.about.startswith("answers of answers.csv (")
        )
        assert (imported.spent, imported.distill, imported.evaluate) == ((), (0, 0), (0, 0))
        assert "imported: 40 answers, paid for elsewhere" in report.overview(
            book, root / "asked.txt"
        )


def test_classes_in_another_order_are_refused(finished, tmp_path, monkeypatch):
    """The table names the classes, and the ledger has their positions."""
    root, _ = finished
    monkeypatch.setenv("COUNTING_TEACHER_LOG", str(tmp_path / "asked.txt"))
    rows = [[f"pictures/{path.name}", "cat"] for path in sorted((root / "pictures").iterdir())[:3]]
    table = write_csv(tmp_path / "named.csv", ["path", "answer"], rows)
    book = tmp_path / "ledger.sqlite"

    def settings(classes):
        chosen = {"data.classes": classes, "teacher.answers.form": "label"}
        return settings_of(root, **chosen)

    names = ",".join(["cat", "dog", *map(str, range(100, 108))])
    other = ",".join(["dog", "cat", *map(str, range(100, 108))])
    for _ in range(2):
        importing.import_answers(settings(names), table, book, STOP, root=root)
    with pytest.raises(
        UserError, match=r"\(answers of named\.csv\) that were read with other names"
    ):
        importing.import_answers(settings(other), table, book, STOP, root=root)
    data = inputs.load_data(settings(other))
    with pytest.raises(UserError, match=r"than config\.data\.classes has now"):
        importing.check_classes(data, loading.load(settings(other), data, STOP), book)


def test_the_command_amkd_has_the_ledger():
    for words in (["launch.py", "ledger"], ["-m", "amkd.ledger"]):
        command_line = [sys.executable, *words, "import", "--help"]
        ran = subprocess.run(command_line, cwd=command.ROOT, capture_output=True, text=True)
        assert ran.returncode == 0 and "ANSWERS --config=CONFIG" in ran.stdout, ran.stderr


def test_imported_scores_are_kept_bit_by_bit(tmp_path, folder, log):
    settings = settings_of(tmp_path)
    table = table_of(tmp_path, settings, log, 5)
    found = importing.import_answers(settings, table, tmp_path / "l.sqlite", STOP)
    assert (found.taken.added, found.known, found.teacher) == (5, 5, IDENTITY)
    book = ledger.Ledger(tmp_path / "l.sqlite")
    paths = sorted(folder.iterdir())[:5]
    digests = [image_digest(image_of(path, settings)) for path in paths]
    held = book.find(book.teacher(IDENTITY), digests)
    book.close()
    expected = answers_to(paths, settings, log).astype(np.float32)
    assert [held[digest].tobytes() for digest in digests] == [row.tobytes() for row in expected]


def test_an_image_may_be_named_by_its_bytes_or_by_the_ledgers_key(tmp_path, folder, log):
    settings = settings_of(tmp_path)
    first, second, third = sorted(folder.iterdir())[:3]
    scores = answers_to([first, second, third], settings, log).tolist()
    key = image_digest(image_of(second, settings)).hex()
    rows = [
        {"sha256": hashlib.sha256(first.read_bytes()).hexdigest(), "scores": scores[0]},
        {"image": key, "scores": dict(zip("0123456789", scores[1], strict=True))},
        {"path": str(third), "scores": scores[2]},
        {"path": str(third), "scores": None},  # no answer
    ]
    table = tmp_path / "answers.jsonl"
    table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = importing.import_answers(settings, table, tmp_path / "l.sqlite", STOP)
    assert (found.taken.added, found.known, found.empty) == (3, 3, 1)


def test_an_exported_ledger_can_be_imported(tmp_path, folder, log):
    """CSV and Parquet, as `export` writes them: the same scores, and nothing that differs."""
    settings = settings_of(tmp_path)
    first = tmp_path / "first.sqlite"
    importing.import_answers(settings, table_of(tmp_path, settings, log), first, STOP)
    for suffix in ("csv", "parquet"):
        exported = tmp_path / f"exported.{suffix}"
        assert main(["export", str(first), str(exported)]) == 0
        other = tmp_path / f"{suffix}.sqlite"
        assert importing.import_answers(settings, exported, other, STOP).taken.added == 40
        answers = "SELECT image, scores FROM answer ORDER BY image"
        assert of_ledger(other, answers) == of_ledger(first, answers)


def test_classes_alone_are_for_a_teacher_that_answers_labels(tmp_path, folder, log):
    table = write_csv(
        tmp_path / "answers.csv",
        ["path", "class"],
        [["0000.png", "3"], ["0001.png", "7"]],  # found in data.folder
    )
    with pytest.raises(UserError, match=r"row 2: names a class without a score, but config.tea"):
        importing.import_answers(settings_of(tmp_path), table, tmp_path / "l.sqlite", STOP)
    labels = settings_of(tmp_path, **{"teacher.answers.form": "label"})
    found = importing.import_answers(labels, table, tmp_path / "l.sqlite", STOP)
    assert found.taken.added == 2
    rows = of_ledger(tmp_path / "l.sqlite", "SELECT scores FROM answer")
    assert sorted(int(np.frombuffer(row, "<f4").argmax()) for (row,) in rows) == [3, 7]


def test_a_class_and_its_score(tmp_path, folder, log):
    form = settings_of(tmp_path, **{"teacher.answers.form": "top_k"})
    table = write_csv(
        tmp_path / "answers.tsv.csv", ["file", "class", "probability"], [["0000.png", "3", "93%"]]
    )
    importing.import_answers(form, table, tmp_path / "l.sqlite", STOP)
    ((row,),) = of_ledger(tmp_path / "l.sqlite", "SELECT scores FROM answer")
    scores = np.frombuffer(row, "<f4")
    assert scores[3] == np.float32(0.93) and np.isnan(np.delete(scores, 3)).all()


WRONG = {
    "a score that is not a number": (["0000.png", *["x"] * 10], "row 2: 'x' is not a score"),
    "a wrong sum": (["0000.png", *[0.5] * 10], "row 2: .*sum to 5"),
    "a negative score": (["0000.png", 1.5, -0.5, *[0] * 8], "row 2: .*negative"),
    "a missing score": (["0000.png", 1, "", *[0] * 8], "row 2: .*NaN"),
    "a missing file": (["nowhere.png", 1, *[0] * 9], "row 2: there is no file 'nowhere.png' in "),
    "too long a name": (["n" * 256, 1, *[0] * 9], "row 2: there is no file 'nnn"),
    "no image": (["", 1, *[0] * 9], "row 2: names no image"),
    "a broken image": (["broken.png", 1, *[0] * 9], "row 2: 'broken.png' cannot be read"),
    "too few cells": (["0000.png"], "row 2 has 1 cells, but the header names 11 columns"),
}


@pytest.mark.parametrize(("row", "message"), WRONG.values(), ids=WRONG)
def test_a_faulty_row_is_named_and_nothing_is_imported(tmp_path, folder, log, row, message):
    (tmp_path / "broken.png").write_text("no image")
    good = ["0001.png", 1, *[0] * 9]
    head = ["path", *(f"score:{number}" for number in range(10))]
    table = write_csv(tmp_path / "answers.csv", head, [row, good])
    with pytest.raises(UserError, match=message):
        importing.import_answers(settings_of(tmp_path), table, tmp_path / "l.sqlite", STOP)
    assert not (tmp_path / "l.sqlite").exists()


def test_probabilities_are_not_imported_as_logits(tmp_path, folder, log):
    """The remedies of the message work: the student would learn from these probabilities."""
    settings = settings_of(
        tmp_path, **{"teacher.answers.form": "logits", "teacher.answers.temperature": 2.0}
    )
    shares = np.float32([[0.125, 0.875, *[0] * 8], [0.5, 0.25, 0.25, *[0] * 7]])
    head = ["path", *(f"score:{number}" for number in range(10))]

    def take(rows, settings, book="l.sqlite"):
        lines = [[f"{place:04d}.png", *row] for place, row in enumerate(rows.tolist())]
        table = write_csv(tmp_path / "answers.csv", head, lines)
        importing.import_answers(settings, table, tmp_path / book, STOP)
        held = of_ledger(tmp_path / book, "SELECT scores FROM answer")
        found = np.stack([np.frombuffer(row, "<f4") for (row,) in held])
        return {tuple(row) for row in answers.probabilities(found, settings.teacher.answers)}

    with pytest.raises(UserError, match=r"are probabilities.*form='logits'.*temperature=2\. If"):
        take(shares, settings)
    assert not (tmp_path / "l.sqlite").exists()
    logits = 2 * np.log(np.maximum(shares, 1e-30))
    found = take(logits, settings)
    assert np.allclose(sorted(found), sorted(map(tuple, shares)), rtol=0, atol=1e-6)
    assert main(["export", str(tmp_path / "l.sqlite"), str(tmp_path / "scores.csv")]) == 0
    raw = importing.import_answers(settings, tmp_path / "scores.csv", tmp_path / "m.sqlite", STOP)
    assert raw.taken.added == 2
    assert take(shares, settings_of(tmp_path), "n.sqlite") == set(map(tuple, shares))


def test_an_unknown_class_is_named(tmp_path, folder, log):
    settings = settings_of(tmp_path, **{"teacher.answers.form": "label"})
    rows = [["0000.png", "3"], ["0001.png", "cat"], ["0002.png", "10"]]
    table = write_csv(tmp_path / "answers.csv", ["path", "class"], rows)
    with pytest.raises(UserError, match=r"2 rows cannot be used(.|\n)*row 3: .*'cat'(.|\n)*row 4"):
        importing.import_answers(settings, table, tmp_path / "l.sqlite", STOP)


def test_two_answers_to_one_image_are_refused_and_both_rows_named(tmp_path, folder, log):
    (folder / "copy.png").write_bytes((folder / "0000.png").read_bytes())
    settings = settings_of(tmp_path, **{"teacher.answers.form": "label"})
    head = ["path", "class"]
    same = [["0000.png", "3"], ["0001.png", "4"], ["copy.png", "3"]]
    table = write_csv(tmp_path / "same.csv", head, same)
    found = importing.import_answers(settings, table, tmp_path / "same.sqlite", STOP)
    assert (found.taken.added, found.repeated) == (2, 1)
    table = write_csv(tmp_path / "other.csv", head, [*same[:2], ["copy.png", "8"]])
    with pytest.raises(UserError, match=r"row 4: has a different answer from row 2 to the same"):
        importing.import_answers(settings, table, tmp_path / "other.sqlite", STOP)
    assert not (tmp_path / "other.sqlite").exists()


def test_an_answer_that_the_ledger_holds_otherwise_is_refused(tmp_path, folder, log):
    settings = settings_of(tmp_path, **{"teacher.answers.form": "label"})
    head, place = ["path", "class"], tmp_path / "l.sqlite"
    first = write_csv(tmp_path / "first.csv", head, [["0000.png", "3"]])
    importing.import_answers(settings, first, place, STOP)
    before = of_ledger(place, "SELECT * FROM answer")
    second = write_csv(tmp_path / "second.csv", head, [["0001.png", "1"], ["0000.png", "8"]])
    with pytest.raises(UserError, match=r"another answer .* of 1 rows \(3\); nothing was imported"):
        importing.import_answers(settings, second, place, STOP)
    assert of_ledger(place, "SELECT * FROM answer") == before
    found = importing.import_answers(settings, second, place, STOP, keep_held=True)
    assert found.taken == (1, 1, 1)
    assert set(before) < set(of_ledger(place, "SELECT * FROM answer"))


def test_a_teacher_that_costs_nothing_is_refused(tmp_path):
    settings = configured(**{"cache_dir": tmp_path})
    with pytest.raises(UserError, match=r"config.teacher.kind='flax': its answers cost nothing"):
        importing.import_answers(settings, tmp_path / "a.csv", tmp_path / "l.sqlite", STOP)


def test_the_command_needs_to_know_which_ledger(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["amkd"])
    given = ["--config=configs/folder.py", "--config.data.folder=pictures"]
    assert main(["import", str(tmp_path / "answers.csv"), *given]) == 2
    assert "--workdir is missing" in capsys.readouterr().err
    assert main(["import", str(tmp_path / "answers.csv"), *given, "--config.budgt=3"]) == 2
    assert "budgt" in capsys.readouterr().err


def test_a_run_takes_the_answers_of_its_manifest(tmp_path, folder, log, capsys):
    """Those in the columns meant for them; a column called class is not an answer there."""
    settings = settings_of(tmp_path)
    paths = sorted(folder.iterdir())
    scores = answers_to(paths[:30], settings, log).tolist()
    head = ["path", "class", *(f"score:{number}" for number in range(10))]
    rows = [[f"pictures/{p.name}", "3", *row] for p, row in zip(paths, scores, strict=False)]
    rows += [[f"pictures/{path.name}", "3", *[""] * 10] for path in paths[30:]]
    table = write_csv(tmp_path / "manifest.csv", head, rows)
    fields = {"dataset": "manifest", "data.folder": "", "data.manifest": str(table)}
    settings = settings_of(tmp_path, **fields)
    data = inputs.load_data(settings)
    teacher = loading.load(settings, data, STOP)
    for told in ("30 answers were imported from the manifest", ""):
        capsys.readouterr()
        importing.take_from_manifest(settings, data, teacher, tmp_path / "l.sqlite")
        assert told in capsys.readouterr().out
    assert of_ledger(tmp_path / "l.sqlite", "SELECT count(*) FROM answer") == [(30,)]
    assert of_ledger(tmp_path / "l.sqlite", "SELECT purpose, sum(paid) FROM use") == [
        ("imported", 0)
    ]


def test_a_manifest_is_imported_without_the_rows_that_the_run_leaves_out(tmp_path, folder, log):
    """Those of the split val, whose files may be missing, and images that broken=skip skips."""
    settings = settings_of(tmp_path)
    paths = sorted(folder.iterdir())
    scores = answers_to(paths[:8], settings, log).tolist()
    (folder / "broken.png").write_bytes(b"no image")
    head = ["path", "split", *(f"score:{number}" for number in range(10))]
    rows = [[f"pictures/{p.name}", "", *row] for p, row in zip(paths, scores, strict=False)]
    rows += [["pictures/gone.png", "val", *scores[0]], ["pictures/broken.png", "", *scores[1]]]
    rows += [[f"pictures/{path.name}", "", *[""] * 10] for path in paths[8:]]
    table = write_csv(tmp_path / "manifest.csv", head, rows)
    fields = {"dataset": "manifest", "data.folder": "", "data.manifest": str(table)}
    settings = settings_of(tmp_path, **fields, **{"data.broken": "skip"})
    data = inputs.load_data(settings)
    teacher = loading.load(settings, data, STOP)
    importing.take_from_manifest(settings, data, teacher, tmp_path / "l.sqlite")
    assert of_ledger(tmp_path / "l.sqlite", "SELECT count(*) FROM answer") == [(8,)]


def test_answers_of_a_run_with_the_classes_in_another_order_are_not_used(tmp_path):
    """A service that names its classes, under an identity that the user has chosen."""

    def of(*names):
        return own_images.unlabeled("d", np.empty((0, 2, 2, 1), np.uint8), names, key="")

    plain = settings_of(tmp_path)
    template = dataclasses.replace(plain.teacher.json, labels="label")
    teacher = dataclasses.replace(plain.teacher, kind="json", json=template)
    named = dataclasses.replace(plain, teacher=teacher)
    about = importing.description_with_classes("a run", named, of("cat", "dog"))
    assert re.fullmatch(r"a run \(classes [0-9a-f]{8}\)", about)
    assert importing.description_with_classes("a run", plain, of("cat", "dog")) == "a run"
    path, service = tmp_path / "ledger.sqlite", Teacher("svc", lambda images: images)
    with contextlib.closing(ledger.Ledger(path)) as book:
        book.begin_run("run", about, "place")
        who = books.charge(book.teacher("svc"), "run")
        books.pay(book, who, books.some_images(2), books.some_answers(2, classes=2))
    importing.check_classes(of("cat", "dog"), service, path)
    with pytest.raises(
        UserError, match=r"answers of svc \(a run\) that were read with other names"
    ):
        importing.check_classes(of("dog", "cat"), service, path)


# The labelled set of a run.


def test_a_labelled_set_is_exported_and_comes_back(finished, tmp_path, monkeypatch):
    """Images bit by bit, what they were mixed from, and the answers that the student had."""
    parquet = pytest.importorskip("pyarrow.parquet")
    root, _ = finished
    monkeypatch.setenv("COUNTING_TEACHER_LOG", str(tmp_path / "asked.txt"))
    out = tmp_path / "out"
    assert main(["dataset", str(root / "run"), str(out)]) == 0
    assert not (tmp_path / "asked.txt").exists()
    found = labelled_set.of_run(root / "run", STOP)
    examples = list(found.examples())
    assert len(examples) == 40 and [one.round for one in examples] == [0] * 20 + [1] * 20
    assert all(one.first == one.second == one.digest for one in examples[:20])
    real = {one.digest: one.image for one in examples[:20]}
    for one in examples[20:]:
        assert one.first != one.second and 0.3 <= one.lam <= 0.7
        mixed = one.lam * real[one.first] + (1 - one.lam) * real[one.second].astype(float)
        assert np.abs(mixed - one.image).max() <= 0.51
    expected = shrink_and_answer(np.stack([one.image for one in examples])).astype(np.float32)
    assert np.array_equal(np.stack([one.answer for one in examples]), expected)

    with (out / "answers.csv").open() as file:
        rows = list(csv.DictReader(file))
    table = parquet.read_table(out / "train.parquet").to_pylist()
    for one, row, cells in zip(examples, rows, table, strict=True):
        assert np.array_equal(np.asarray(Image.open(out / row["path"])), one.image)
        assert row["path"] == f"images/{row['class']}/{one.digest}.png"
        assert np.float32([row[f"score:{number}"] for number in range(10)]).tolist() == (
            cells["scores"] == one.answer.tolist() and one.answer.tolist()
        )
        assert (cells["digest"], cells["label"]) == (row["image"], int(row["class"]))
    assert main(["dataset", str(root / "run"), str(out)]) == 2  # it is there already

    # What was exported is what an import takes: every image has the same key, and the same answer.
    other = tmp_path / "other.sqlite"
    again = importing.import_answers(settings_of(root), out / "answers.csv", other, STOP)
    assert again.taken.added == len({one.digest for one in examples})
    held = dict(of_ledger(other, "SELECT image, scores FROM answer"))
    assert all(held[bytes.fromhex(one.digest)] == one.answer.tobytes() for one in examples)


def test_a_labelled_set_of_nothing(tmp_path):
    with pytest.raises(UserError, match="contains no run"):
        labelled_set.of_run(tmp_path, STOP)


def test_a_labelled_set_of_lanes_is_refused(tmp_path):
    """An answer to a road is 48 distributions or more, and not one class."""
    workdir.claim(configured("roads", "smoke"), tmp_path, "run", "labels:roads", "key")
    with pytest.raises(UserError, match=r"config\.dataset='roads' are lanes, but a labelled set"):
        labelled_set.of_run(tmp_path, STOP)


@pytest.mark.parametrize(
    ("classes", "names"),
    [
        (("cat", "hot dog"), ["cat", "hot dog"]),
        (("a/b", "../c"), ["a_b", "_c"]),
        (("cat", "Cat"), ["0000", "0001"]),  # one folder on some file systems
        (("..", "x"), ["0000", "0001"]),
    ],
)
def test_names_of_class_folders(classes, names):
    assert labelled_files._folder_names(classes) == names


def test_an_image_without_a_class_is_in_a_folder_of_its_own(tmp_path):
    """The service found neither class in the second image."""
    folder, image = labelled_files._Folder(tmp_path, ("cat", "dog")), np.zeros((2, 2, 3), np.uint8)
    for digest, answer in (("a", [0.25, 0.75]), ("b", [0.5, 0.5])):
        one = labelled_set.Example(image, digest, np.float32(answer), 0, digest, digest, 1.0)
        folder.add(one, True)
    folder.close()
    with (tmp_path / "answers.csv").open() as file:
        rows = [(row["path"], row["class"]) for row in csv.DictReader(file)]
    assert rows == [("images/dog/a.png", "dog"), ("images/_no_class/b.png", "")]
