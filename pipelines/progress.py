"""One line a step: what a person at a terminal sees of a run.

Belongs here: turning Dagster's events into lines with rows and seconds. Does not belong here:
what is logged for machines. Names and counts only; no event's message is passed on.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

from dagster import DagsterEvent, DagsterEventType, InitLoggerContext, LoggerDefinition, logger
from rich.console import Console

ROW_COUNT = "dagster/row_count"


class ProgressHandler(logging.Handler):
    """Writes a line when a step ends, with the rows its assets reported.

    Args:
        console: Where the lines go.
    """

    def __init__(self, console: Console) -> None:
        super().__init__()
        self.console = console
        self.rows: Counter[str] = Counter()
        self.failed_checks: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        """Take one record; everything but the ends of steps is counted or left alone."""
        event = _event(record)
        if event is None or event.step_key is None:
            return
        step = event.step_key
        if event.event_type == DagsterEventType.ASSET_MATERIALIZATION:
            entry = event.step_materialization_data.materialization.metadata.get(ROW_COUNT)
            value = getattr(entry, "value", None)
            self.rows[step] += value if isinstance(value, int) else 0
        elif event.event_type == DagsterEventType.ASSET_CHECK_EVALUATION:
            self.failed_checks[step] += not event.asset_check_evaluation_data.passed
        elif event.event_type == DagsterEventType.STEP_SUCCESS:
            self._line("done", step, event.step_success_data.duration_ms / 1000)
        elif event.event_type == DagsterEventType.STEP_FAILURE:
            self._line("failed", step, None)

    def _line(self, verdict: str, step: str, seconds: float | None) -> None:
        rows = f"{self.rows[step]:>12,} rows".replace(",", " ") if self.rows[step] else " " * 17
        took = f"{seconds:6.1f} s" if seconds is not None else ""
        red = f"  {self.failed_checks[step]} checks red" if self.failed_checks[step] else ""
        style = "red" if verdict == "failed" else None
        self.console.print(
            f"  {verdict:<6} {step:<28} {rows} {took}{red}", style=style, markup=False
        )


def _event(record: logging.LogRecord) -> DagsterEvent | None:
    meta: Any = getattr(record, "dagster_meta", None)
    event = meta.get("dagster_event") if isinstance(meta, dict) else None
    return event if isinstance(event, DagsterEvent) else None


def _build(context: InitLoggerContext) -> logging.Logger:
    quiet = logging.Logger("folkepuls.progress", level=logging.DEBUG)
    quiet.addHandler(ProgressHandler(Console(stderr=True, highlight=False)))
    return quiet


progress_logger: LoggerDefinition = logger(
    config_schema={}, description="A line a step, for a person at a terminal."
)(_build)
