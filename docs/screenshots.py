"""Takes the pictures of README and docs: a demo fleet, the real server, Chromium.

Run by `make screenshots`; writes docs/images/.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.server import GunicornServer, migrate

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
WIDE = {"width": 1280, "height": 800}
NARROW = {"width": 390, "height": 800}
PICTURES = (
    ("records-light", "/records", WIDE, "light"),
    ("records-dark", "/records", WIDE, "dark"),
    ("records-narrow", "/records", NARROW, "light"),
    ("filters", "/records?classification=org.clearlinux%2Fcrash%2F*", WIDE, "light"),
    ("record", "{crash}", WIDE, "light"),
    ("crashes", "/crashes", WIDE, "light"),
    ("crashes-dark", "/crashes", WIDE, "dark"),
    ("guilty", "/crashes/guilty_details/{guilty}", WIDE, "light"),
    ("backtraces", "/crashes/guilty_details/{guilty}/backtraces", WIDE, "light"),
    ("rules", "/crashes/rules", WIDE, "light"),
    ("overview", "/overview", WIDE, "light"),
    ("overview-dark", "/overview", WIDE, "dark"),
    ("builds", "/builds", WIDE, "light"),
    ("stats", "/stats", WIDE, "light"),
    ("population", "/population?days=28", WIDE, "light"),
    ("population-narrow", "/population?days=28", NARROW, "dark"),
    ("mce", "/mce", WIDE, "light"),
    ("thermal", "/thermal", WIDE, "light"),
    ("updates", "/updates?days=28", WIDE, "light"),
    ("updates-dark", "/updates?days=28", WIDE, "dark"),
    ("machine", "/machines/{machine}", WIDE, "light"),
    ("health", "/health", WIDE, "light"),
    ("api-docs", "/api/docs", WIDE, "light"),
)
CHROMIUM_OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "DATABASE_URL": f"sqlite:///{folder}/demo.sqlite3",
            "DEBUG": "true",
            "TELEMETRY_ANONYMOUS_READ": "true",
        }
        os.environ |= environment
        migrate(environment["DATABASE_URL"])
        _manage("seed_demo")
        log = Path(folder) / "server.log"
        with GunicornServer("telemetry_site.wsgi", environment, log_file=log) as server:
            _take_all(server.url)


def _manage(*command: str) -> None:
    subprocess.run(  # noqa: S603
        [sys.executable, "manage.py", *command], cwd=ROOT, check=True
    )


def _take_all(url: str) -> None:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=list(CHROMIUM_OPTIONS)
        )
        found = {
            "crash": _first_crash(browser, url),
            "guilty": _top(browser, url),
            "machine": _busiest(browser, url),
        }
        for name, path, size, theme in PICTURES:
            page = browser.new_page(
                viewport=size,  # type: ignore[arg-type]
                color_scheme=theme,  # type: ignore[arg-type]
                reduced_motion="reduce",
            )
            page.goto(url + path.format_map(found), wait_until="networkidle")
            page.screenshot(path=str(IMAGES / f"{name}.png"))
            page.close()
            sys.stdout.write(f"{IMAGES / name}.png\n")
        browser.close()


def _first_crash(browser: Browser, url: str) -> str:
    """The address of the page of the newest crash."""
    query = "classification=org.clearlinux/crash/clr&limit=1&fields=id"
    answer = browser.new_page().request.get(f"{url}/api/records?{query}").json()
    return f"/records/record_details/{answer['records'][0]['id']}"


def _top(browser: Browser, url: str) -> int:
    """The id of the guilty of most crashes."""
    answer = browser.new_page().request.get(f"{url}/api/crashes/top?limit=1").json()
    guilty: int = answer["crashes"][0]["guilty"]
    return guilty


def _busiest(browser: Browser, url: str) -> str:
    """The machine that sent most of the newest machine checks."""
    query = "classification=org.clearlinux/mce/*&limit=100&fields=machine_id"
    answer = browser.new_page().request.get(f"{url}/api/records?{query}").json()
    machines: Counter[str] = Counter(each["machine_id"] for each in answer["records"])
    return machines.most_common(1)[0][0]


if __name__ == "__main__":
    main()
