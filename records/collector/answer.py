"""What a WSGI application of ours answers (pure; imported before Django is set up)."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol


class StartResponse(Protocol):
    def __call__(
        self, status: str, headers: list[tuple[str, str]], /
    ) -> Callable[[bytes], object]: ...


Environ = dict[str, Any]


class Answer(NamedTuple):
    """Status line, body, and headers beyond type and length."""

    status: str
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/json"

    def send(self, start_response: StartResponse) -> Iterable[bytes]:
        fixed = [
            ("Content-Type", self.content_type),
            ("Content-Length", str(len(self.body))),
        ]
        start_response(self.status, [*fixed, *self.headers])
        return [self.body]
