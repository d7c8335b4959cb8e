"""Who is guilty of a crash, and why each frame is or is not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashes.backtrace import Frame, is_unknown, parse
from crashes.demangle import AVAILABLE
from crashes.guilty import (
    DEFAULT_RULES,
    NoteKind,
    Reason,
    Rule,
    RuleKind,
    Rules,
    family,
    fingerprint,
    fits,
    is_markable,
    judge,
)
from tests.crashes import (
    ABORTED,
    ALL,
    GUESSED,
    OOPS,
    REGISTERS_ONLY,
    STRIPPED,
    THREADED,
    crash,
)

SKIP, SKIP_ABOVE, LOOK_BELOW = RuleKind

# What the predecessor found with an empty list, and why we find something else.
SECOND_GUESS = "of the kernel's guesses, the predecessor skips only the first"
DIFFERENCES = {
    "org.clearlinux-crash-clr-5": (
        "acme::net::Server::handle(std::__cxx11::basic_string<char, std::char_traits"
        "<char>, std::allocator<char> > const&, std::vector<int, std::allocator<int> "
        ">&)",
        "C++ names are demangled",
    ),
    "org.clearlinux-kernel-warning-1": ("? dump_stack", SECOND_GUESS),
    "org.clearlinux-kernel-warning-2": ("? dump_stack", SECOND_GUESS),
    "org.clearlinux-kernel-warning-7": ("? set_fail", SECOND_GUESS),
    "org.clearlinux-kernel-bug-4": ("? _nv007312rm", SECOND_GUESS),
    "org.clearlinux-kernel-bug-5": ("nv_kern_open", SECOND_GUESS),
}


def stack(names):
    """Frames in short: `a b ?c ???`, all in libx.so."""
    functions = [name.replace("?", "? ", name != "???") for name in names.split()]
    return [
        Frame(n, function, "libx.so", None, None, is_unknown(function), "")
        for n, function in enumerate(functions)
    ]


def rules(names, kind=SKIP, **more):
    return [
        Rule(number, name, "libx.so", kind, **more)
        for number, name in enumerate(names.split(), start=1)
    ]


def verdict(names, *some):
    return judge(stack(names), Rules(some).of())


def guilty(names, *some):
    found = verdict(names, *some).guilty
    return found and found.function


def kinds(found):
    return " ".join(note.kind.value for note in found.notes)


# --- The default algorithm ----------------------------------------------------------


@pytest.mark.parametrize(
    ("frames", "ignored", "expected", "reason"),
    [
        ("a b c", "", "a", Reason.NAMED),
        ("a b c", "a", "b", Reason.NAMED),
        ("a b c", "a c", "b", Reason.NAMED),
        ("??? a b", "", "a", Reason.NAMED),
        ("??? a b", "a", "b", Reason.NAMED),
        ("??? a", "a", "???", Reason.UNKNOWN),
        ("??? ???", "", "???", Reason.UNKNOWN),
        ("?a ?b c", "", "c", Reason.NAMED),
        ("?a ?b", "", "? a", Reason.UNKNOWN),
        ("?a ?b", "a", "? b", Reason.UNKNOWN),
        ("a b", "a b", "b", Reason.IGNORED),
        ("a ??? b", "a b", "???", Reason.UNKNOWN),
        ("??? a", "??? a", "a", Reason.IGNORED),
        ("", "a", None, Reason.NO_FRAMES),
    ],
)
def test_the_first_named_frame_that_is_not_ignored_is_guilty(
    frames, ignored, expected, reason
):
    found = verdict(frames, *rules(ignored))
    assert (found.guilty and found.guilty.function, found.reason) == (expected, reason)


def test_every_frame_has_a_note_that_says_why():
    found = verdict("a ??? b c d a", *rules("a b d"))
    assert [(note.kind, note.rule) for note in found.notes] == [
        (NoteKind.IGNORED, 1),
        (NoteKind.UNKNOWN, None),
        (NoteKind.IGNORED, 2),
        (NoteKind.CHOSEN, None),
        (NoteKind.BELOW, 3),
        (NoteKind.BELOW, 1),
    ]
    assert found.index == 3


def test_a_frame_chosen_for_want_of_a_better_one_is_noted_as_chosen():
    assert kinds(verdict("a ??? b ???", *rules("a b"))) == (
        "ignored chosen ignored unknown"
    )
    assert verdict("a b", *rules("a b")).notes[1] == (NoteKind.CHOSEN, 2)


def test_only_the_crashing_thread_is_judged():
    found = judge(parse(THREADED).frames, Rules().of())
    assert found.guilty == ("decode_frame()", "libcodec.so.61")
    empty = THREADED.replace("#", "-", 5)
    assert judge(parse(empty).frames, Rules().of()).reason is Reason.NO_FRAMES


def test_a_frame_without_a_module_does_not_end_the_search():
    frames = parse(crash("(no symbols)", "f() - [libx.so]")).frames
    assert judge(frames, Rules().of()).guilty == ("f()", "libx.so")
    assert judge(frames[:1], Rules().of()).guilty == ("(no symbols)", "")


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (ABORTED, ("__pthread_kill_implementation()", "libc.so.6")),
        (STRIPPED, ("???", "/usr/bin/stripped")),
        (OOPS, ("nvme_poll", "kernel")),
        (GUESSED, ("? dump_stack", "kernel")),
        (REGISTERS_ONLY, None),
    ],
)
def test_payloads_without_rules_have_the_guilty_of_the_default_algorithm(
    payload, expected
):
    assert judge(parse(payload).frames, Rules().of()).guilty == expected


@pytest.mark.skipif(not AVAILABLE, reason="no C++ runtime on this machine")
@pytest.mark.parametrize("defaults", [(), DEFAULT_RULES], ids=["none", "defaults"])
def test_recorded_payloads_have_the_predecessors_guilty_but_for_its_defects(
    shared_data, defaults
):
    matcher = Rules((), defaults).of()
    differences = {}
    for line in (shared_data / "payloads.jsonl").read_text().splitlines():
        record = json.loads(line)
        if record["predecessor_parse"] is None:
            continue
        found = judge(parse(record["payload"]).frames, matcher).guilty
        if (list(found) if found else None) != record["predecessor_guilty"]:
            differences[record["name"]] = found.function
    assert differences == {name: ours for name, (ours, _) in DIFFERENCES.items()}


# --- Defaults -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "module", "markable"),
    [
        ("_start()", "/usr/bin/app", False),
        ("_start()", "ld-linux-x86-64.so.2", False),
        ("__libc_start_main()", "libc.so.6", False),
        ("__libc_start_main@@GLIBC_2.34()", "libc.so.6", False),
        ("__libc_start_main()", "libother.so", True),
        ("main()", "/usr/bin/app", True),
    ],
)
def test_what_is_below_every_program_is_not_offered_for_marking(
    function, module, markable
):
    assert is_markable(function, module) is markable


def test_what_is_below_every_program_is_guilty_only_when_nothing_else_is_there():
    below = ["__libc_start_main@@GLIBC_2.34() - [libc.so.6]", "_start() - [/usr/bin/a]"]
    unknown = parse(crash("??? - [/usr/bin/a]", *below)).frames
    assert judge(unknown, Rules().of()).guilty == ("???", "/usr/bin/a")
    assert judge(unknown[1:], Rules().of()).guilty == ("_start()", "/usr/bin/a")


# --- Rules --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frames", "kind", "names", "expected", "notes"),
    [
        ("a b c d", SKIP_ABOVE, "b", "c", "above ignored chosen below"),
        ("a b c b d", SKIP_ABOVE, "b", "d", "above ignored above ignored chosen"),
        ("??? b ???", SKIP_ABOVE, "b", "???", "above ignored chosen"),
        ("a b", SKIP_ABOVE, "b", "b", "above chosen"),
        ("??? b", SKIP_ABOVE, "b", "b", "above chosen"),
        ("a ?b c", SKIP_ABOVE, "b", "a", "chosen below below"),
        ("?a ?b ?c", SKIP_ABOVE, "b", "? a", "chosen ignored unknown"),
        ("a b c d", LOOK_BELOW, "b", "c", "above sentinel chosen below"),
        ("a b c b d", LOOK_BELOW, "b", "c", "above sentinel chosen below below"),
        ("a b ???", LOOK_BELOW, "b", "???", "above sentinel chosen"),
        ("a b", LOOK_BELOW, "b", "a", "chosen below"),
        ("a b c", LOOK_BELOW, "b c", "a", "chosen below below"),
        ("a ?b c", LOOK_BELOW, "b", "a", "chosen below below"),
    ],
)
def test_some_rules_take_what_is_above_with_them(frames, kind, names, expected, notes):
    found = verdict(frames, *rules(names, kind))
    assert (found.guilty.function, kinds(found)) == (expected, notes)


def test_a_frame_above_a_sentinel_keeps_the_rule_that_ignores_it():
    found = verdict("a b c d", Rule(1, "a", "*", glob=True), *rules("x c", LOOK_BELOW))
    assert [(note.kind.value, note.rule) for note in found.notes] == [
        ("ignored", 1),
        ("above", 2),
        ("sentinel", 2),
        ("chosen", None),
    ]


@pytest.mark.parametrize(
    ("sentinel", "above", "expected"), [("b", "c", "d"), ("c", "b", "d")]
)
def test_the_lower_of_a_sentinel_and_a_frame_ignored_with_above_counts(
    sentinel, above, expected
):
    some = [*rules(sentinel, LOOK_BELOW), *rules(above, SKIP_ABOVE)]
    assert guilty("a b c d", *some) == expected


def test_of_several_rules_for_a_frame_the_strongest_counts_then_the_first():
    same = [Rule(n, "b", "libx.so", kind) for n, kind in enumerate(RuleKind)]
    assert verdict("a b c", *same).notes[1] == (NoteKind.SENTINEL, 2)
    assert verdict("a b c", *same[:2]).notes[1] == (NoteKind.IGNORED, 1)
    pattern = Rule(7, "b*", "*", glob=True)
    assert verdict("b c", pattern, *rules("b")).notes[0] == (NoteKind.IGNORED, 7)
    assert verdict("b c", *rules("b"), pattern).notes[0] == (NoteKind.IGNORED, 1)


def test_a_rule_that_is_not_active_does_nothing():
    assert guilty("a b", *rules("a", active=False)) == "a"


@pytest.mark.parametrize(
    ("function", "frame"),
    [
        ("f", "f()"),
        ("f()", "f()"),
        ("f()", "f"),
        ("f.part.0()", "f()"),
        ("f@@V_1()", "f()"),
        (" f ", "f"),
        ("f", "? f"),
        ("? f", "? f"),
        ("???", "???"),
        ("(no symbols)", "(no symbols)"),
        ("A::f(char*)", "A::f(char*)"),
    ],
)
def test_an_exact_rule_matches_however_the_name_is_written(function, frame):
    matcher = Rules([Rule(1, function, "m")]).of()
    assert matcher.rule_for(frame, "m").id == 1
    assert matcher.rule_for(frame, "other") is None


@pytest.mark.skipif(not AVAILABLE, reason="no C++ runtime on this machine")
def test_a_rule_with_a_mangled_name_matches_the_readable_one():
    matcher = Rules([Rule(1, "_ZN3foo3barEv()", "m")]).of()
    assert matcher.rule_for("foo::bar()", "m").id == 1


@pytest.mark.parametrize(
    ("function", "frame"),
    [
        ("f", "g()"),
        ("? f", "f"),
        ("f*", "f()"),
        ("A::f(*)", "A::f(int)"),
        ("???", "? f"),
    ],
)
def test_an_exact_rule_matches_nothing_else(function, frame):
    assert Rules([Rule(1, function, "m")]).of().rule_for(frame, "m") is None


@pytest.mark.parametrize(
    ("function", "module", "expected"),
    [
        ("*malloc*", "libc.so*", "__libc_malloc()"),
        ("*malloc", "libc.so.6", "__libc_malloc()"),
        ("__libc_malloc", "lib*.6", "__libc_malloc()"),
        ("__libc_malloc()", "*", "__libc_malloc()"),
        ("__libc_*()", "*", "__libc_malloc()"),
        ("__libc_*", "*", "? __libc_malloc"),
        ("? __libc_*", "*", "? __libc_malloc"),
        ("*", "*", "???"),
        ("foo::bar(*)", "*", "foo::bar()"),
        ("foo::bar(*)", "*", "foo::bar(int)"),
        ("operator new*", "*", "operator new[](unsigned long)"),
    ],
)
def test_a_pattern_matches_any_text_at_its_stars(function, module, expected):
    matcher = Rules([Rule(1, function, module, glob=True)]).of()
    assert matcher.rule_for(expected, "libc.so.6").id == 1


@pytest.mark.parametrize(
    ("function", "module"),
    [
        ("*malloc", "libm.so*"),
        ("malloc*", "*"),
        ("__libc_?alloc", "*"),
        ("__libc_[a-z]*", "*"),
        ("? *malloc", "*"),
        ("*malloc", "libc"),
        ("*malloc_malloc*", "*"),
    ],
)
def test_a_pattern_has_no_other_signs_than_stars(function, module):
    matcher = Rules([Rule(1, function, module, glob=True)]).of()
    assert matcher.rule_for("__libc_malloc()", "libc.so.6") is None


class CountedText(str):
    """A text that counts the characters that are searched."""

    __slots__ = ("searched",)

    def find(self, part, start, end):
        found = super().find(part, start, end)
        self.searched += (end if found < 0 else found + len(part)) - start
        return found


@pytest.mark.parametrize(
    "pattern",
    ["*a*a*a*b", "*a*a*a*c*b", "*aab*aab*aab*b", "*b*b*b", "*a" * 999 + "*c*b"],
)
def test_a_pattern_looks_at_no_character_twice(pattern):
    text = CountedText("a" * 100_000 + "b")
    text.searched = 0
    assert fits(pattern.split("*"), text) == (pattern == "*a*a*a*b")
    assert text.searched <= len(text)


@given(
    st.lists(st.text("ab", max_size=3), min_size=1, max_size=5),
    st.text("ab", max_size=12),
)
def test_a_pattern_agrees_with_the_obvious_matcher(parts, text):
    assert fits(parts, text) == obviously_fits(parts, text)


def obviously_fits(parts, text):
    if len(parts) == 1:
        return parts[0] == text
    first, *rest = parts
    return text.startswith(first) and any(
        obviously_fits(rest, text[start:]) for start in range(len(first), len(text) + 1)
    )


# --- Where rules apply --------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "classification", "applies"),
    [
        ("", "org.example/crash/app", True),
        ("org.example/crash/app", "org.example/crash/app", True),
        ("org.example/crash", "org.example/crash/app", True),
        ("org.example/crash/", "org.example/crash/app", True),
        ("org.example/*", "org.example/crash/app", True),
        ("*/crash/*", "org.example/crash/app", True),
        ("org.example/crash/app", "org.example/crash/app-build", False),
        ("org.example/cra", "org.example/crash/app", False),
        ("org.other/crash", "org.example/crash/app", False),
        ("org.example/crash", "", False),
    ],
)
def test_a_rule_may_be_limited_to_a_classification_and_what_is_below(
    scope, classification, applies
):
    some = Rules(rules("a", classification=scope))
    found = judge(stack("a b"), some.of(classification, "/usr/bin/app"))
    assert found.guilty.function == ("b" if applies else "a")


@pytest.mark.parametrize(
    ("scope", "program", "applies"),
    [
        ("", "/usr/bin/app", True),
        ("/usr/bin/app", "/usr/bin/app", True),
        ("app", "/usr/bin/app", True),
        ("app", "app", True),
        ("/usr/bin/app", "app", False),
        ("bin/app", "/usr/bin/app", False),
        ("app", "/usr/bin/apple", False),
        ("app", "", False),
    ],
)
def test_a_rule_may_be_limited_to_a_program(scope, program, applies):
    found = judge(stack("a b"), Rules(rules("a", program=scope)).of("", program))
    assert found.guilty.function == ("b" if applies else "a")


def test_rules_of_different_scopes_do_not_mix():
    some = Rules(
        [
            *rules("a", classification="org.example"),
            *rules("b", program="app"),
            *rules("c", classification="org.example", program="app"),
        ]
    )
    expected = {
        ("org.example/crash", "app"): "d",
        ("org.example/crash", "other"): "b",
        ("org.other/crash", "app"): "a",
        ("org.other/crash", "other"): "a",
    }
    for _ in range(2):
        for crash_of, function in expected.items():
            found = judge(stack("a b c d"), some.of(*crash_of))
            assert found.guilty.function == function, crash_of


def test_rules_are_compiled_once_for_crashes_that_the_same_rules_apply_to():
    some = Rules(rules("a", program="app"))
    assert some.of("one", "app") is some.of("other", "/usr/bin/app")
    assert some.of("one", "x") is some.of("other", "y")
    everywhere = Rules(rules("a"))
    assert everywhere.of("one", "x") is everywhere.of()


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr("crashes.guilty._MOST_REMEMBERED", 3)
    some = Rules([Rule(1, "f*", "*", glob=True, program="app")])
    for number in range(10):
        matcher = some.of(f"c{number}", "app")
        assert matcher.rule_for(f"f{number}", "m").id == 1
        assert matcher.rule_for(f"g{number}", "m") is None
    assert len(some._by_crash) <= 3
    assert len(matcher._known) <= 3


# --- Hashes -------------------------------------------------------------------------


def family_of(names, *some):
    return family(stack(names), verdict(names, *some).notes)


SKIP_X = Rule(1, "x*", "*", glob=True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a b c d e f", "a b c d e g"),
        ("x a b", "xx a x b"),
        ("a a a b", "a b"),
        ("a ?b c", "a ?d c"),
        ("a ??? ??? c", "a ??? c"),
        ("x ???", "??? x"),
        ("x ?b", "?b"),
    ],
)
def test_similar_backtraces_are_of_one_family(one, other):
    assert family_of(one, SKIP_X) == family_of(other, SKIP_X)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a b c d e", "a b c d f"),
        ("a b", "b a"),
        ("a ??? b", "a b"),
        ("?a ?b", "?a ?c"),
        ("x xx", "xx x"),
        ("a", ""),
    ],
)
def test_other_backtraces_are_of_another_family(one, other):
    assert family_of(one, SKIP_X) != family_of(other, SKIP_X)


def test_clones_and_line_numbers_do_not_make_another_family_or_backtrace():
    other = parse(
        ABORTED.replace(".constprop.0()", ".part.3.cold()").replace(":2", ":9")
    )
    frames, others = parse(ABORTED).frames, other.frames
    notes = judge(frames, Rules().of()).notes
    assert family(frames, notes) == family(others, notes)
    assert fingerprint(frames) == fingerprint(others)
    assert fingerprint(frames) != fingerprint(frames[1:])


def test_different_backtraces_have_different_fingerprints():
    frames = [parse(payload).frames for payload in ALL]
    assert len({fingerprint(each) for each in frames if each}) == 6


def test_without_frames_there_is_no_hash():
    assert family((), ()) == fingerprint(()) == ""


# --- Properties ---------------------------------------------------------------------

FUNCTIONS = st.sampled_from(["a", "b", "c", "d", "???", "? a", "? e"])
STACKS = st.lists(FUNCTIONS, max_size=12).map(
    lambda functions: [
        Frame(n, function, "libx.so", None, None, is_unknown(function), "")
        for n, function in enumerate(functions)
    ]
)
KINDS = st.sampled_from(list(RuleKind))
RULES = st.lists(
    st.builds(
        Rule,
        id=st.integers(1, 99),
        function=st.sampled_from(["a", "b", "c", "???", "? a", "*", "b*"]),
        module=st.sampled_from(["libx.so", "*", "other"]),
        kind=KINDS,
        glob=st.booleans(),
        active=st.booleans(),
    ),
    max_size=6,
)


@given(STACKS, RULES)
def test_judging_never_raises_and_leaves_one_note_per_frame(frames, some):
    found = judge(frames, Rules(some).of("org.example/crash", "app"))
    assert len(found.notes) == len(frames)
    assert (found.guilty is None) == (not frames)
    chosen = [n for n, note in enumerate(found.notes) if note.kind is NoteKind.CHOSEN]
    assert chosen == ([] if found.index is None else [found.index])
    assert family(frames, found.notes) or not frames


@given(STACKS, RULES)
def test_an_ignored_frame_is_guilty_only_when_all_are_skipped(frames, some):
    matcher = Rules(some).of()
    found = judge(frames, matcher)
    if found.guilty and matcher.rule_for(*found.guilty):
        assert found.reason is Reason.IGNORED
        assert NoteKind.UNKNOWN not in {note.kind for note in found.notes}
        assert NoteKind.BELOW not in {note.kind for note in found.notes}


@given(STACKS, RULES)
def test_an_unknown_frame_is_guilty_only_when_none_below_has_a_name(frames, some):
    matcher = Rules(some).of()
    found = judge(frames, matcher)
    if found.reason is Reason.UNKNOWN:
        below = frames[found.index :]
        ignored = [matcher.rule_for(each.function, each.module) for each in below]
        assert all(
            each.unknown or rule for each, rule in zip(below, ignored, strict=True)
        )


@given(STACKS, RULES, KINDS)
def test_a_rule_for_a_frame_that_does_not_occur_changes_nothing(frames, some, kind):
    absent = [Rule(100, "absent", "libx.so", kind), Rule(101, "a", "absent.so", kind)]
    pattern = Rule(102, "*absent*", "*", kind, glob=True)
    before = judge(frames, Rules(some).of())
    assert judge(frames, Rules([*absent, pattern, *some]).of()) == before
    assert judge(frames, Rules([*some, *absent, pattern]).of()) == before


@given(STACKS, RULES)
def test_equal_input_has_an_equal_verdict(frames, some):
    matcher = Rules(some).of()
    assert judge(frames, matcher) == judge(frames, matcher)
    assert judge(frames, matcher) == judge(frames, Rules(some).of())
