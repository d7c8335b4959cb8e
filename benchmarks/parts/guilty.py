"""Guilty detection: one crash of 20 frames judged under 100 rules, in process."""

import time
from collections.abc import Callable

from benchmarks.bench import Bench, say
from benchmarks.results import Line, Section, Spread
from crashes import backtrace, guilty

FRAMES, RULES = 20, 100
_BUDGET = 60  # microseconds
_TIMES = 2000

_PAYLOAD = "Process: /usr/bin/indexer\nPID: 1\nSignal: 11\n\nBacktrace (TID 1):\n"


def measure(bench: Bench) -> Section:
    section = Section("Judging crashes")
    frames = backtrace.parse(_payload(0)).frames
    rules = guilty.Rules(_rules())
    matcher = rules.of("org.example/crash/app", "/usr/bin/indexer")
    payloads = iter([_payload(n) for n in range(1, bench.sizes.rounds * _TIMES + 1)])

    def fresh() -> None:
        matcher_ = rules.of("org.example/crash/app", "/usr/bin/indexer")
        guilty.judge(backtrace.parse(next(payloads)).frames, matcher_)

    warm = _measured(bench, lambda: guilty.judge(frames, matcher))
    section.lines.append(_line("judging, names seen before", warm, _BUDGET))
    cold = _measured(bench, fresh)
    section.lines.append(_line("parsing and judging, every name new", cold, None))
    return section


def _measured(bench: Bench, step: Callable[[], object]) -> Spread:
    """Microseconds per call, per round."""
    found = []
    for _ in range(bench.sizes.rounds):
        start = time.perf_counter()
        for _ in range(_TIMES):
            step()
        found.append((time.perf_counter() - start) / _TIMES * 1e6)
    say(f"guilty: {found[-1]:.0f} µs")
    return Spread.of(found)


def _line(what: str, spread: Spread, budget: int | None) -> Line:
    return Line(
        what=f"guilty of one crash, {FRAMES} frames, {RULES} rules: {what}",
        measured=spread.show("{:,.0f}", " µs"),
        budget=f"≤ {budget} µs" if budget else "",
        met=spread.median <= budget if budget else None,
    )


def _payload(number: int) -> str:
    """A backtrace of C++ and C frames; ``number`` makes its names its own."""
    frames = []
    for n in range(FRAMES):
        name = f"step{number}_{n}"
        mangled = f"_ZN5index{len(name)}{name}Ev" if n % 2 else name
        frames.append(f"#{n} {mangled}() - [/usr/bin/indexer] - index.cc:{n}")
    return _PAYLOAD + "\n".join(frames) + "\n"


def _rules() -> list[guilty.Rule]:
    """Exact names and patterns; every other one of the first frames is ignored."""
    exact = [
        guilty.Rule(n, f"step0_{n}()", "/usr/bin/indexer") for n in range(0, 16, 2)
    ]
    exact += [guilty.Rule(n, f"helper_{n}()", "libc.so.6") for n in range(16, 58)]
    globs = [
        guilty.Rule(n, f"*other{n}*", "lib*.so*", glob=True) for n in range(58, RULES)
    ]
    return [*exact, *globs]
