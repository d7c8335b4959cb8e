"""`/api/crashes`, `/api/guilties` and `/api/rules`."""

from typing import Any, cast
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.parsers import JSONParser
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from crashes import access, curation, stats
from crashes.api import answers, parameters, schema
from crashes.api.parameters import RuleChange
from crashes.models import Guilty, Rule
from records.api.schema import PROBLEM
from records.api.views import AnyAccepted
from records.filters import InvalidParameters, read_form
from records.scope import Scope

DEFAULT_DAYS = 7
DEFAULT_TOP = 10
DEFAULT_BACKTRACES = 10

REFUSED = OpenApiResponse(PROBLEM, "Something that cannot be understood.")
ABSENT = OpenApiResponse(PROBLEM, "There is no such guilty.")
FORBIDDEN = OpenApiResponse(PROBLEM, "Changing rules needs a permission.")


class CrashView(APIView):
    content_negotiation_class = AnyAccepted
    parser_classes = (JSONParser,)


class MayChangeRules(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        return request.method in SAFE_METHODS or access.may_change_rules(request.user)


class RuleView(CrashView):
    """Reading is as for records; changing needs a permission of its own."""

    permission_classes = (*APIView.permission_classes, MayChangeRules)


# --- Crashes and guilties -----------------------------------------------------------


class TopCrashes(CrashView):
    @extend_schema(
        operation_id="top_crashes",
        summary="Guilties with most crashes",
        parameters=parameters.openapi(parameters.TopParameters),
        responses={200: OpenApiResponse(schema.TOP), 400: REFUSED},
    )
    def get(self, request: Request) -> Response:
        given = read_form(parameters.TopParameters, request.query_params)
        recent = Scope.last_days(given.get("days", DEFAULT_DAYS))
        return Response(
            answers.top(
                _scope(given, recent),
                limit=given.get("limit", DEFAULT_TOP),
                hidden=given.get("hidden", False),
            )
        )


class GuiltyList(CrashView):
    @extend_schema(
        operation_id="guilties",
        summary="Guilties, newest first",
        parameters=parameters.openapi(parameters.GuiltyParameters),
        responses={
            200: OpenApiResponse(
                schema.GUILTIES, "Guilties; `Link` names the next page."
            ),
            400: REFUSED,
        },
    )
    def get(self, request: Request) -> Response:
        given = read_form(parameters.GuiltyParameters, request.query_params)
        limit = given.get("limit", parameters.MOST)
        # One more than asked for tells whether there is a next page.
        rows = list(_guilties(given)[: limit + 1])
        answer = Response({"guilties": [answers.guilty(row) for row in rows[:limit]]})
        if len(rows) > limit:
            answer["Link"] = _next_page(request, from_id=rows[limit - 1].pk)
        return answer


class GuiltyDetail(CrashView):
    @extend_schema(
        operation_id="guilty",
        summary="One guilty, with its crashes per build and day",
        responses={
            200: OpenApiResponse(schema.GUILTY_DETAIL),
            400: REFUSED,
            404: ABSENT,
        },
    )
    def get(self, request: Request, guilty_id: int) -> Response:
        read_form(parameters.NoParameters, request.query_params)
        return Response(answers.guilty_detail(_guilty(guilty_id)))


class GuiltyBacktraces(CrashView):
    @extend_schema(
        operation_id="backtraces",
        summary="Different backtraces of a guilty, the one reported last first",
        parameters=parameters.openapi(parameters.BacktraceParameters),
        responses={
            200: OpenApiResponse(
                schema.BACKTRACES, "Backtraces; `Link` names the next page."
            ),
            400: REFUSED,
            404: ABSENT,
        },
    )
    def get(self, request: Request, guilty_id: int) -> Response:
        given = read_form(parameters.BacktraceParameters, request.query_params)
        limit = given.get("limit", DEFAULT_BACKTRACES)
        found = stats.backtraces(
            _guilty(guilty_id).pk,
            _scope(given, Scope()),
            machine_id=given.get("machine_id", ""),
            below=given.get("below"),
            limit=limit + 1,
        )
        shown = [answers.backtrace(trace) for trace in found[:limit]]
        answer = Response({"backtraces": shown})
        if len(found) > limit:
            answer["Link"] = _next_page(request, below=found[limit - 1].last_record)
        return answer


def _scope(given: dict[str, Any], period: Scope) -> Scope:
    return Scope(
        start=period.start,
        end=period.end,
        system_name=given.get("system_name", ""),
        version=given.get("build", ""),
        external=given.get("external"),
    )


def _guilty(guilty_id: int) -> Guilty:
    row = Guilty.objects.filter(pk=guilty_id).select_related("frame").first()
    if row is None:
        raise Http404("There is no such guilty.")
    return row


def _guilties(given: dict[str, Any]) -> QuerySet[Guilty]:
    rows = Guilty.objects.select_related("frame").order_by("-id")
    conditions = {
        "function": "frame__function__icontains",
        "module": "frame__module__icontains",
        "hidden": "hidden",
        "from_id": "id__lt",
    }
    rows = rows.filter(**{conditions[n]: given[n] for n in conditions if n in given})
    if "has_comment" in given:
        bare = rows.filter(comment="")
        rows = rows.exclude(comment="") if given["has_comment"] else bare
    return rows


def _next_page(request: Request, **place: int) -> str:
    query = urlencode({**request.query_params.dict(), **place})
    return f'<{request.build_absolute_uri(request.path)}?{query}>; rel="next"'


# --- Rules --------------------------------------------------------------------------


class Rules(RuleView):
    @extend_schema(
        operation_id="rules",
        summary="Never-guilty rules, and their versions in force and being applied",
        responses={200: OpenApiResponse(schema.RULES), 400: REFUSED},
    )
    def get(self, request: Request) -> Response:
        read_form(parameters.NoParameters, request.query_params)
        return Response(answers.rules())

    @extend_schema(
        operation_id="change_rules",
        summary="Add and remove rules; crashes are judged again in the background",
        request={"application/json": schema.APPLIED_CHANGE},
        responses={
            202: OpenApiResponse(schema.VERSION, "The new version of the rules."),
            400: REFUSED,
            403: FORBIDDEN,
        },
    )
    def post(self, request: Request) -> Response:
        read_form(parameters.NoParameters, request.query_params)
        change = parameters.read_change(request.data, applied=True)
        version = curation.change(
            lambda: _after(change), note=change.note, author=_author(request)
        )
        return Response(answers.version(version), status=202)


class RulesPreview(RuleView):
    @extend_schema(
        operation_id="preview_rules",
        summary="What adding and removing rules would change; changes nothing",
        request={"application/json": schema.CHANGE},
        responses={
            200: OpenApiResponse(schema.PREVIEW),
            400: REFUSED,
            403: FORBIDDEN,
        },
    )
    def post(self, request: Request) -> Response:
        read_form(parameters.NoParameters, request.query_params)
        change = parameters.read_change(request.data, applied=False)
        return Response(answers.preview(curation.preview(_after(change))))


class RulesUndo(RuleView):
    @extend_schema(
        operation_id="undo_rules",
        summary="Return to the rules before the newest change",
        request={"application/json": schema.NOTHING},
        responses={
            202: OpenApiResponse(schema.VERSION, "The new version of the rules."),
            400: REFUSED,
            403: FORBIDDEN,
            409: OpenApiResponse(PROBLEM, "There is no change to undo."),
        },
    )
    def post(self, request: Request) -> Response:
        read_form(parameters.NoParameters, request.query_params)
        parameters.read_nothing(request.data)
        version = curation.undo(author=_author(request))
        if version is None:
            return Response({"message": "There is no change to undo."}, status=409)
        return Response(answers.version(version), status=202)


def _author(request: Request) -> User:
    """Who changes the rules: not anybody, as `MayChangeRules` has seen to."""
    return cast(User, request.user)


def _after(change: RuleChange) -> curation.RuleSet:
    """Today's rules with a change; raises InvalidParameters for rules that are not."""
    known = Rule.objects.filter(id__in=change.remove).values_list("id", flat=True)
    absent = sorted(change.remove - set(known))
    if absent:
        numbers = ", ".join(map(str, absent))
        raise InvalidParameters({"remove": [f"There is no rule {numbers}."]})
    return curation.changed(change.add, change.remove)
