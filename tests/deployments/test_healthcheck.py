"""What a container is asked about its health."""

import runpy
import socket
from threading import Thread

import pytest

from tests.deployments.echo import echoing
from tests.server import ROOT

FILE = str(ROOT / "deployments/healthcheck.py")


def ends_with(monkeypatch: pytest.MonkeyPatch, bind: str) -> int:
    monkeypatch.setenv("BIND", bind)
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(FILE, run_name="__main__")
    return int(ended.value.code or 0)


def test_an_answer_other_than_200_is_no_health(monkeypatch, folder):
    with echoing(folder / "site.sock"):  # answers 201
        assert ends_with(monkeypatch, f"unix:{folder}/site.sock") == 1


@pytest.mark.parametrize("bind", ["127.0.0.1:1", "unix:/nowhere.sock"])
def test_no_answer_is_no_health(monkeypatch, bind):
    assert ends_with(monkeypatch, bind) == 1


@pytest.mark.parametrize("family", ["unix", "tcp"])
def test_gunicorn_is_asked_where_it_listens(monkeypatch, folder, family):
    if family == "unix":
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(folder / "here.sock"))
        bind = f"unix:{folder}/here.sock"
    else:
        listener = socket.create_server(("127.0.0.1", 0))
        bind = f"127.0.0.1:{listener.getsockname()[1]}"
    with listener:
        listener.listen()
        assert ends_with_answer(monkeypatch, listener, bind) == 0


def ends_with_answer(
    monkeypatch: pytest.MonkeyPatch, listener: socket.socket, bind: str
) -> int:
    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(1000).startswith(b"GET /healthz HTTP/1.1\r\n")
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    thread = Thread(target=serve)
    thread.start()
    try:
        return ends_with(monkeypatch, bind)
    finally:
        thread.join()
