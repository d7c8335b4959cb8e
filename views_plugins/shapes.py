"""Whether a value is what its dataclass says it is, all the way down (pure).

Plugins are not always type-checked: what one hands over is looked at here, before
anything is made of it. A quoted annotation is not looked at.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, get_args, get_origin

Check = Callable[[Any], str]
"""What is wrong with a value, with its place; empty when nothing is."""

_INT64 = 2**63
_NUMBERS = {int, float, bool}
_PLAIN = {str, NoneType, *_NUMBERS}


def require(value: object, wanted: Any) -> None:
    """Raise TypeError unless ``value`` is a ``wanted``; the text quotes no value."""
    problem = _check(wanted)(value)
    if problem:
        raise TypeError(f"{_name(wanted)}{problem}")


def address(text: str) -> str:
    """For ``Annotated[str, address]``: of this site, or of another by HTTP."""
    inside = text.startswith(("/", "?", "#")) and not text.startswith(("//", "/\\"))
    if not text or inside or text.startswith(("https://", "http://")):
        return ""
    return " is not an address"


@cache
def _check(wanted: Any) -> Check:
    origin, args = get_origin(wanted), get_args(wanted)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping(_check(args[0]), _check(args[1]))
    if origin in _MADE:
        return _MADE[origin](args)
    if wanted in _LEAVES:
        return _LEAVES[wanted]
    return _dataclass(wanted) if is_dataclass(wanted) else _instance(wanted)


# --- Leaves: exactly these types, since a subclass may write itself otherwise --------


def _text(value: Any) -> str:
    if type(value) is not str:
        return _not(value, "str")
    return "" if value.isascii() or _encodes(value) else " has half a character"


def _encodes(text: str) -> bool:
    return not any("\ud800" <= each <= "\udfff" for each in text)


def _integer(value: Any) -> str:
    if type(value) is not int:
        return _not(value, "int")
    return "" if -_INT64 <= value < _INT64 else " has more than 64 bits"


def _float(value: Any) -> str:
    if type(value) is not float:
        return _not(value, "float")
    return "" if math.isfinite(value) else " is not finite"


def _nothing(value: Any) -> str:
    return "" if value is None else _not(value, "None")


def _boolean(value: Any) -> str:
    return "" if type(value) is bool else _not(value, "bool")


_LEAVES: Mapping[Any, Check] = {
    str: _text,
    int: _integer,
    float: _float,
    bool: _boolean,
    NoneType: _nothing,
    Any: lambda value: "",
}


# --- What is made of others ---------------------------------------------------------


def _dataclass(kind: Any) -> Check:
    types: dict[str, Any] = {each.name: each.type for each in fields(kind)}
    parts = [
        (name, _check(wanted))
        for name, wanted in types.items()
        if not isinstance(wanted, str)
    ]

    def check(value: Any) -> str:
        if not isinstance(value, kind):
            return _not(value, kind.__name__)
        for name, inner in parts:
            if problem := inner(getattr(value, name)):
                return f".{name}{problem}"
        return ""

    return check


def _tuple(args: tuple[Any, ...]) -> Check:
    inner = _check(args[0])

    def check(value: Any) -> str:
        if not isinstance(value, tuple):
            return _not(value, "tuple")
        if not any(map(inner, _different(value))):
            return ""
        problems = ((n, inner(each)) for n, each in enumerate(value))
        return next(f"[{n}]{problem}" for n, problem in problems if problem)

    return check


def _different(values: tuple[Any, ...]) -> Iterable[Any]:
    """Each value once, where equal ones are the same: 1, 1.0 and True are not."""
    kinds = set(map(type, values))
    plain = kinds <= _PLAIN and len(kinds & _NUMBERS) <= 1
    return set(values) if plain else values


def _mapping(key: Check, inner: Check) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, Mapping):
            return _not(value, "a mapping")
        problems = (key(name) or inner(each) for name, each in value.items())
        return next(filter(None, problems), "")

    return check


def _union(args: tuple[Any, ...]) -> Check:
    by_type: dict[Any, Check] = {each: _check(each) for each in args}

    def check(value: Any) -> str:
        if own := by_type.get(type(value)):
            return own(value)
        if any(not each(value) for each in by_type.values()):
            return ""
        return _not(value, " or ".join(map(_name, args)))

    return check


def _annotated(args: tuple[Any, ...]) -> Check:
    first, second = _check(args[0]), args[1]
    return lambda value: first(value) or second(value)


def _callable(args: tuple[Any, ...]) -> Check:
    return lambda value: "" if callable(value) else _not(value, "callable")


_MADE: Mapping[Any, Callable[[tuple[Any, ...]], Check]] = {
    UnionType: _union,
    tuple: _tuple,
    Annotated: _annotated,
    Callable: _callable,
}


def _instance(kind: Any) -> Check:
    def check(value: Any) -> str:
        return "" if isinstance(value, kind) else _not(value, kind.__name__)

    return check


def _not(value: object, wanted: str) -> str:
    return f" is {type(value).__name__}, not {wanted}"


def _name(wanted: Any) -> str:
    return str(getattr(wanted, "__name__", wanted))
