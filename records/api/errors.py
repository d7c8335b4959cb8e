"""Every refusal of the API in one shape: `message`, and `errors` by parameter."""

from typing import Any

from rest_framework.response import Response
from rest_framework.views import exception_handler

from records.database import QueryTimeout
from records.filters import InvalidParameters

TIMEOUT = "The search took too long. Narrow it by time, classification or machine."


def explain(error: Exception, context: dict[str, Any]) -> Response | None:
    """The handler that REST_FRAMEWORK names."""
    if isinstance(error, InvalidParameters):
        return Response({"message": str(error), "errors": error.errors}, status=400)
    if isinstance(error, QueryTimeout):
        return Response({"message": TIMEOUT, "errors": {"payload": [TIMEOUT]}}, 400)
    response = exception_handler(error, context)
    if response is not None and isinstance(response.data, dict):
        response.data = {"message": str(response.data.get("detail", error))}
    return response
