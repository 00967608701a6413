"""MLflow: a tracking server, or another place that MLFLOW_TRACKING_URI names."""

import time
from collections.abc import Mapping

from amkd.core import extras
from amkd.core.errors import UserError
from amkd.core.redaction import redact
from amkd.reporting.writers.base import WriterFacts, hidden

_AT_ONCE = 100  # parameters that MLflow takes in one request
_LONGEST = 500  # characters of a parameter that every server takes
_SECRETS = ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
_TAG = "amkd.run"  # by which a resumed run is found again


class Run:
    """A run of an experiment."""

    def __init__(self, experiment: str, facts: WriterFacts) -> None:
        """Begins a run, or resumes it.

        Raises:
          UserError: the package is missing, or cannot start.
        """
        field = f"config.report.mlflow={experiment!r}"
        mlflow = extras.require("mlflow", extra="mlflow", field=field)
        self._hidden = hidden(*_SECRETS)
        self._entities = extras.require("mlflow.entities", extra="mlflow", field=field)
        try:
            self._client = mlflow.MlflowClient()
            found = self._client.get_experiment_by_name(experiment)
            place = found.experiment_id if found else self._client.create_experiment(experiment)
            self._run = self._begin(place, facts)
        except Exception as error:  # of many kinds: no server, no right
            raise UserError(
                f"{field}: MLflow cannot start ({redact(str(error))}); check MLFLOW_TRACKING_URI,"
                " or leave the field empty"
            ) from error

    def _begin(self, experiment: str, facts: WriterFacts) -> str:
        """Returns the run's identity in MLflow."""
        known = self._client.search_runs([experiment], f"tags.`{_TAG}` = '{facts.run}'")
        if known:
            run: str = known[0].info.run_id
            self._client.update_run(run, status="RUNNING")
            return run
        run = self._client.create_run(
            experiment, run_name=facts.folder.name, tags={_TAG: facts.run}
        ).info.run_id
        params = [
            self._entities.Param(name, str(value)[:_LONGEST])
            for name, value in facts.config.items()
        ]
        for start in range(0, len(params), _AT_ONCE):
            self._client.log_batch(run, params=params[start : start + _AT_ONCE])
        return run

    def scalars(self, values: Mapping[str, float], *, axis: str, step: int) -> None:
        """See :class:`amkd.reporting.writers.base.Writer`."""
        now = int(1000 * time.time())
        metrics = [self._entities.Metric(name, value, now, step) for name, value in values.items()]
        self._client.log_batch(self._run, metrics=metrics)

    def close(self, *, finished: bool) -> None:
        """See :class:`amkd.reporting.writers.base.Writer`."""
        self._client.set_terminated(self._run, "FINISHED" if finished else "KILLED")
