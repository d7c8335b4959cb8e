"""The page of a machine id."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from records import addresses, machine
from records.access import may_see_payload
from records.views import for_readers
from views_plugins.machines import history
from views_plugins.machines.parts import parts

LONGEST_ID = 32
_ROTATION = {"rotation": history.ROTATION.days}


@for_readers
def lookup(request: HttpRequest) -> HttpResponse:
    """The page of an id that no path can carry, or a question for one."""
    machine_id = request.GET.get("machine_id", "").strip()
    if not machine_id:
        return render(request, "machines/lookup.html")
    address = addresses.machine(machine_id)
    if "?" in address:
        return _page(request, machine_id)
    return redirect(address)


@for_readers
def page(request: HttpRequest, machine_id: str) -> HttpResponse:
    """Everything that an id sent."""
    return _page(request, machine_id)


def _page(request: HttpRequest, machine_id: str) -> HttpResponse:
    found = history.find(machine_id) if _possible(machine_id) else None
    if found is None:
        context = {"machine_id": machine_id, **_ROTATION}
        return render(request, "machines/unknown.html", context, status=404)
    payload = may_see_payload(request.user)
    records = machine.page(machine_id, request.GET, payload=payload)
    context = {
        "machine": found,
        "page": records,
        "parts": parts(found),
        "address": addresses.machine(machine_id),
        "records": addresses.machine_records(machine_id),
        "older": _paged(machine_id, "from_id", records.older),
        "newer": _paged(machine_id, "after_id", records.newer),
        **_ROTATION,
    }
    return render(request, "machines/machine.html", context)


def _possible(machine_id: str) -> bool:
    """Whether the collector takes such an id, and the database such a text."""
    trimmed = machine_id == machine_id.strip()
    return trimmed and 0 < len(machine_id) <= LONGEST_ID and "\x00" not in machine_id


def _paged(machine_id: str, name: str, record_id: int | None) -> str:
    """The address of another page of records; empty when there is none."""
    if record_id is None:
        return ""
    address = addresses.machine(machine_id)
    joint = "&" if "?" in address else "?"
    return f"{address}{joint}{urlencode({name: record_id})}"
