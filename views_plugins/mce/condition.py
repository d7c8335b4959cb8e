"""What rules of alerts may look for: uncorrected errors, by machine."""

from collections.abc import Iterator

from alerts.conditions import Condition, Reading, Watch
from records import addresses
from views_plugins.mce.counts import memory_errors


def uncorrected(watch: Watch) -> Iterator[Reading]:
    """Machines with uncorrected errors of memory on these days."""
    for machine, n in memory_errors(watch.scope).items():
        yield Reading(
            subject=machine or "(none)",
            value=n,
            title=f"Machine {machine}",
            text=f"{n} uncorrected memory errors since {watch.scope.start}.",
            link=addresses.machine(machine),
            machine_id=machine,
        )


CONDITION = Condition(
    name="uncorrected-memory-error",
    label="Uncorrected memory error",
    about="Errors of memory, or seen by a cache that read it, that a machine could not "
    "correct.",
    unit="errors",
    read=uncorrected,
)
