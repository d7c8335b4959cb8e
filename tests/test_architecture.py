"""Imports point one way, stay out of functions, and functions stay short."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.views_plugins.public_surface import NAMES

ROOT = Path(__file__).resolve().parent.parent
ROOMS = {"accounts", "records", "crashes", "alerts", "views_plugins", "telemetry_site"}
LONGEST_FUNCTION = 60

# What a room may import from the rooms, besides itself. Top-level code that is in no
# room (manage.py, deployments, benchmarks) starts things and may import all of them.
MAY_IMPORT = {
    "accounts": set(),
    "records": set(),
    "crashes": {"records"},
    "alerts": {"records", "crashes.stats"},
    "views_plugins": {"records", "crashes", "alerts"},
    "telemetry_site": {"accounts", "records", "crashes", "alerts", "views_plugins"},
}
STARTERS = {"manage.py", "deployments", "benchmarks"}

# A built-in view is a plugin: it may import what any plugin may, its own folder, and
# what built-in views share.
VIEWS = {
    f"views_plugins.{file.parent.name}"
    for file in (ROOT / "views_plugins").glob("*/plugin.py")
}
SHARED = {"views_plugins.events", "views_plugins.mcelog"}
PARTLY = {"records.labels", "records.access", "records.estimate"}
PAGES_OF_ITS_OWN = {"views_plugins.machines": {"records.views.for_readers"}}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def source_files() -> list[Path]:
    return sorted(
        file.relative_to(ROOT)
        for start in sorted(ROOMS | STARTERS)
        for file in [ROOT / start, *(ROOT / start).rglob("*.py")]
        if file.suffix == ".py" and file.exists()
    )


def forbidden_imports(module: str, source: str) -> list[str]:
    """What ``module`` (a dotted name) imports although its room may not."""
    if module.partition(".")[0] not in ROOMS:
        return []
    allowed = _allowed(module)
    return [
        target
        for target in _imported(module, ast.parse(source))
        if target.partition(".")[0] in ROOMS
        and not any(f"{target}.".startswith(f"{name}.") for name in allowed)
    ]


def _allowed(module: str) -> set[str]:
    room = module.partition(".")[0]
    view = ".".join(module.split(".")[:2])
    if view in VIEWS:
        return _public() | SHARED | {view} | PAGES_OF_ITS_OWN.get(view, set())
    return MAY_IMPORT[room] | {room}


def _public() -> set[str]:
    """Modules of the public surface, as a whole where pages read through them."""
    names = {f"{module}.{name}" for module in NAMES for name in NAMES[module]}
    return names | {module for module in NAMES if module not in PARTLY}


def imports_in_functions(source: str) -> list[int]:
    """Line numbers of imports that are inside a function."""
    return sorted(
        {
            node.lineno
            for function in _functions(source)
            for node in ast.walk(function)
            if isinstance(node, ast.Import | ast.ImportFrom)
        }
    )


def long_functions(source: str) -> list[str]:
    return [
        f"{function.name} ({length} lines)"
        for function in _functions(source)
        if (length := _length(function)) > LONGEST_FUNCTION
    ]


def _functions(source: str) -> Iterator[Function]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, Function):
            yield node


def _length(function: Function) -> int:
    assert function.end_lineno is not None
    return function.end_lineno - function.lineno + 1


def _imported(module: str, tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(module, node)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _absolute(module: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = module.split(".")[: -node.level]
    return ".".join([*package, *([node.module] if node.module else [])])


def _module_name(file: Path) -> str:
    return ".".join(file.with_suffix("").parts)


def _source(file: Path) -> str:
    return (ROOT / file).read_text()


FILES = source_files()
HAND_WRITTEN = [file for file in FILES if "migrations" not in file.parts]


def test_every_room_is_looked_at():
    assert {file.parts[0] for file in FILES} >= ROOMS | {"manage.py"}


@pytest.mark.parametrize("file", FILES, ids=str)
def test_imports_point_one_way(file: Path):
    assert forbidden_imports(_module_name(file), _source(file)) == []


@pytest.mark.parametrize("file", FILES, ids=str)
def test_no_import_is_inside_a_function(file: Path):
    assert imports_in_functions(_source(file)) == []


@pytest.mark.parametrize("file", HAND_WRITTEN, ids=str)
def test_no_function_is_longer_than_a_screen(file: Path):
    assert long_functions(_source(file)) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("records.models", "import crashes.models"),
        ("records.models", "from crashes import stats"),
        ("records.models", "from telemetry_site import settings"),
        ("records.collector.views", "from ...crashes.models import Crash"),
        ("records.views", "def f():\n    from views_plugins.registry import get"),
        ("crashes.models", "from views_plugins import registry"),
        ("records.access", "from accounts.models import ApiToken"),
        ("accounts.roles", "from records.models import Record"),
        ("views_plugins.mce.plugin", "from records.models import Record"),
        ("views_plugins.mce.plugin", "import records"),
        ("views_plugins.mce.plugin", "from records import statistics"),
        ("views_plugins.mce.plugin", "from records.labels import kinds"),
        ("views_plugins.mce.plugin", "from records.views import for_readers"),
        ("views_plugins.mce.plugin", "from crashes.models import Trace"),
        ("views_plugins.mce.plugin", "from views_plugins.thermal import counts"),
        ("views_plugins.mce.plugin", "from views_plugins import panel"),
        ("views_plugins.mce.parser", "from ..updates.parser import update"),
        ("views_plugins.machines.views", "from records.views import records"),
        ("views_plugins.registry", "import telemetry_site.env as env"),
        ("views_plugins.registry", "from accounts.models import Grant"),
        ("alerts.watch", "from views_plugins import registry"),
        ("accounts.roles", "import views_plugins.registry"),
    ],
)
def test_the_checker_sees_an_import_that_points_the_wrong_way(module, source):
    assert len(forbidden_imports(module, source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("crashes.models", "from records.models import Record"),
        ("records.collector.views", "from ..models import Record"),
        ("records.collector.views", "from . import writer"),
        ("views_plugins.mce.plugin", "from records import stats"),
        ("views_plugins.mce.plugin", "from crashes.stats import per_day"),
        ("views_plugins.mce.plugin", "from views_plugins.registry import Plugin"),
        ("views_plugins.mce.plugin", "from views_plugins import mcelog"),
        ("views_plugins.mce.plugin", "from views_plugins.mce.models import MceDay"),
        ("views_plugins.mce.plugin", "from records.labels import BuildLabel"),
        ("views_plugins.machines.views", "from records.views import for_readers"),
        ("views_plugins.health", "from records.models import Record"),
        ("telemetry_site.urls", "import views_plugins.urls, records.urls"),
        ("telemetry_site.env", "from accounts.provider import Provider"),
        ("records.models", "import recordings, django.db"),
        ("manage", "import telemetry_site.env"),
    ],
)
def test_the_checker_accepts_an_import_that_points_the_right_way(module, source):
    assert forbidden_imports(module, source) == []


def test_the_checker_sees_an_import_inside_a_function():
    source = "import a\nclass B:\n  import b\n  async def c(self):\n    import d"
    assert imports_in_functions(source) == [5]


def test_the_checker_sees_a_function_that_is_too_long():
    body = "    pass\n" * (LONGEST_FUNCTION - 1)
    assert long_functions(f"def fits():\n{body}") == []
    assert long_functions(f"def grows():\n{body}    pass\n") == ["grows (61 lines)"]
