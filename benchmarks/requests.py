"""Requests that were timed, beside the same on a smaller database (pure)."""

from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote_plus, urlsplit

from benchmarks.results import Details, Spread, Table, factor, milliseconds


class Request(NamedTuple):
    """``smaller``: seconds on the smaller database, if there is one."""

    address: str
    what: str
    status: str
    queries: int
    first: float
    later: Spread
    smaller: Spread | None

    @property
    def growth(self) -> float:
        return self.later.median / self.smaller.median if self.smaller else 1.0

    @property
    def shown(self) -> str:
        return f"`{unquote_plus(self.address)}`"


def read(
    found: Sequence[dict[str, Any]], smaller: Sequence[dict[str, Any]] = ()
) -> list[Request]:
    """What `benchmarks.inside.timing` told of both databases."""
    before: defaultdict[tuple[str, ...], deque[Spread]] = defaultdict(deque)
    for each in smaller:
        before[_sort(each)].append(Spread.of(each["seconds"]))
    return [
        Request(
            address=each["address"],
            what=each["what"],
            status=each["status"],
            queries=each["queries"],
            first=each["first"],
            later=Spread.of(each["seconds"]),
            smaller=same.popleft() if (same := before[_sort(each)]) else None,
        )
        for each in found
    ]


def _sort(case: dict[str, Any]) -> tuple[str, ...]:
    """What a request has in common with its like on another database, where values
    differ: the page, the names of parameters. Several of a sort come in one order.
    """
    parts = urlsplit(case["address"])
    names = (name for name, _ in parse_qsl(parts.query, keep_blank_values=True))
    return (parts.path.split("/")[1], case["what"], *names)


def refused(requests: Sequence[Request]) -> list[str]:
    return [
        f"{each.address}: {each.status}"
        for each in requests
        if not each.status.startswith("200")
    ]


def plans(found: Sequence[dict[str, str]]) -> list[Details]:
    return [Details(unquote_plus(each["address"]), each["plan"]) for each in found]


def table(requests: Sequence[Request], limit: float, smaller: int | None) -> Table:
    """Slowest first; what is above ``limit`` is bold."""
    head = ["request", "", "queries", "first", "then"]
    if smaller:
        head += [f"at {smaller:,} records", "factor"]
    ordered = sorted(requests, key=lambda each: -each.later.median)
    return Table(head, [_row(each, limit, bool(smaller)) for each in ordered])


def _row(request: Request, limit: float, compared: bool) -> list[str]:
    first = Spread.of([request.first])
    later = milliseconds(request.later)
    row = [
        request.shown,
        request.what,
        str(request.queries),
        _bold(milliseconds(first), request.first > limit),
        _bold(later, request.later.median > limit),
    ]
    if compared and request.smaller:
        grown = factor(Spread.of([request.growth]))
        row += [f"{request.smaller.median * 1000:,.1f} ms", grown]
    elif compared:
        row += ["", ""]
    return row


def _bold(text: str, wanted: bool) -> str:
    return f"**{text}**" if wanted else text
