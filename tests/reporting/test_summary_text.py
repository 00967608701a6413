"""Text for a person: the closing table, and the line of a round."""

from pathlib import Path

from amkd.reporting import summary_text
from tests.support.summaries import row, summary


def test_the_table_tells_of_money_only_where_there_is_some() -> None:
    free = summary_text.closing_table(summary())
    assert "cost" not in free and "without an answer" not in free
    paid = summary_text.closing_table(summary(cost=1234.5, currency="EUR", lost=12))
    assert "\ncost                 1,234.5 EUR\n" in paid
    assert "\nwithout an answer    12 images, which may have been billed\n" in paid


def test_an_assistant_of_an_earlier_version_is_told_of() -> None:
    told = {"model": "lenet5", "mixes": 0, "pictures": 50, "share": 0.5, "agreement": 0.9}
    assert "lenet5 answered 50 images" in summary_text.closing_table(summary(assistant=told))


def test_the_table_tells_what_an_assistant_answered() -> None:
    told = {
        "model": "lenet5",
        "mixes": 12000,
        "near": 0,
        "real_images": 50,
        "share": 0.5,
        "agreement": 0.9,
    }
    text = summary_text.closing_table(summary(assistant=told))
    assert (
        "\nassistant            lenet5 answered 12,000 fresh mixes and 50 images that were not"
        " queried, without a query; they make up 50% of each of the student's batches\n" in text
    )
    assert "\nits agreement        90.00%" in text
    assert "assistant" not in summary_text.closing_table(summary())


def test_the_table_of_an_earlier_version_is_printed() -> None:
    before = {
        name: value for name, value in summary().items() if name not in ("cost", "currency", "lost")
    }
    assert summary_text.closing_table(before) == summary_text.closing_table(summary())


def test_the_table_holds_every_figure() -> None:
    lines = summary_text.closing_table(summary()).splitlines()
    facts = {
        line[:21].strip(): line[21:] for line in lines if line[20:21] == " " and line[:1].isalpha()
    }
    assert facts["teacher accuracy"] == "95.12%"
    assert facts["student accuracy"] == "84.21%"
    assert facts["success rate"] == "88.53%"
    assert facts["agreement"] == "86.33%"
    assert facts["queries"].startswith("987 of 1000") and "654" in facts["queries"]
    assert facts["evaluation queries"].startswith("497")
    assert facts["peak memory"] == "321 MiB, mapped files included"
    assert facts["seconds"] == "search 12.4, query 3.0, train 65.6, evaluate 0.2"
    assert facts["student"] == "w/student"
    assert facts["summary"] == "w/summary.json"
    heading = next(line for line in lines if line)
    for part in ("active_mixup", "digits", "seed 7", "flax:lenet5:0123456789abcdef", "lenet5_half"):
        assert part in heading


def test_a_run_that_was_moved_is_shown_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "student").mkdir()
    (tmp_path / "ledger.sqlite").touch()
    paths = {
        "student": "old/run/student",
        "summary": "old/run/summary.json",
        "plots": None,
        "ledger": "old/run/ledger.sqlite",
    }
    lines = summary_text.closing_table(summary(paths=paths), tmp_path).splitlines()
    assert lines[-4:] == [
        f"student              {tmp_path}/student",
        f"summary              {tmp_path}/summary.json (missing)",
        "plots                None",
        f"ledger               {tmp_path}/ledger.sqlite",
    ]


def test_a_ledger_elsewhere_keeps_its_path(tmp_path: Path) -> None:
    shared = tmp_path / "shared.sqlite"
    shared.touch()
    for ledger, told in ((shared, f"{shared}"), ("gone.sqlite", "gone.sqlite (missing)")):
        paths = {"summary": "old/run/summary.json", "ledger": str(ledger)}
        text = summary_text.closing_table(summary(paths=paths), tmp_path / "run")
        assert text.endswith(f"\nledger               {told}")


def test_the_table_has_a_line_for_every_round() -> None:
    lines = [line.split() for line in summary_text.closing_table(summary()).splitlines()]
    assert ["0", "200", "12.34%", "40.00%"] in lines
    assert ["1", "987", "60.00%", "86.33%"] in lines


def test_the_tables_columns_stand_under_their_names() -> None:
    lines = summary_text.closing_table(summary()).splitlines()
    start = next(
        place for place, line in enumerate(lines) if line.split()[:2] == ["round", "queries"]
    )
    assert len({len(line) for line in lines[start : start + 3]}) == 1


def test_what_was_not_measured_is_shown_as_such() -> None:
    unknown = summary(
        teacher_accuracy=None,
        success_rate=None,
        agreement=None,
        rounds=[row(0, 200, agreement=None), row(1, 987)],
    )
    text = summary_text.closing_table(unknown)
    assert text.count("not measured") == 4
    assert "None" not in text.replace("plots                None", "")


def test_percent() -> None:
    assert summary_text.percent(0.98765) == "98.77%"
    assert summary_text.percent(1.0) == "100.00%"
    assert summary_text.percent(0.0) == "0.00%"
    assert summary_text.percent(None) == "not measured"


def test_intervals_stand_beside_what_was_counted() -> None:
    """428 and 430 of 497; the teacher is evaluated on the images that it answered."""
    assert summary_text.percent(428 / 497, 497) == "86.12% (82.8 to 88.9)"
    counted = {"accuracy_images": 497, "agreement_images": 100}
    last = row(1, 987, student_accuracy=428 / 497, agreement=0.9, **counted)
    assert "student 86.12% (82.8 to 88.9)  agreement 90.00% (82.6 to 94.5)" in (
        summary_text.round_line(last)
    )
    found = summary(student_accuracy=428 / 497, agreement=0.9, rounds=[last], **counted)
    text = summary_text.closing_table(found)
    assert text.count("86.12% (82.8 to 88.9)") == text.count("90.00% (82.6 to 94.5)") == 2
    assert "teacher accuracy     95.12% (" in text
    assert "95% intervals (Wilson), of 497 images" in text


def test_the_line_of_a_round() -> None:
    assert summary_text.round_line(row(2, 1234)) == (
        "round 2: queries 1234  student 70.00%  agreement 60.00%  C2 0.250..0.750  (search 12s,"
        " query 3s, train 66s)"
    )


def test_the_line_of_a_screened_round_tells_what_was_found_for_sure() -> None:
    screened = {"evaluations": 9, "recall": {"low": 0.9625, "estimate": 0.98, "high": 0.99}}
    assert "  found 96.25% or more of the k lowest" in summary_text.round_line(
        row(2, 1234, search=screened)
    )


def test_the_line_of_round_0_has_no_scores() -> None:
    line = summary_text.round_line(row(0, 200, agreement=None))
    assert "C2" not in line
    assert "agreement not measured" in line
    assert line.startswith("round 0: queries 200  student 50.00%")


def test_scores_of_single_images_are_called_c1() -> None:
    scored = row(1, 9, c2_lowest=None, c2_highest=None, c1_lowest=0.1, c1_highest=0.25)
    assert "  C1 0.100..0.250  " in summary_text.round_line(
        scored
    ) and "C2" not in summary_text.round_line(scored)
    assert "  C2 0.250..0.750  " in summary_text.round_line(row(1, 9))
    assert summary_text.score_range(row(0, 9)) is None
