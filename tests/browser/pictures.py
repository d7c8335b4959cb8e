"""A view for tests: pictures of what is hard to draw, at an address of its own."""

from django.urls import path

from telemetry_site.urls import urlpatterns as site
from views_plugins import views
from views_plugins.charts import Chart, Content, Kind, Label, Series
from views_plugins.filters import Filters
from views_plugins.registry import Plugin

HOSTILE = (
    "<img src=x onerror=\"document.title='owned'\">",
    "</script><script>document.title='owned'</script>",
    "\u202egnp.exe\u2066 reversed",
    "\x1b[31mred\x00\nline\ttab",
    "long " + "\N{BLACK SQUARE}" * 400,
    "",
    "\u0627\u0644\u0639\u0631\u0628\u064a\u0629",
    "{{ 7 }} %s __proto__",
    "other (3)",
)
KINDS = (Kind.BAR, Kind.STACKED, Kind.LINE, Kind.AREA, Kind.DOUGHNUT)
VALUES = (-3, 0, 12_345_678, 0.125, None, 1, 7, 2.5, 1e9)


def _chart(kind: Kind, key: str, categories: int, series: int) -> Chart:
    values = tuple(n % 17 + 1 for n in range(categories))
    return Chart(
        key=f"{kind.value}-{key}",
        title=f"{kind.value}, {key}",
        kind=kind,
        categories=tuple(
            Label(f"category number {n}", f"/records?build={n}")
            for n in range(categories)
        ),
        series=tuple(Series(f"series {n}", values) for n in range(series)),
        x="Category",
        y="Records",
    )


def _hostile(kind: Kind) -> Chart:
    return Chart(
        key=f"{kind.value}-hostile",
        title=HOSTILE[0],
        kind=kind,
        categories=tuple(map(Label, HOSTILE)),
        series=tuple(Series(name, VALUES) for name in HOSTILE[:3]),
        x=HOSTILE[2],
        y=HOSTILE[4],
        unit=HOSTILE[1],
        note=HOSTILE[3],
        sums=True,
    )


DRAWN = (
    *(_chart(kind, "one", 1, 1) for kind in KINDS),
    *(_chart(kind, "sixty", 60, 2) for kind in KINDS),
    *(_chart(kind, "many", 600, 2) for kind in (Kind.BAR, Kind.LINE)),
    *(_chart(kind, "wide", 12, 20) for kind in (Kind.STACKED, Kind.AREA)),
    *map(_hostile, KINDS),
)


def content(asked: Filters) -> Content:
    return Content(parts=(*DRAWN, _hostile(Kind.HEAT)))


PLUGIN = Plugin(slug="pictures", title=HOSTILE[0], content=content)

urlpatterns = [
    path("pictures", views.page_of(PLUGIN)),
    *site,
]
