"""How records look in templates."""

from datetime import UTC, datetime
from zlib import crc32

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from records import addresses, durations
from records.panel import SEVERITIES, Panel
from records.visible import hidden_characters, visible

register = template.Library()

register.filter("visible", visible)
register.filter("hidden_characters", hidden_characters)


@register.filter
def anchor(text: str) -> str:
    """A short id for any text, for elements that belong together."""
    return f"{crc32(text.encode(errors='replace')):08x}"


@register.filter
def depth(level: str) -> int:
    """How deep a level of a classification is: `a/*` 0, `a/b/*` 1, `a/b/c` 2."""
    return level.count("/") - level.endswith("/*")


@register.filter
def last_part(level: str) -> str:
    """What a level adds to the one above it."""
    name = level.removesuffix("/*")
    return (name.rpartition("/")[2] or "(empty)") + level[len(name) :]


@register.filter
def vendor(classification: str) -> str:
    """The first part of a classification, with its slash."""
    return "".join(classification.partition("/")[:2])


@register.filter
def beneath(classification: str) -> str:
    """What comes after the vendor."""
    return classification.partition("/")[2]


@register.simple_tag
def age(moment: datetime) -> SafeString:
    """How long ago; the moment itself on hover, which site.js keeps up to date."""
    utc = moment.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{}" data-age>{}</time>',
        f"{utc:%Y-%m-%dT%H:%M:%SZ}",
        f"{utc:%Y-%m-%d %H:%M:%S} UTC",
        durations.ago((datetime.now(UTC) - utc).total_seconds()),
    )


@register.simple_tag
def instant(moment: datetime) -> SafeString:
    """A moment in full, in UTC; the reader's own time on hover."""
    utc = moment.astimezone(UTC)
    return format_html(
        '<time datetime="{}">{}</time>',
        f"{utc:%Y-%m-%dT%H:%M:%SZ}",
        f"{utc:%Y-%m-%d %H:%M:%S} UTC",
    )


@register.simple_tag
def severity(number: int) -> SafeString:
    """A severity as a badge: a word, bars, and a colour."""
    return format_html(
        '<span class="severity severity-{}" title="Severity {}">{}</span>',
        number,
        number,
        SEVERITIES.get(number, str(number)),
    )


@register.simple_tag
def query(panel: Panel, name: str, value: object) -> str:
    """The query of the panel with one filter set to ``value``."""
    return panel.query_with(**{name: value})


@register.simple_tag
def machine_address(machine_id: str) -> str:
    """The page of a machine id."""
    return addresses.machine(machine_id)
