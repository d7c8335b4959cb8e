"""Every view over several windows: server time and queries."""

from statistics import median
from typing import Any

from benchmarks import dataset
from benchmarks.inside import main, plans, site
from crashes.models import Guilty
from records import addresses, labels
from records.models import MachineDay
from views_plugins import registry

_REPEATS = 7
_EXPLAINED = 5


def measure() -> dict[str, Any]:
    """Seconds of the first request and of later ones, by address; the slowest plans."""
    site.get("/login")  # what a process does once is no part of a view
    found = [_measured(each) for each in _addresses()]
    slowest = sorted(found, key=lambda each: -median(each["seconds"]))[:_EXPLAINED]
    return {
        "views": found,
        "plans": [plans.explained(each["address"]) for each in slowest],
    }


def _addresses() -> list[str]:
    """Each view by default, over all days and with each option; other pages."""
    found = []
    for plugin in registry.plugins():
        if plugin.content:
            found += [f"/{plugin.slug}", f"/{plugin.slug}?days=all"]
            found += [
                f"/{plugin.slug}?{option.name}={choice}"
                for option in plugin.options
                for choice in list(option.choices)[1:]
            ]
    newest = MachineDay.objects.order_by("-day").values_list("machine_id", flat=True)
    guilty = Guilty.objects.order_by("id").values_list("id", flat=True)
    return [
        *found,
        "/records",
        "/records/facets",
        "/crashes",
        "/crashes/overall",
        *(f"/crashes/guilty_details/{pk}" for pk in guilty[:1]),
        *(addresses.machine(machine_id) for machine_id in newest[:1]),
        addresses.machine(dataset.RETIRED_MACHINE),
    ]


def _measured(address: str) -> dict[str, Any]:
    labels.forget()
    with plans.queries() as made:
        first = site.get(address)
    return {
        "address": address,
        "status": first.status,
        "first": first.seconds,
        "queries": len(made),
        "seconds": [site.get(address).seconds for _ in range(_REPEATS)],
    }


if __name__ == "__main__":
    main(measure)
