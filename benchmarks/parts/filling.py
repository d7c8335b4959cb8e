"""How long the databases that are queried take to be made."""

from benchmarks.bench import Bench, Fleet
from benchmarks.results import Line, Section


def measure(bench: Bench) -> Section:
    fleets = [each for each in (bench.smaller(), bench.fleet()) if each]
    note = (
        "What `manage.py seed_demo` does: records by COPY, digested from memory by the "
        "worker's code, in a process per processor; indexes; VACUUM and ANALYZE."
    )
    lines = [_line(each) for each in fleets if not each.given]
    return Section("Filling a database", lines=lines, notes=[note])


def _line(fleet: Fleet) -> Line:
    return Line(
        what=f"{fleet.records:,} records of {fleet.machines:,} machines in "
        f"{fleet.days} days",
        measured=f"{fleet.seconds:,.0f} s",
        compared=f"{fleet.records / fleet.seconds:,.0f} records/s",
    )
