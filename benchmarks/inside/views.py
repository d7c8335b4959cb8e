"""Every view over several windows and with every filter, and other pages."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.db.models import Sum

from benchmarks import dataset
from benchmarks.inside import main, site
from benchmarks.inside.timing import explained, timed, told
from crashes.models import Guilty
from records import addresses
from records.models import KindDay, MachineDay
from views_plugins import registry
from views_plugins.registry import Plugin


def measure(repeats: int) -> dict[str, Any]:
    """Each of them, and the plans of the slowest."""
    site.get("/login")  # what a process does once is no part of a view
    found = [timed(each, repeats) for each in _addresses()]
    return {"views": told(found), "plans": explained(found)}


def _addresses() -> list[str]:
    system = _commonest("build__system_name")
    classification = _commonest("kind__classification__name")
    views = [
        f"/{plugin.slug}{query}"
        for plugin in registry.plugins()
        if plugin.content
        for query in _queries(plugin, system, classification)
    ]
    return [*views, *_crashes(system), *_others()]


def _queries(plugin: Plugin, system: str, classification: str) -> Iterator[str]:
    """By default, over all days, with each filter and with each option."""
    yield ""
    yield "?days=all"
    yield f"?{urlencode({'system_name': system})}"
    yield "?external=false"
    yield "?external=true&days=all"
    if plugin.by_classification:
        yield f"?{urlencode({'classification': classification})}"
    for option in plugin.options:
        for choice in list(option.choices)[1:]:
            yield f"?{option.name}={choice}"


def _crashes(system: str) -> Iterator[str]:
    yield "/crashes"
    yield "/crashes?days=all"
    yield f"/crashes?{urlencode({'system_name': system})}"
    yield "/crashes/overall"
    for pk in Guilty.objects.order_by("id").values_list("id", flat=True)[:1]:
        yield f"/crashes/guilty_details/{pk}"


def _others() -> Iterator[str]:
    yield "/records"
    yield "/records/facets"
    newest = MachineDay.objects.order_by("-day").values_list("machine_id", flat=True)
    for machine_id in newest[:1]:
        yield addresses.machine(machine_id)
    if MachineDay.objects.filter(machine_id=dataset.RETIRED_MACHINE).exists():
        yield addresses.machine(dataset.RETIRED_MACHINE)


def _commonest(field: str) -> str:
    days = KindDay.objects.values_list(field).annotate(n=Sum("records"))
    return str(days.order_by("-n", field)[0][0])


if __name__ == "__main__":
    main(measure)
