"""How crashes look in templates."""

import re
import signal as signals
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django import template
from django.urls import reverse
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from crashes.forms import KINDS, Question
from crashes.guilty import Note, NoteKind, Rule
from crashes.stats import NotedFrame
from records.labels import BuildLabel
from records.visible import visible

register = template.Library()

_MOST_BARS = 60
_BELOW = 6  # frames below the guilty one that are shown at once
_BREAKS = re.compile(r"::|[<,(/|_]+")
_PLAIN_BUILD = re.compile(r"(?!\.+$)[\w.+~:@-]+")
_TAKEN = {"overall", "rules", "guilty_details", "guilty_edit"}


@register.filter
def name(text: str) -> SafeString:
    """The name of a function or module: all of it seen, with places to break lines."""
    pieces = []
    start = 0
    shown = visible(text).replace("\n", "⟨LF⟩").replace("\t", "⟨TAB⟩")
    for found in _BREAKS.finditer(shown):
        pieces.append(escape(shown[start : found.end()]))
        start = found.end()
    pieces.append(escape(shown[start:]))
    return mark_safe("<wbr>".join(pieces))  # noqa: S308 - every piece is escaped


@register.filter
def signal(number: int) -> str:
    """SIGSEGV for 11."""
    try:
        return signals.Signals(number).name
    except ValueError:
        return f"signal {number}"


@register.filter
def kind(value: str) -> str:
    return KINDS.get(value, value)


@register.filter
def hits_of(crashes: Mapping[int, int], rule_id: int) -> int:
    return crashes.get(rule_id, 0)


@register.filter
def upper_frames(frames: Sequence[NotedFrame]) -> Sequence[NotedFrame]:
    """Down to some frames below the guilty one."""
    return frames[: _last_shown(frames)]


@register.filter
def lower_frames(frames: Sequence[NotedFrame]) -> Sequence[NotedFrame]:
    """What `upper_frames` leaves."""
    return frames[_last_shown(frames) :]


def _last_shown(frames: Sequence[NotedFrame]) -> int:
    chosen = (n for n, f in enumerate(frames) if f.note.kind is NoteKind.CHOSEN)
    end = next(chosen, 0) + 1 + _BELOW
    return end if len(frames) > end + 1 else len(frames)


@register.simple_tag
def bar(value: int, most: int) -> SafeString:
    """A bar beside a number; the number says it to those who do not see."""
    width = max(round(100 * value / most, 1), 1) if value and most else 0
    return format_html(
        '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" '
        'aria-hidden="true" focusable="false"><rect class="bar-track" width="100" '
        'height="10"/><rect class="bar-fill" width="{}" height="10"/></svg>',
        str(width),
    )


@register.simple_tag
def sparkline(days: Mapping[date, int], start: date, end: date) -> SafeString:
    """Bars over time, some days each when there are many."""
    step = -(-((end - start).days + 1) // _MOST_BARS)
    sums = [
        sum(days.get(first + timedelta(days=n), 0) for n in range(step))
        for first in _every(start, end, step)
    ]
    most = max([*sums, 1])
    width = 600 / len(sums)
    bars = format_html_join(
        "",
        '<rect x="{}" y="{}" width="{}" height="{}"/>',
        (
            (f"{n * width:.1f}", f"{60 - h:.1f}", f"{width * 0.8:.1f}", f"{h:.1f}")
            for n, value in enumerate(sums)
            if (h := 56 * value / most)
        ),
    )
    per = "a day" if step == 1 else f"in {step} days"
    return format_html(
        '<svg class="spark" viewBox="0 0 600 62" preserveAspectRatio="none" role="img" '
        'aria-label="Crashes from {} to {}, at most {} {}">'
        '<rect class="spark-base" y="60" width="600" height="1"/>{}</svg>'
        '<p class="spark-ends quiet"><span>{}</span><span>at most {} {}</span>'
        "<span>{}</span></p>",
        *(start, end, most if any(sums) else 0, per, bars),
        *(start, most if any(sums) else 0, per, end),
    )


def _every(start: date, end: date, step: int) -> list[date]:
    count = (end - start).days // step + 1
    return [start + timedelta(days=n * step) for n in range(count)]


@register.simple_tag
def asking(question: Question, **changes: Any) -> str:
    """The query of the question with these parameters instead."""
    return question.query_with(**changes)


@register.simple_tag
def build_address(build: BuildLabel) -> str:
    """The page of a build, whatever it is called."""
    system = {"system_name": build.system_name} if build.system_name else {}
    plain = _PLAIN_BUILD.fullmatch(build.version)
    if plain and build.version not in _TAKEN:
        path = reverse("crashes-build", args=[build.version])
        return f"{path}?{urlencode(system)}" if system else path
    path = reverse("crashes-overall")
    return f"{path}?{urlencode({**system, 'build': build.version})}"


_VERDICTS = {
    NoteKind.CHOSEN: ("guilty", "The first frame that has a name and no rule skips."),
    NoteKind.IGNORED: ("never guilty", ""),
    NoteKind.ABOVE: ("above", "A rule for a frame below skips what is above it."),
    NoteKind.SENTINEL: ("start below", "A rule says to start looking below."),
    NoteKind.UNKNOWN: ("unknown", "It has no name to hold guilty."),
    NoteKind.BELOW: ("not looked at", "The guilty one was found above."),
}
_LAST_LEFT = "Every frame has a rule or no name: this one is left."


@register.inclusion_tag("crashes/_verdict.html")
def verdict(note: Note, rules: Mapping[int, Rule]) -> dict[str, Any]:
    """What a frame meant for the verdict, and why."""
    word, why = _VERDICTS[note.kind]
    if note.kind is NoteKind.CHOSEN and note.rule is not None:
        why = _LAST_LEFT
    rule = None if note.rule is None else rules.get(note.rule)
    return {"kind": note.kind.value, "word": word, "why": why, "rule": rule}
