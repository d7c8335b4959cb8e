"""Alerts in the worker: beside digesting, and never in its way."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.core.management import call_command
from django.db import OperationalError, connections

from alerts import worker
from alerts.evaluation import queue_test
from alerts.models import Channel, Delivery
from alerts.targets import Allowed
from alerts.worker import Background
from records import steps
from records.management.commands import digest as command
from records.models import KindDay, Pending
from tests.alerts.receivers import misbehaving, receiver
from tests.factories import stored


def until(happened: Callable[[], object], step: Background | None = None) -> None:
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline, "it does not happen"
        if step:
            step()
        time.sleep(0.01)


def background(work: Callable[[], int], **changes: object) -> Background:
    """A step that ends its connections, as threads of the tests have to."""

    def then_close() -> int:
        try:
            return work()
        finally:
            connections.close_all()

    return Background(then_close, **{"pause": 0, "first": 0, "again": False, **changes})


def test_all_work_is_registered_as_steps_of_the_worker():
    assert set(worker.STEPS) <= set(steps._steps)


def test_a_step_does_not_wait_for_its_work_and_begins_no_second_piece():
    begun, go = [], threading.Event()

    def work() -> int:
        begun.append(threading.current_thread())
        return int(go.wait(20))

    step = background(work)
    started = time.monotonic()
    assert [step() for _ in range(5)] == [0] * 5
    assert time.monotonic() - started < 1
    until(lambda: begun)
    step()
    assert len(begun) == 1
    assert begun[0] is not threading.current_thread()
    go.set()
    time.sleep(0.1)
    assert len(begun) == 1
    until(lambda: len(begun) >= 2, step)


@pytest.mark.parametrize(
    ("again", "more", "repeated"),
    [(True, 1, True), (True, 0, False), (False, 1, False)],
)
def test_what_has_more_to_do_goes_on_at_once(again, more, repeated):
    begun = []
    step = background(lambda: begun.append(1) or more, again=again, pause=1000)
    until(lambda: begun, step)
    if repeated:
        until(lambda: len(begun) > 3, step)
    else:
        for _ in range(20):
            step()
            time.sleep(0.01)
        assert len(begun) == 1


def test_nothing_is_begun_before_its_time_nor_after_the_end():
    begun = []
    late = background(lambda: begun.append(1) or 0, first=1000)
    stopped = background(lambda: begun.append(1) or 0)
    stopped.stop()
    for _ in range(20):
        late()
        stopped()
        time.sleep(0.005)
    assert begun == []


@pytest.mark.parametrize("again", [True, False])
@pytest.mark.parametrize("error", [OperationalError("away"), RuntimeError("broken")])
def test_work_that_fails_is_done_again_later(error, again):
    begun = []

    def work() -> int:
        begun.append(1)
        raise error

    step = background(work, again=again)
    until(lambda: len(begun) > 2, step)


# --- With the command ---------------------------------------------------------------


def message_to(url: str, name: str = "there") -> Delivery:
    channel = Channel.objects.create(name=name, kind="slack", target=url)
    queue_test([channel], name, datetime.now(UTC))
    return Delivery.objects.get(channel=channel)


@pytest.fixture
def digesting(monkeypatch):
    """Run the worker with these steps until something has happened."""
    handlers: dict[int, Callable[..., None]] = {}
    monkeypatch.setattr(command.signal, "signal", handlers.__setitem__)

    def run(happened: Callable[[], object], *chosen: Background) -> None:
        def look() -> int:
            if happened():
                handlers[command.signal.SIGTERM](15, None)
            return 0

        monkeypatch.setattr(steps, "_steps", [*chosen, look])
        call_command("digest", "--idle", "0.01")

    return run


@pytest.mark.django_db(transaction=True)
def test_the_worker_delivers_beside_digesting(digesting, settings):
    with receiver() as there:
        settings.TELEMETRY_ALERT_ALLOW = there.allowed
        row = message_to(there.url)
        stored()
        finished = Delivery.objects.filter(pk=row.pk, state="delivered").exists
        digesting(finished, background(worker.deliver_next, again=True))
    assert len(there.posts) == 1
    assert not Pending.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_worker_evaluates_beside_digesting(digesting, rule, source):
    source.say(a=10)
    finished = Delivery.objects.filter(change="fired").exists
    digesting(finished, background(worker.evaluate_due))
    assert Delivery.objects.get().alert.subject == "a"


@pytest.mark.django_db(transaction=True)
def test_a_receiver_that_hangs_does_not_stop_digesting(digesting, settings):
    """What arrives while it hangs is digested long before it is given up."""
    connected, let_go = threading.Event(), threading.Event()

    def answer(connection: object) -> None:
        connected.set()
        let_go.wait(20)

    with misbehaving(answer) as port:
        settings.TELEMETRY_ALERT_ALLOW = Allowed.of([f"127.0.0.1:{port}"])
        row = message_to(f"http://127.0.0.1:{port}/")
        step = background(worker.deliver_next, again=True)
        until(connected.is_set, step)
        stored()
        started = time.monotonic()
        digesting(KindDay.objects.exists, step)
        assert time.monotonic() - started < 5
        row.refresh_from_db()
        assert (row.state, row.attempts, row.problem) == ("queued", 1, "")
        let_go.set()
    until(lambda: not Delivery.objects.filter(pk=row.pk, problem="").exists())
    assert not Pending.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_workers_deliver_each_message_once(settings):
    with receiver() as there:
        settings.TELEMETRY_ALERT_ALLOW = there.allowed
        channel = Channel.objects.create(name="c", kind="slack", target=there.url)
        queue_test([channel] * 20, "r", datetime.now(UTC))
        workers = [background(worker.deliver_next, again=True) for _ in range(3)]

        def finished() -> bool:
            for each in workers:
                each()
            return not Delivery.objects.exclude(state="delivered").exists()

        until(finished)
    assert len(there.posts) == 20
    assert set(Delivery.objects.values_list("attempts", flat=True)) == {1}
