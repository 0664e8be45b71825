"""Read a YAML configuration file into a strict model; every error names the file and the line."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from shared.errors import ConfigError

M = TypeVar("M", bound=BaseModel)

MAX_BYTES = 4 * 1024 * 1024


def read_config(path: Path, model: type[M]) -> M:
    """Read and validate `path`; raises ConfigError that lists every problem with its line."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    return parse_config(content, model, name=path.name)


def parse_config(content: bytes, model: type[M], *, name: str) -> M:
    """Validate the bytes of a configuration file called `name`."""
    if len(content) > MAX_BYTES:
        raise ConfigError(f"{name}: larger than {MAX_BYTES} bytes")
    try:
        document = YAML(typ="rt").load(StringIO(content.decode("utf-8")))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: not UTF-8 at byte {error.start}") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{name}:{line}: {error.problem or 'not YAML'}") from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{name}: not YAML that can be read ({str(error).splitlines()[0][:200]})") from None
    try:
        return model.model_validate(_plain(document) if document is not None else {})
    except ValidationError as error:
        problems = [
            f"{name}:{_line(document, problem['loc'])}: {_where(document, problem['loc'])}"
            f"{_words(dict(problem), model)}"
            for problem in error.errors(include_input=False, include_url=False)
        ]
        raise ConfigError("\n".join(dict.fromkeys(problems))) from None


def _plain(node: Any) -> Any:
    if isinstance(node, dict):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    return node


def _line(node: Any, location: Iterable[Any]) -> int:
    """Find the line of the nearest part of `location` that stands in the file (1-based)."""
    line = 1
    for part in location:
        marks = getattr(node, "lc", None)
        try:
            if isinstance(node, dict):
                line = marks.key(part)[0] + 1 if marks else line
                node = node[part]
            elif isinstance(node, list) and isinstance(part, int):
                line = marks.item(part)[0] + 1 if marks else line
                node = node[part]
        except (KeyError, IndexError, TypeError):
            continue
    return line


def _where(node: Any, location: tuple[Any, ...]) -> str:
    """Say which thing is meant by the name or address that it carries."""
    words = []
    for part in location:
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            break
        if isinstance(part, int):
            name = (node.get("name") or node.get("url")) if isinstance(node, dict) else node
            words.append(f"item {part + 1}" + (f" ({name})" if isinstance(name, str) else ""))
        else:
            words.append(str(part))
    return ": ".join(words) + ": " if words else ""


def _words(problem: dict[str, Any], model: type[BaseModel]) -> str:
    if problem["type"] == "extra_forbidden":
        key = str(problem["loc"][-1])
        near = difflib.get_close_matches(key, sorted(_keys(model)), n=1)
        return f"unknown key {key!r}" + (f" (did you mean {near[0]!r}?)" if near else "")
    if problem["type"] == "missing":
        return f"{problem['loc'][-1]!r} is missing"
    return str(problem["msg"]).removeprefix("Value error, ")


def _keys(model: Any, seen: set[Any] | None = None) -> set[str]:
    """Collect the keys of a model and of the models inside it, for "did you mean"."""
    seen = seen if seen is not None else set()
    if model in seen:
        return set()
    seen.add(model)
    keys: set[str] = set()
    if isinstance(model, type) and issubclass(model, BaseModel):
        for name, info in model.model_fields.items():
            keys.add(info.alias or name)
            keys |= _keys(info.annotation, seen)
    for argument in get_args(model):
        try:
            keys |= _keys(argument, seen)
        except TypeError:
            continue
    return keys


class FileWatch:
    """Tell when the content of some files has changed, by hash: editors replace files in many ways."""

    def __init__(self, *paths: Path) -> None:
        self._paths = paths
        self._last = self._hash()

    def changed(self) -> bool:
        """Return True once for each change of content."""
        current = self._hash()
        if current == self._last:
            return False
        self._last = current
        return True

    def _hash(self) -> str:
        digest = hashlib.sha256()
        for path in self._paths:
            try:
                digest.update(path.read_bytes())
            except OSError:
                digest.update(b"\0missing")
        return digest.hexdigest()
