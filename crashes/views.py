"""Pages about crashes: each parses, asks one function, renders."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import wraps
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Q
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
)
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_http_methods, require_POST

from crashes import access, audit, curation, exchange, forecast, hits, judging, stats
from crashes import suggestions as suggesting
from crashes.board import board
from crashes.forms import (
    KINDS,
    PLACES,
    SHOWN,
    WINDOWS,
    ChangeForm,
    CommentForm,
    InvalidQuestion,
    Question,
    RulesQuestion,
    question,
)
from crashes.models import CrashReport, Guilty, Rejudge, Rule, RulesVersion
from records.access import Reader, may_read
from records.models import Build
from records.scope import Scope
from records.views import for_readers

BACKTRACES = 10
RULES = 100
VERSIONS = 50
SPARK_DAYS = 90
STUCK_POLLS = 8
"""So many looks without progress, and the page asks whether the worker runs."""

View = Callable[..., HttpResponseBase]


class Outdated(Exception):
    """The rules changed after a change of them was previewed."""


def page(view: View) -> View:
    """GET for readers; a question that makes no sense answers 400."""

    @for_readers
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except InvalidQuestion as error:
            context = {"errors": error.errors}
            return render(request, "crashes/refused.html", context, status=400)

    return guarded


def for_curators(allowed: Callable[[Reader], bool]) -> Callable[[View], View]:
    """For those who may change what the function names, and may read."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(
            request: HttpRequest, *args: Any, **kwargs: Any
        ) -> HttpResponseBase:
            if not request.user.is_authenticated:
                back = request.get_full_path()
                return redirect_to_login(
                    back if request.method == "GET" else reverse("crashes")
                )
            if not (may_read(request.user) and allowed(request.user)):
                raise PermissionDenied("Your account may not curate crashes.")
            response = view(request, *args, **kwargs)
            patch_cache_control(response, private=True, no_cache=True)
            return response

        return guarded

    return decorate


# --- Top crashes --------------------------------------------------------------------


@page
def top(request: HttpRequest) -> HttpResponse:
    """Top crashes, the newest builds as columns."""
    return _top(request, question(request.GET, days="7"), columns=True)


@page
def overall(request: HttpRequest) -> HttpResponse:
    """Top crashes of all builds, or of one whose name makes no address."""
    return _top(request, question(request.GET, days="all"), columns=False)


@page
def build(request: HttpRequest, build: str) -> HttpResponse:
    """Top crashes of one build."""
    known = "\x00" not in build and Build.objects.filter(version=build).exists()
    if not known:  # PostgreSQL fails on NUL instead of finding nothing
        raise Http404("There is no such build.")
    parameters = {**request.GET.dict(), "build": build}
    return _top(request, question(parameters, days="all"), columns=False)


def _top(request: HttpRequest, asked: Question, *, columns: bool) -> HttpResponse:
    found = board(
        asked.scope(), shown=asked.shown, hidden=asked.hidden, columns=columns
    )
    larger = [int(n) for n in SHOWN if int(n) > asked.shown]
    context = _context(request) | {
        "asked": asked,
        "board": found,
        "windows": WINDOWS,
        "with_columns": columns,
        "larger": larger[0] if larger else None,
        "keep_build": request.GET.get("build", ""),
        "empty": not found.total and not CrashReport.objects.exists(),
    }
    return render(request, "crashes/top.html", context)


# --- One guilty ---------------------------------------------------------------------


@page
def guilty(request: HttpRequest, guilty_id: int) -> HttpResponse:
    """A guilty: what is said of it, where and when it crashed."""
    found = _guilty(guilty_id)
    asked = question(request.GET, days="all")
    scope = asked.scope()
    first, last = stats.seen(guilty_id)
    days = stats.by_day(scope, guilty_id)
    recent = stats.recent(scope, days)
    builds = stats.builds_of(guilty_id, scope)
    context = _context(request) | {
        "guilty": found,
        "merged": found.merged.select_related("frame"),
        "asked": asked,
        "windows": WINDOWS,
        "first": first,
        "last": last,
        "days": days,
        "spark": _spark(scope, days),
        "builds": builds,
        "most": max((each.crashes for each in builds), default=0),
        "crashes": sum(each.crashes for each in builds),
        "machines": stats.machines_of(guilty_id, recent),
        "since": recent.start if recent != scope else None,
    }
    return render(request, "crashes/guilty.html", context)


