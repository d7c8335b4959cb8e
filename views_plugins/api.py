"""`/api/views`: the numbers of every view as JSON, described in the OpenAPI schema."""

from typing import Any, ClassVar

from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from records.api.parameters import openapi_type
from records.api.schema import PROBLEM
from records.api.views import AnyAccepted
from views_plugins import filters, health, registry
from views_plugins.access import may_see
from views_plugins.charts import Content, Kind
from views_plugins.filters import Filters
from views_plugins.registry import Plugin
from views_plugins.views import PluginError, content_of

_TEXT = {"type": "string"}
_LIST = {"type": "array", "items": {"type": "object"}}
_DAY = {"type": "string", "format": "date"}
_KEYS: dict[str, Any] = {
    "view": _TEXT,
    "title": _TEXT,
    "start": _DAY,
    "end": _DAY,
    "options": {"type": "object", "additionalProperties": _TEXT},
    "figures": _LIST,
    "notes": {"type": "array", "items": _TEXT},
    "charts": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "key": _TEXT,
                "title": _TEXT,
                "kind": {**_TEXT, "enum": [kind.value for kind in Kind]},
                "categories": _LIST,
                "series": _LIST,
                "x": _TEXT,
                "y": _TEXT,
                "unit": _TEXT,
            },
        },
    },
    "tables": _LIST,
}
SHOWN = {"type": "object", "properties": _KEYS, "required": list(_KEYS)}
LISTED = {
    "type": "object",
    "properties": {
        "views": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"slug": _TEXT, "title": _TEXT, "address": _TEXT},
            },
        }
    },
}


class ViewList(APIView):
    content_negotiation_class = AnyAccepted

    @extend_schema(
        operation_id="views",
        summary="Views that have numbers as JSON",
        responses={200: OpenApiResponse(LISTED)},
    )
    def get(self, request: Request) -> Response:
        shown = [each for each in registry.plugins() if each.content]
        views = [
            {
                "slug": each.slug,
                "title": each.title,
                "address": reverse(f"api-view-{each.slug}"),
            }
            for each in shown
            if may_see(request.user, each)
        ]
        return Response({"views": views})


class MaySee(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        return may_see(request.user, view.plugin)


class ViewTwin(APIView):
    """The numbers of one view; a class of its own for each, made by `twin_of`."""

    plugin: ClassVar[Plugin]
    content_negotiation_class = AnyAccepted
    permission_classes = (*APIView.permission_classes, MaySee)

    def get(self, request: Request) -> Response:
        asked = filters.parse(self.plugin, request.query_params, blanks=False)
        try:
            content = content_of(self.plugin, asked)
        except PluginError as error:
            health.failed(self.plugin, error.__cause__ or error)
            message = f"The view {self.plugin.slug} failed."
            return Response({"message": message}, status=500)
        return Response(_answer(self.plugin, asked, content))


def _answer(plugin: Plugin, asked: Filters, content: Content) -> dict[str, Any]:
    return {
        "view": plugin.slug,
        "title": plugin.title,
        "start": asked.start.isoformat(),
        "end": asked.end.isoformat(),
        "options": dict(asked.options),
        **content.as_data(),
    }


def twin_of(plugin: Plugin) -> type[ViewTwin]:
    """The JSON twin of a view, with its own description."""

    class Twin(ViewTwin):
        @extend_schema(
            operation_id=f"view_{plugin.slug.replace('-', '_')}",
            summary=f"Numbers of the view “{plugin.title}”",
            description=plugin.about,
            parameters=_parameters(plugin),
            responses={
                200: OpenApiResponse(SHOWN),
                400: OpenApiResponse(PROBLEM, "Parameters that make no sense."),
                500: OpenApiResponse(PROBLEM, "The view is broken."),
            },
        )
        def get(self, request: Request) -> Response:
            return super().get(request)

    Twin.plugin = plugin
    return Twin


def _parameters(plugin: Plugin) -> list[OpenApiParameter]:
    choices = {each.name: list(each.choices) for each in plugin.options}
    return [
        OpenApiParameter(
            name,
            openapi_type(each),
            description=str(each.help_text),
            enum=choices.get(name),
        )
        for name, each in filters.form_of(plugin).base_fields.items()
    ]
