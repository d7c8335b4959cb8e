"""Spans of time in words (pure). static/js/site.js says the same in the browser."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def ago(seconds: float) -> str:
    """How long ago something was: `12 s ago`, `3 min ago`, `5 h ago`, `8 d ago`."""
    whole = max(0, int(seconds))
    if whole < 1:
        return "now"
    for unit, length in (("d", _DAY), ("h", _HOUR), ("min", _MINUTE)):
        if whole >= length:
            return f"{whole // length} {unit} ago"
    return f"{whole} s ago"


def span(seconds: float) -> str:
    """A span in its two largest units: `2 h 3 min`, `1 d 5 h`, `40 s`."""
    rest = abs(int(seconds))
    words = []
    for unit, length in (("d", _DAY), ("h", _HOUR), ("min", _MINUTE), ("s", 1)):
        count, rest = divmod(rest, length)
        if count:
            words.append(f"{count} {unit}")
    return " ".join(words[:2]) or "0 s"


def offset(seconds: float) -> str:
    """A span with its direction: `+2 h 3 min`, or a minus sign."""
    sign = "+" if seconds >= 0 else "\u2212"
    return sign + span(seconds)
