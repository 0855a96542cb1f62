"""A person's own learner, read from a file: `learner_from("my.py:PumpNet")`."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from ..base.ids import digest
from ..learning.learner import Learner
from .own import BadLearner, name_of

VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
KINDS = (
    "a learner, a class with build(task) and loss(net, x, y), a function build(task) that gives a PyTorch "
    "module, a scikit-learn estimator, or a function without arguments that gives one of these"
)


def learner_from(where: str | Path) -> Learner:
    """The learner that a file defines, such as `my.py:PumpNet`; the file is executed, so trust it first."""
    path, _, name = str(where).rpartition(":")
    if not path or not name.isidentifier():
        raise BadLearner(f"{where} names no learner: give a file and a name in it, such as my.py:PumpNet")
    module = _executed(Path(path))
    if not hasattr(module, name):
        known = [attribute for attribute, value in vars(module).items() if _may_be(value, module)]
        raise BadLearner(f"{path} has no {name!r}; it has {', '.join(known) or 'nothing of the kind'}")
    with _mistakes_of(Path(path)):
        made = learner_in(getattr(module, name), name)
    return replace(made, source=digest(b"source", Path(path).read_bytes()))


def learner_in(code: Any, name: str) -> Learner:
    """What a person wrote, as a learner."""
    if isinstance(code, Learner):
        return code
    if inspect.isfunction(code) and not _asks(code):
        made = code()
        if inspect.isfunction(made):
            raise BadLearner(f"{name}() gives a function; it has to give {KINDS}")
        return learner_in(made, name)
    if hasattr(code, "get_params") and hasattr(code, "fit") and not isinstance(code, type):
        from . import sklearn

        return sklearn.learner(code, name_of(name))
    if callable(getattr(code, "build", None)):
        from . import torch

        return torch.learner(name_of(name))(code)
    if inspect.isfunction(code):
        from . import torch

        return torch.module(code, name=name_of(name))
    raise BadLearner(f"{name} is {_article(type(code).__name__)}; it has to be {KINDS}")


def _executed(path: Path) -> ModuleType:
    """The file as a module; one that is executed twice is the same module, so that its classes are too."""
    if not path.is_file():
        raise BadLearner(f"there is no file {path}")
    mark = digest(b"file", str(path.resolve()).encode(), path.read_bytes()).hex()[:8]
    called = f"learner_{path.stem}_{mark}"
    if called in sys.modules:
        return sys.modules[called]
    spec = importlib.util.spec_from_file_location(called, path)
    if spec is None or spec.loader is None:
        raise BadLearner(f"{path} is no Python file: its name has to end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[called] = module
    try:
        with _mistakes_of(path):
            spec.loader.exec_module(module)
    except BadLearner:
        del sys.modules[called]
        raise
    return module


@contextmanager
def _mistakes_of(path: Path) -> Iterator[None]:
    """Whatever a person's own code raises is told with its place, for them to mend."""
    try:
        yield
    except BadLearner:
        raise
    except Exception as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        mend = f"; install it: pip install {missing}" if missing else ""
        cause = f"{type(error).__name__}: {error}{_line_in(path, error)}"
        raise BadLearner(f"{path} does not run: {cause}{mend}") from error


def _asks(function: Any) -> bool:
    """Whether a function cannot be called without arguments."""
    for parameter in inspect.signature(function).parameters.values():
        if parameter.default is parameter.empty and parameter.kind not in VARIADIC:
            return True
    return False


def _line_in(file: Path, error: BaseException) -> str:
    """The last line of this file that an error came through."""
    trace, line = error.__traceback__, 0
    while trace is not None:
        here = Path(trace.tb_frame.f_code.co_filename).resolve() == file.resolve()
        line = trace.tb_lineno if here else line
        trace = trace.tb_next
    return f" (line {line})" if line else ""


def _may_be(value: Any, module: ModuleType) -> bool:
    ours = getattr(value, "__module__", "") == module.__name__
    return isinstance(value, Learner) or (ours and callable(value))


def _article(word: str) -> str:
    return f"{'an' if word[0].lower() in 'aeiou' else 'a'} {word}"
