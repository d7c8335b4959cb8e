"""The WSGI applications: the collector alone, or mounted in front of the site."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from records.collector.answer import Answer, Environ, StartResponse
from records.collector.gathering import Gatherer
from records.collector.views import Collector, Waiting, accepts
from telemetry_site import health, metrics

Site = Callable[[Environ, Any], Iterable[bytes]]


class Application:
    """A WSGI application that GatheringWorker can also call in two halves."""

    def __init__(self, site: Site | None = None) -> None:
        self._site = site
        self._collector = Collector()
        self._gatherer = Gatherer()

    def __call__(
        self, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        if accepts(environ):
            return self._collector(environ, start_response)
        answer = health.answer(environ, worker=self._site is not None)
        answer = answer or metrics.answer(environ)
        if answer:
            return answer.send(start_response)
        return (self._site or self._collector)(environ, start_response)

    def begin(self, environ: Environ) -> Answer | Waiting:
        return self._collector.begin(environ)

    def finish(self, waiting: Sequence[Waiting]) -> list[Answer]:
        return self._gatherer.finish(waiting)

    def close(self) -> None:
        """Commit what waits. Called when the process ends."""
        self._collector.close()
