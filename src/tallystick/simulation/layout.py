"""What lies in a run's folder, and under which names."""

from typing import Final

MARK: Final = "run.json"  # which settings the run has, whether it is finished, its figures
ASKED: Final = "run.toml"  # what the command was asked for
RESULT: Final = "result.json"  # what came of it, for programs and for `tally run`
LEDGER: Final = "ledger"
MODELS: Final = "models"
CHECKPOINT: Final = "work.db"  # the members' work so far, while the run goes on
EXPORT: Final = "run.tally"
