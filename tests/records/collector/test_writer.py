"""Group commit in one process: a queue, a thread, and a store that may fail."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from django.db import DataError, InterfaceError, OperationalError

from records.collector import writer as writers
from records.collector.writer import Unavailable, Unstorable, Writer

SOON = 5.0  # seconds within which what was promised has to happen


class Store:
    """A store whose commits can be held, slowed down and made to fail."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Event()
        self.fail: Callable[[list[str]], Exception | None] = lambda items: None

    def __call__(self, items: Sequence[str]) -> list[str]:
        self.entered.set()
        assert self.open.wait(SOON)
        if error := self.fail(list(items)):
            raise error
        self.batches.append(list(items))
        return [item.upper() for item in items]

    @property
    def stored(self) -> list[str]:
        return [item for batch in self.batches for item in batch]


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store()
    yield store
    store.open.set()


@pytest.fixture
def writer(store: Store) -> Iterator[Writer[str, str]]:
    writer: Writer[str, str] = Writer(store, capacity=100)
    yield writer
    store.open.set()
    writer.close()


@pytest.fixture
def senders() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(120) as pool:
        yield pool


@pytest.fixture
def database_is_back(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """What the writer finds when it looks whether the database answers again."""
    back = threading.Event()
    monkeypatch.setattr(writers, "_database_answers", back.is_set)
    monkeypatch.setattr(writers, "RETRY_SECONDS", 0.01)
    return back


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def hold_a_commit(
    store: Store, writer: Writer[str, str], senders: ThreadPoolExecutor
) -> Future[list[str]]:
    """A commit that is under way until ``store.open`` is set."""
    store.open.clear()
    store.entered.clear()
    first = senders.submit(writer.submit, ["first"])
    assert store.entered.wait(SOON)
    return first


def test_what_is_submitted_is_stored_and_answered(store, writer):
    assert writer.submit(["a", "b"]) == ["A", "B"]
    assert store.batches == [["a", "b"]]


def test_a_lone_record_does_not_wait_for_others(writer):
    start = time.monotonic()
    for n in range(20):
        writer.submit([str(n)])
    assert time.monotonic() - start < 1


def test_records_that_arrive_during_a_commit_share_the_next_one(store, writer, senders):
    first = hold_a_commit(store, writer, senders)
    others = [senders.submit(writer.submit, [f"n{n}"]) for n in range(50)]
    wait_until(lambda: writer.waiting == 50)
    store.open.set()
    assert first.result(SOON) == ["FIRST"]
    assert [each.result(SOON) for each in others] == [[f"N{n}"] for n in range(50)]
    assert [len(batch) for batch in store.batches] == [1, 50]
    assert writer.waiting == 0


def test_every_sender_gets_its_own_answer_under_load(store, writer, senders):
    def send(n: int) -> bool:
        return writer.submit([f"a{n}", f"b{n}"]) == [f"A{n}", f"B{n}"]

    assert all(senders.map(send, range(40)))
    assert sorted(store.stored) == sorted(f"{x}{n}" for x in "ab" for n in range(40))


def test_a_commit_has_a_largest_size(store, senders, monkeypatch):
    monkeypatch.setattr(writers, "MAX_BATCH", 10)
    writer: Writer[str, str] = Writer(store, capacity=100)
    first = hold_a_commit(store, writer, senders)
    others = [senders.submit(writer.submit, ["x"] * 4) for _ in range(6)]
    larger = senders.submit(writer.submit, ["y"] * 30)
    wait_until(lambda: writer.waiting == 54)
    store.open.set()
    for each in (first, *others, larger):
        each.result(SOON)
    writer.close()
    assert [len(b) for b in store.batches if "y" not in b] == [1, 8, 8, 8]
    assert sum(map(len, store.batches)) == 55


def test_beyond_the_capacity_records_are_turned_away_at_once(store, writer, senders):
    first = hold_a_commit(store, writer, senders)
    waiting = senders.submit(writer.submit, ["x"] * 99)
    wait_until(lambda: writer.waiting == 99)
    start = time.monotonic()
    with pytest.raises(Unavailable, match="Too many records are waiting"):
        writer.submit(["y", "z"])
    assert time.monotonic() - start < 1
    store.open.set()
    assert first.result(SOON)
    assert waiting.result(SOON) == ["X"] * 99
    assert writer.submit(["y", "z"]) == ["Y", "Z"]


@pytest.mark.parametrize("error", [OperationalError("away"), InterfaceError("closed")])
def test_a_store_that_goes_down_turns_everything_away_until_it_is_back(
    store, writer, senders, database_is_back, error
):
    store.fail = lambda items: error
    first = hold_a_commit(store, writer, senders)
    waiting = [senders.submit(writer.submit, ["x"]) for _ in range(5)]
    wait_until(lambda: writer.waiting == 5)
    store.open.set()
    for each in (first, *waiting):
        with pytest.raises(Unavailable, match="down"):
            each.result(SOON)
    start = time.monotonic()
    with pytest.raises(Unavailable, match="down"):
        writer.submit(["y"])
    assert time.monotonic() - start < 1
    store.fail = lambda items: None
    database_is_back.set()
    wait_until(lambda: not writer._down)
    assert writer.submit(["z"]) == ["Z"]
    assert store.stored == ["z"]
    assert writer.waiting == 0


@pytest.mark.parametrize("error", [DataError("no"), ValueError("NUL")])
def test_a_record_that_cannot_be_stored_does_not_spoil_the_others(
    store, writer, senders, error
):
    store.fail = lambda items: error if "poison" in items else None
    first = hold_a_commit(store, writer, senders)
    others = [senders.submit(writer.submit, [f"n{n}"]) for n in range(5)]
    wait_until(lambda: writer.waiting == 5)
    poison = senders.submit(writer.submit, ["poison"])
    wait_until(lambda: writer.waiting == 6)
    store.open.set()
    with pytest.raises(Unstorable):
        poison.result(SOON)
    assert first.result(SOON) == ["FIRST"]
    assert [each.result(SOON) for each in others] == [[f"N{n}"] for n in range(5)]
    assert sorted(store.stored) == ["first", *(f"n{n}" for n in range(5))]


@pytest.mark.parametrize("answers", [None, []])
def test_an_error_of_our_own_fails_one_batch_and_not_the_thread(
    store, writer, answers, caplog, monkeypatch
):
    if answers is None:
        store.fail = lambda items: KeyError("a defect")
    else:
        monkeypatch.setattr(writer, "_store", lambda items: answers)
    with pytest.raises(Unavailable):
        writer.submit(["x"])
    assert "The writer failed on a batch" in caplog.text
    store.fail = lambda items: None
    monkeypatch.setattr(writer, "_store", store)
    assert writer.submit(["y"]) == ["Y"]


def test_a_record_that_waits_too_long_is_taken_back(
    store, writer, senders, monkeypatch
):
    first = hold_a_commit(store, writer, senders)
    monkeypatch.setattr(writers, "WAIT_SECONDS", 0.05)
    with pytest.raises(Unavailable, match="too slow"):
        writer.submit(["late"])
    assert writer.waiting == 0
    store.open.set()
    assert first.result(SOON) == ["FIRST"]
    assert writer.submit(["next"]) == ["NEXT"]
    assert "late" not in store.stored


def test_a_record_whose_commit_is_under_way_is_waited_for(
    store, writer, senders, monkeypatch
):
    monkeypatch.setattr(writers, "WAIT_SECONDS", 0.05)
    first = hold_a_commit(store, writer, senders)
    time.sleep(0.2)
    assert not first.done()
    store.open.set()
    assert first.result(SOON) == ["FIRST"]


def test_closing_commits_what_waits_and_takes_nothing_more(store, writer, senders):
    first = hold_a_commit(store, writer, senders)
    waiting = [senders.submit(writer.submit, [f"n{n}"]) for n in range(5)]
    wait_until(lambda: writer.waiting == 5)
    closing = senders.submit(writer.close)
    wait_until(lambda: writer._closing)
    with pytest.raises(Unavailable):
        writer.submit(["late"])
    assert not closing.done()
    store.open.set()
    closing.result(SOON)
    assert first.result(SOON) == ["FIRST"]
    assert [each.result(SOON) for each in waiting] == [[f"N{n}"] for n in range(5)]
    assert not writer._thread.is_alive()


def test_closing_does_not_wait_for_a_database_that_is_away(
    store, writer, database_is_back
):
    store.fail = lambda items: OperationalError("away")
    with pytest.raises(Unavailable):
        writer.submit(["x"])
    writer.close()
    assert not writer._thread.is_alive()
