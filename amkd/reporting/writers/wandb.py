"""Weights & Biases, online or offline."""

from collections.abc import Mapping

from amkd.core import extras
from amkd.core.errors import UserError
from amkd.core.redaction import redact
from amkd.reporting import scalars
from amkd.reporting.writers.base import WriterFacts, hidden


class Run:
    """A run of a project; files of the client go to the workdir."""

    def __init__(self, project: str, facts: WriterFacts) -> None:
        """Begins a run, or resumes it.

        Raises:
          UserError: the package is missing, or cannot start.
        """
        field = f"config.report.wandb={project!r}"
        wandb = extras.require("wandb", extra="wandb", field=field)
        self._hidden = hidden("WANDB_API_KEY")
        # Do not send the output, the code or facts about this machine to the service.
        quiet = wandb.Settings(
            console="off",
            disable_code=True,
            disable_git=True,
            save_code=False,
            silent=True,
            x_disable_machine_info=True,
            x_disable_meta=True,
            x_disable_stats=True,
            x_save_requirements=False,
        )
        try:
            self._run = wandb.init(
                project=project,
                id=facts.run,
                name=facts.folder.name,
                resume="allow",
                config=dict(facts.config),
                dir=str(facts.folder),
                settings=quiet,
            )
        except Exception as error:  # of many kinds: no key, no network
            raise UserError(
                f"{field}: wandb cannot start ({redact(str(error))}); set WANDB_API_KEY, or"
                " WANDB_MODE=offline, or leave the field empty"
            ) from error
        for axis, groups in scalars.GROUPS.items():
            for group in groups:
                self._run.define_metric(f"{group}/*", step_metric=axis)

    def scalars(self, values: Mapping[str, float], *, axis: str, step: int) -> None:
        """See :class:`amkd.reporting.writers.base.Writer`."""
        self._run.log({**values, axis: step})

    def close(self, *, finished: bool) -> None:
        """See :class:`amkd.reporting.writers.base.Writer`."""
        self._run.finish(exit_code=0 if finished else 1)
