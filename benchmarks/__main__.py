"""Measure everything, or some parts, and write the page."""

import argparse
import re
import shlex
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from types import FrameType

from benchmarks import load, machine, page
from benchmarks.bench import Bench, Sizes, say
from benchmarks.parts import PARTS
from benchmarks.postgres import Postgres
from benchmarks.project import ROOT
from benchmarks.results import Section

_DEFAULTS = Sizes(
    records=1_000_000,
    compared=1_000_000,
    rounds=3,
    repeats=15,
    seconds=4,
    backlog=200_000,
    heartbeats=300_000,
    exported=200_000,
    requests=200_000,
)
_PASSWORD = re.compile(r"://[^/@]*@")
_HELP = {
    "records": "in the database that is queried",
    "compared": "in the smaller database, when there is more than one size",
    "rounds": "of everything that is compared",
    "repeats": "of a request to a page or the API",
    "seconds": "of each load on a server",
    "backlog": "records that the worker digests",
    "heartbeats": "in the database whose size is measured",
    "exported": "records of an export",
    "requests": "to the collector whose memory is watched",
}


def main(arguments: Sequence[str]) -> int:
    signal.signal(signal.SIGTERM, _interrupt)
    options = _options(arguments)
    sizes = Sizes(**{each.name: getattr(options, each.name) for each in fields(Sizes)})
    told = [_PASSWORD.sub("://", each) for each in arguments]
    command = shlex.join(["python", "-m", "benchmarks", *told])
    sections: list[Section] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Postgres() as postgres:
        bench = Bench(sizes, postgres, load.generator(), Path(folder), options.fleet)
        facts = machine.facts(bench.folder, postgres.version, bench.generator.name)
        for name in options.only:
            sections.append(_part(bench, name))
            # What was measured is kept when a later part fails.
            options.output.write_text(page.render(facts, [command], sections))
    say(f"written: {options.output}")
    return 1 if any(section.problems for section in sections) else 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Servers are ended and folders removed on the way out."""
    raise KeyboardInterrupt


def _part(bench: Bench, name: str) -> Section:
    say(name)
    return PARTS[name](bench)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    for name, text in _HELP.items():
        default = getattr(_DEFAULTS, name)
        parser.add_argument(
            f"--{name}", type=_positive, default=default, help=f"{text} ({default:,})"
        )
    parser.add_argument(
        "--only",
        type=_parts,
        default=list(PARTS),
        help=f"some of {', '.join(PARTS)}; separated by commas",
    )
    parser.add_argument(
        "--fleet",
        default="",
        metavar="URL",
        help="a filled PostgreSQL database to be queried, as it is; it is only read",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=ROOT / "docs" / "benchmarks.md",
        help="the page (docs/benchmarks.md)",
    )
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _parts(text: str) -> list[str]:
    """The parts that were named, in the order of a run."""
    wanted = set(text.split(","))
    unknown = wanted - PARTS.keys()
    if unknown:
        raise argparse.ArgumentTypeError(f"no such part: {', '.join(sorted(unknown))}")
    return [name for name in PARTS if name in wanted]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
