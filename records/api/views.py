"""`/api/records`: filter, page by key, or stream everything."""

from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import orjson
from django.conf import settings
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import parse_etags
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.views import APIView

from records import access, database, exports
from records.api import parameters
from records.api.schema import PROBLEM, RECORD, RECORDS
from records.filters import InvalidParameters, strict
from records.models import Record
from records.querysets import RecordQuerySet
from records.reading import record_objects

_MANY = 1000  # from where on names are faster joined than kept at hand
SAFE_JSON = {"Content-Type": "application/json", "X-Content-Type-Options": "nosniff"}


class AnyAccepted(BaseContentNegotiation):
    """The shape of an answer is a parameter; what a caller accepts is not asked."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: Any = None
    ) -> Any:
        return renderers[0], renderers[0].media_type


class RecordList(APIView):
    content_negotiation_class = AnyAccepted

    @extend_schema(
        operation_id="records",
        summary="Records, newest first",
        parameters=parameters.openapi(),
        responses={
            200: OpenApiResponse(RECORDS, "Records; `Link` names the next page."),
            304: OpenApiResponse(description="Nothing changed since `If-None-Match`."),
            400: OpenApiResponse(PROBLEM, "A parameter that cannot be understood."),
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        access.check_search(request.user, request.query_params)
        chosen = strict(parameters.RecordParameters, request.query_params)
        records: RecordQuerySet = chosen.qs
        given = chosen.given
        if given.get("format", "json") == "json":
            return self._page(request, records, given)
        return self._stream(request, records, given)

    def _page(
        self, request: Request, records: RecordQuerySet, given: dict[str, Any]
    ) -> HttpResponse:
        limit = given.get("limit", parameters.MAX_LIMIT)
        if limit > parameters.MAX_LIMIT:
            raise InvalidParameters({"limit": ["At most 10000 in format json."]})
        read = _many if limit >= _MANY and database.is_postgres() else _some
        payload = access.may_see_payload(request.user)
        with database.bounded_in_time(settings.TELEMETRY_QUERY_TIME):
            ids, listed = read(records, limit, given.get("fields"), payload)
        response = _json(request, b'{"records":%b}' % listed)
        if len(ids) > limit:
            response["Link"] = _next_page(request, ids[limit - 1])
        return response

    def _stream(
        self, request: Request, records: RecordQuerySet, given: dict[str, Any]
    ) -> StreamingHttpResponse:
        limit = given.get("limit")
        if not access.may_export(request.user):
            longest = parameters.MAX_LIMIT
            limit = longest if limit is None else min(limit, longest)
        return exports.response(
            records,
            given["format"],
            fields=given.get("fields"),
            payload=access.may_see_payload(request.user),
            limit=limit,
        )


class RecordDetail(APIView):
    content_negotiation_class = AnyAccepted

    @extend_schema(
        operation_id="record",
        summary="One record",
        responses={
            200: OpenApiResponse(RECORD),
            404: OpenApiResponse(PROBLEM, "There is no such record."),
        },
    )
    def get(self, request: Request, record_id: int) -> HttpResponse:
        rows = list(Record.objects.filter(id=record_id).newest(1))
        if not rows:
            raise Http404("There is no such record.")
        payload = access.may_see_payload(request.user)
        (found,) = record_objects(rows, payload=payload)
        return _json(request, orjson.dumps(found))


def _many(
    records: RecordQuerySet, limit: int, fields: list[str] | None, payload: bool
) -> tuple[list[int], bytes]:
    """The newest records: a JSON list that PostgreSQL writes, and their ids.

    One more id than asked for tells that there is a next page.
    """
    ids = [pk for (pk,) in records.newest(limit + 1, "id")]
    return ids, exports.json_list(ids[:limit], fields, payload=payload)


def _some(
    records: RecordQuerySet, limit: int, fields: list[str] | None, payload: bool
) -> tuple[list[int], bytes]:
    """The same, written here: faster for a few, whose names are at hand."""
    rows = list(records.newest(limit + 1)) if limit else []
    objects = record_objects(rows[:limit], payload=payload)
    return [row[0] for row in rows], orjson.dumps(_only(objects, fields))


def _only(
    objects: list[dict[str, Any]], fields: list[str] | None
) -> list[dict[str, Any]]:
    if not fields:
        return objects
    return [{name: each[name] for name in fields} for each in objects]


def _json(request: Request, body: bytes) -> HttpResponse:
    """JSON with an ETag; 304 without body when the caller has it already."""
    etag = f'"{sha256(body).hexdigest()[:32]}"'
    known = parse_etags(request.headers.get("If-None-Match", ""))
    if "*" in known or etag in {tag.removeprefix("W/") for tag in known}:
        response = HttpResponse(status=304)
    else:
        response = HttpResponse(body, headers=SAFE_JSON)
    response["ETag"] = etag
    response["Vary"] = "Cookie, Authorization"
    return response


def _next_page(request: Request, last_id: int) -> str:
    query = urlencode({**request.query_params.dict(), "from_id": last_id})
    return f'<{request.build_absolute_uri(request.path)}?{query}>; rel="next"'
