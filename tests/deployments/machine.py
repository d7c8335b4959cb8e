"""A new Debian of its own: a container with systemd and little else, made as root.

It shares the network of this machine, so nothing else may listen on its ports.
"""

import os
import pty
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

HOST = "telemetry.example"
PROGRAMS = ("debootstrap", "systemd-nspawn", "nsenter")
START_TIMEOUT = 120.0
LONGEST = 1200.0
_PACKAGES = "systemd,systemd-sysv,dbus,ca-certificates"
_PIP = Path("/etc/pip.conf")
_AUTHORITIES = Path("/usr/local/share/ca-certificates")


def missing() -> str:
    """What is not here, or nothing."""
    if os.geteuid():
        return "root"
    return ", ".join(name for name in PROGRAMS if not shutil.which(name))


class Failed(Exception):
    """Commands ended with an error; the message is what they printed."""


class Machine:
    def __init__(self, folder: Path, release: str = "bookworm") -> None:
        self.folder = folder
        self._release = release
        self._container: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._make()
        self._boot()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._container:
            self._container.terminate()
            self._container.wait(START_TIMEOUT)

    def run(
        self, commands: Sequence[str], answers: Mapping[str, str] | None = None
    ) -> str:
        """Run them in one shell, at a terminal, as root; what they printed.

        ``answers`` are typed when a line begins with their names.
        """
        script = self.folder / "root/commands"
        script.write_text("\n".join(["set -euv", *commands, ""]))
        ours, theirs = pty.openpty()
        shell = [
            "/usr/bin/env",
            "-i",
            "HOME=/root",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        ]
        process = subprocess.Popen(
            [
                *self._enter(),
                *shell,
                "TERM=dumb",
                "PAGER=cat",
                "/bin/bash",
                "/root/commands",
            ],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        limit = threading.Timer(LONGEST, process.kill)
        limit.start()
        printed = _converse(ours, dict(answers or {}))
        limit.cancel()
        if process.wait():
            raise Failed(printed)
        return printed

    def unpack(self, archive: Path, target: str) -> None:
        """Unpack a tar archive there."""
        (self.folder / target).mkdir(parents=True, exist_ok=True)
        command = ["tar", "-xf", archive, "--no-same-owner", "-C", self.folder / target]
        subprocess.run(command, check=True)

    def _make(self) -> None:
        """With what this network needs of certificates and of pip's settings."""
        subprocess.run(
            [
                *("debootstrap", "--variant=minbase", f"--include={_PACKAGES}"),
                *(self._release, self.folder),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        (self.folder / "etc/hostname").write_text(HOST.partition(".")[0] + "\n")
        (self.folder / "etc/hosts").write_text(
            f"127.0.0.1 localhost\n127.0.1.1 {HOST} {HOST.partition('.')[0]}\n"
        )
        if _PIP.exists():
            shutil.copy(_PIP, self.folder / "etc/pip.conf")
        inside = self.folder / _AUTHORITIES.relative_to("/")
        shutil.copytree(_AUTHORITIES, inside, dirs_exist_ok=True)

    def _boot(self) -> None:
        self._container = subprocess.Popen(
            [
                *("systemd-nspawn", "--directory", self.folder, "--boot"),
                *("--register=no", "--keep-unit", "--console=pipe"),
                "--resolv-conf=copy-host",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        end = time.monotonic() + START_TIMEOUT
        while not self._is_up():
            if self._container.poll() is not None or time.monotonic() > end:
                raise Failed("systemd did not start")
            time.sleep(0.5)
        self.run(["update-ca-certificates"])

    def _is_up(self) -> bool:
        try:
            state = subprocess.run(
                [*self._enter(), "systemctl", "is-system-running"],
                capture_output=True,
                text=True,
                check=False,
            )
        except ValueError:  # its first process is not there yet
            return False
        return state.stdout.strip() in {"running", "degraded"}

    def _enter(self) -> list[str]:
        assert self._container
        pid = self._container.pid
        (leader,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        spaces = ("--mount", "--uts", "--ipc", "--pid", "--cgroup")
        return ["nsenter", "--target", leader, *spaces, "--root", "--wd"]


def _converse(terminal: int, answers: dict[str, str]) -> str:
    """Read until everybody has closed it, and answer each question once."""
    printed = ""
    with os.fdopen(terminal, "r+b", buffering=0) as both:
        while True:
            try:
                some = both.read(4096)
            except OSError:  # how a terminal tells its end
                some = b""
            if not some:
                return printed
            printed += some.decode(errors="replace").replace("\r\n", "\n")
            for question in [each for each in answers if _asked(each, printed)]:
                both.write(answers.pop(question).encode() + b"\n")


def _asked(question: str, printed: str) -> bool:
    return bool(re.search(rf"{re.escape(question)}[^\n]*: ?\Z", printed))