@page
def backtraces(request: HttpRequest, guilty_id: int) -> HttpResponse:
    """The different backtraces of a guilty, each frame with its verdict."""
    whose = _guilty(guilty_id)
    asked = question(request.GET, days="all")
    found = stats.backtraces(
        guilty_id,
        asked.scope(),
        machine_id=asked.machine_id,
        below=asked.below,
        limit=BACKTRACES + 1,
    )
    context = _context(request) | {
        "guilty": whose,
        "asked": asked,
        "backtraces": found[:BACKTRACES],
        "older": found[BACKTRACES - 1].last_record if found[BACKTRACES:] else None,
        "rules": judging.rules_in_force(),
        "kinds": KINDS,
        "places": PLACES,
    }
    return render(request, "crashes/backtraces.html", context)


@for_curators(access.may_comment)
@require_POST
def edit(request: HttpRequest, guilty_id: int) -> HttpResponse:
    """Change the comment of a guilty, hide it or show it again."""
    found = _guilty(guilty_id)
    form = CommentForm(request.POST)
    if not form.is_valid():
        errors = {name: list(map(str, each)) for name, each in form.errors.items()}
        context = {"errors": errors}
        return render(request, "crashes/refused.html", context, status=400)
    changed = []
    if "comment" in request.POST and form.cleaned_data["comment"] != found.comment:
        found.comment = form.cleaned_data["comment"]
        changed.append("comment")
    if form.cleaned_data["hidden"] not in (None, found.hidden):
        found.hidden = form.cleaned_data["hidden"]
        changed.append("hidden")
    if changed:
        with transaction.atomic():
            found.save(update_fields=changed)
            user = cast(User, request.user)
            audit.record(user, found, f"Changed {' and '.join(changed)}.")
        messages.success(request, "Saved.")
    return redirect("guilty", guilty_id=guilty_id)


def _guilty(guilty_id: int) -> Guilty:
    rows = Guilty.objects.select_related("frame", "merged_into__frame")
    return get_object_or_404(rows, pk=guilty_id)


def _spark(scope: Scope, days: Mapping[date, int]) -> dict[str, date]:
    """From where to where the sparkline goes."""
    today = datetime.now(UTC).date()
    earliest = today - timedelta(days=SPARK_DAYS - 1)
    start = scope.start or max(min(days, default=earliest), earliest)
    return {"start": min(start, today - timedelta(days=6)), "end": today}


# --- Curation -----------------------------------------------------------------------


@for_curators(access.may_change_rules)
@require_http_methods(["GET", "HEAD", "POST"])
def preview(request: HttpRequest) -> HttpResponse:
    """What a change of the rules would do; changes nothing."""
    data = request.POST if request.method == "POST" else request.GET
    form = ChangeForm(data, request.FILES)
    if not form.is_valid():
        context = {"form": form}
        return render(request, "crashes/no_change.html", context, status=400)
    return _previewed(request, form)


@for_curators(access.may_change_rules)
@require_POST
def apply(request: HttpRequest) -> HttpResponseBase:
    """Apply a change that was previewed, unless the rules changed since."""
    form = ChangeForm(request.POST)
    if not form.is_valid():
        context = {"form": form}
        return render(request, "crashes/no_change.html", context, status=400)

    def make() -> curation.RuleSet:
        if request.POST.get("based_on") != str(_newest_version()):
            raise Outdated
        return form.after()

    try:
        version = curation.change(
            make,
            note=form.note,
            author=cast(User, request.user),
            everything=form.cleaned_data["action"] == "everything",
        )
    except Outdated:
        return _previewed(request, form, outdated=True)
    return redirect("rules-version", version=version.pk)


@for_curators(access.may_change_rules)
@require_POST
def undo(request: HttpRequest) -> HttpResponseBase:
    """Back to the rules before the newest version, if that is still the one meant."""
    newest = _newest_version()
    if request.POST.get("version") != str(newest) or RulesVersion.objects.count() < 2:
        messages.error(request, "Nothing was undone: the rules have changed since.")
        return redirect("rules-versions")
    version = curation.undo(author=cast(User, request.user))
    return redirect("rules-version", version=version.pk if version else newest)


def _previewed(
    request: HttpRequest, form: ChangeForm, *, outdated: bool = False
) -> HttpResponse:
    after = form.after()
    found = curation.preview(after)
    context = _context(request) | {
        "form": form,
        "outdated": outdated,
        "based_on": _newest_version(),
        "preview": found,
        "groups": forecast.groups(found),
        "differences": forecast.differences(curation.rules(), after),
        "top": forecast.top_after(found.moves, Scope.last_days(7)),
        "action": form.cleaned_data["action"],
        "kinds": KINDS,
        "places": PLACES,
    }
    status = 409 if outdated else 200
    return render(request, "crashes/preview.html", context, status=status)


