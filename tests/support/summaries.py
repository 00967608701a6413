"""What a run reports: entries of metrics.jsonl, and a summary."""

from typing import Any

SECONDS = {"search": 12.4, "query": 3.0, "train": 65.6, "evaluate": 0.2}


def row(round_: int, queries: int, **more: Any) -> dict[str, Any]:
    return {
        "round": round_,
        "queries": queries,
        "student_accuracy": 0.5 + round_ / 10,
        "agreement": 0.4 + round_ / 10,
        "loss": 1.5 - round_ / 10,
        "c2_lowest": 0.25 if round_ else None,
        "c2_highest": 0.75 if round_ else None,
        "student_sha256": "0" * 64,
        "seconds": dict(SECONDS),
        **more,
    }


def epoch(round_: int, number: int) -> dict[str, Any]:
    return {"round": round_, "epoch": number, "loss": 2.0 - round_ / 10 - number / 100}


def summary(**more: Any) -> dict[str, Any]:
    return {
        "method": "active_mixup",
        "dataset": "digits",
        "seed": 7,
        "n_real": 200,
        "budget": 1000,
        "queries": 987,
        "queries_paid": 654,
        "evaluation_queries": 497,
        "cost": 0.0,
        "currency": "USD",
        "lost": 0,
        "teacher": "flax:lenet5:0123456789abcdef",
        "student": "lenet5_half",
        "teacher_accuracy": 0.9512,
        "student_accuracy": 0.8421,
        "success_rate": 0.8853,
        "agreement": 0.8633,
        "seconds": dict(SECONDS),
        "peak_memory_mib": 321,
        "rounds": [row(0, 200, student_accuracy=0.1234), row(1, 987, agreement=0.8633)],
        "paths": {"student": "w/student", "summary": "w/summary.json", "plots": None},
        **more,
    }
