"""The Markdown page of a run (pure)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from benchmarks.results import Details, Line, Section, Table

_HEAD = ("what", "measured", "compared with", "ratio", "budget", "met")
_MET = {True: "yes", False: "**no**", None: ""}


def render(
    facts: Mapping[str, str], commands: Sequence[str], sections: Sequence[Section]
) -> str:
    """The whole page; ``facts``: the machine, the versions, the date."""
    return "\n".join(_lines(facts, commands, sections)) + "\n"


def _lines(
    facts: Mapping[str, str], commands: Sequence[str], sections: Sequence[Section]
) -> Iterator[str]:
    yield from (
        "# Benchmarks",
        "",
        "Written by `make bench` (a million records) or `make bench-full` (ten, and "
        "how times grow); a run overwrites it. Figures are the median of the "
        "rounds (lowest to highest). What is compared was measured in the same run, in "
        "turn; a ratio is the median of the rounds' ratios. What is missed, and why: "
        "[budgets.md](budgets.md).",
        "",
        "```sh",
        *commands,
        "```",
        "",
    )
    yield from table(Table(("", ""), list(facts.items())))
    yield from _summary(sections)
    for section in sections:
        yield from _section(section)


def _summary(sections: Sequence[Section]) -> Iterator[str]:
    problems = [problem for each in sections for problem in each.problems]
    if problems:
        yield from ("", "## Not to be trusted", "")
        yield from (f"- {problem}" for problem in problems)
    judged = [line for each in sections for line in each.lines if line.budget]
    met = sum(line.met is True for line in judged)
    yield from ("", "## Budgets", "", f"{met} of {len(judged)} are met.", "")
    yield from table(_measurements(judged))


def _section(section: Section) -> Iterator[str]:
    yield from ("", f"## {section.title}", "")
    for note in section.notes:
        yield from (note, "")
    others = [line for line in section.lines if not line.budget]
    if others:
        yield from table(_measurements(others))
        yield ""
    for each in section.tables:
        yield from table(each)
        yield ""
    for details in section.details:
        yield from _collapsed(details)


def _measurements(lines: Iterable[Line]) -> Table:
    """Without the columns that no line fills."""
    rows = [
        (
            each.what,
            each.measured,
            each.compared,
            each.ratio,
            each.budget,
            _MET[each.met],
        )
        for each in lines
    ]
    used = [any(row[n] for row in rows) for n in range(len(_HEAD))]
    return Table(_chosen(_HEAD, used), [_chosen(row, used) for row in rows])


def _chosen(cells: Sequence[str], used: Sequence[bool]) -> list[str]:
    return [cell for cell, wanted in zip(cells, used, strict=True) if wanted]


def table(content: Table) -> Iterator[str]:
    yield _row(content.head)
    yield "|" + "---|" * len(content.head)
    for row in content.rows:
        yield _row(row)


def _row(cells: Sequence[str]) -> str:
    escaped = (cell.replace("|", "\\|").replace("\n", " ") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def _collapsed(details: Details) -> Iterator[str]:
    text = details.text.replace("```", "'''")
    yield from ("<details>", f"<summary>{details.summary}</summary>", "")
    yield from ("```text", text.rstrip(), "```", "", "</details>", "")
