"""A table as a learner sees it: standardised columns in the task's shape, and what is to be predicted."""

from __future__ import annotations

from ..base.task import Task
from ..data.inputs import inputs
from ..data.table import Table
from .learner import Rows


def rows_of(table: Table, task: Task, subject: str = "") -> Rows:
    """The rows of a table under a task; `subject` names the column of the people whose rows they are."""
    return Rows(*inputs(table, task, subject))
