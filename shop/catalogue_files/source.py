"""A YAML file as plain values, with what is wrong about it in a sentence: a typo must not silently lose a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Unreadable(Exception):
    """The file cannot be read; the text says why."""


class _Loader(SafeLoader):
    """Refuses a field that stands twice, of which YAML would keep the second, and a day that no calendar has."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value} stands here twice", key.start_mark)
            seen.add(key.value if isinstance(key.value, str) else None)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping

    def construct_day(self, node: Any) -> Any:
        try:
            return self.construct_yaml_timestamp(node)
        except ValueError:
            problem = f"{node.value} is no day of the calendar"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from None


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_day)


def load(path: Path) -> Any:
    """What a file holds. Raises Unreadable."""
    try:
        return yaml.load(path.read_text(encoding="utf-8-sig"), Loader=_Loader)
    except OSError as error:
        raise Unreadable(f"it cannot be opened ({error.strerror})") from None
    except UnicodeDecodeError:
        raise Unreadable("it is not text in UTF-8: save it as UTF-8") from None
    except yaml.YAMLError as error:
        raise Unreadable(_sentence(error)) from None


def _sentence(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return problem if mark is None else f"line {mark.line + 1}: {problem}"