@page
def progress(request: HttpRequest, version: int) -> HttpResponse:
    """How far a version of the rules is applied; a part of it polls."""
    row = get_object_or_404(RulesVersion.objects.select_related("author"), pk=version)
    judging_now = row.state == RulesVersion.State.JUDGING
    left = Rejudge.objects.count() if judging_now else 0
    seen, polls = _polled(request)
    stuck = polls + 1 if judging_now and seen == left else 0
    context = _context(request) | {
        "version": row,
        "judging": judging_now,
        "left": left,
        "done": max(row.affected - left, 0),
        "stuck": stuck,
        "idle": stuck >= STUCK_POLLS,
        "undoable": row.pk == _newest_version() and row.pk != _first_version(),
    }
    part = "HX-Request" in request.headers
    template = "crashes/_progress.html" if part else "crashes/progress.html"
    return render(request, template, context)


def _polled(request: HttpRequest) -> tuple[int | None, int]:
    """What the page saw before: how many were left, and for how many looks."""
    given = [request.GET.get(name, "") for name in ("left", "stuck")]
    left, stuck = (int(v) if v.isdecimal() and len(v) < 10 else None for v in given)
    return left, stuck or 0


# --- Rules --------------------------------------------------------------------------


@page
def rules(request: HttpRequest) -> HttpResponse:
    """The rules, with what each does."""
    form = RulesQuestion(request.GET)
    if not form.is_valid():
        raise InvalidQuestion(
            {name: list(map(str, each)) for name, each in form.errors.items()}
        )
    given = form.cleaned_data
    counted = hits.hits()
    listed = _listed(given, counted)
    shown = Paginator(listed, RULES).get_page(given["page"] or 1)
    kept = {k: v for k, v in given.items() if v and k != "page"}
    context = _context(request) | {
        "given": given,
        "kept": kept,
        "rules": shown,
        "hits": counted,
        "hit_days": hits.DAYS,
        "states": RulesQuestion.STATES,
        "kinds": KINDS,
        "everything": Rule.objects.count(),
        "newest": RulesVersion.objects.select_related("author").first(),
    }
    return render(request, "crashes/rules.html", context)


def _listed(given: Mapping[str, Any], counted: hits.Hits) -> list[Rule]:
    """The rules asked for, those with most hits first."""
    rows = Rule.objects.select_related("author")
    text = given["q"]
    if text:
        fields = ("function", "module", "reason", "program", "classification")
        said = Q()
        for name in fields:
            said |= Q(**{f"{name}__icontains": text})
        rows = rows.filter(said)
    if given["kind"]:
        rows = rows.filter(kind=given["kind"])
    if given["rule"]:
        rows = rows.filter(id=given["rule"])
    states = {
        "on": Q(active=True),
        "off": Q(active=False),
        "own": Q(author__isnull=False),
        "idle": Q(active=True) & ~Q(id__in=list(counted.crashes)),
        "broad": Q(id__in=counted.broad),
    }
    found = rows.filter(states.get(given["state"], Q()))
    return sorted(found, key=lambda rule: -counted.crashes[rule.pk])


@page
def suggested(request: HttpRequest) -> HttpResponse:
    """Frames that look never guilty."""
    context = _context(request) | {"suggestions": suggesting.suggestions()}
    return render(request, "crashes/suggestions.html", context)


@page
def versions(request: HttpRequest) -> HttpResponse:
    """Every set of rules that was applied, and who applied it."""
    rows = RulesVersion.objects.select_related("author").defer("rules")
    shown = Paginator(rows, VERSIONS).get_page(request.GET.get("page"))
    context = _context(request) | {
        "versions": shown,
        "newest": _newest_version(),
        "first": _first_version(),
    }
    return render(request, "crashes/versions.html", context)


@page
def export(request: HttpRequest) -> HttpResponse:
    """The rules as JSON, for import here or elsewhere."""
    text = exchange.export(curation.rules())
    response = HttpResponse(text, content_type="application/json")
    response["Content-Disposition"] = 'attachment; filename="never-guilty.json"'
    return response


# --- What several pages show --------------------------------------------------------


def _context(request: HttpRequest) -> dict[str, Any]:
    versions_ = RulesVersion.objects.filter(state=RulesVersion.State.JUDGING)
    return {
        "may_curate": access.may_change_rules(request.user),
        "may_comment": access.may_comment(request.user),
        "applying": versions_.values_list("id", flat=True).first(),
    }


def _newest_version() -> int:
    return RulesVersion.objects.values_list("id", flat=True).first() or 0


def _first_version() -> int:
    versions_ = RulesVersion.objects.order_by("id")
    return versions_.values_list("id", flat=True).first() or 0
