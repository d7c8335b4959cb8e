"""Hostile text made visible."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.visible import first_line, hidden_characters, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text\nand\ttabs", "plain text\nand\ttabs"),
        ("Ünïcödé 漢字 שלום 🙂", "Ünïcödé 漢字 שלום 🙂"),
        ("\x1b[31mred", "⟨ESC⟩[31mred"),
        ("bell\x07", "bell⟨BEL⟩"),
        ("10 %\r20 %\r\n", "10 %⟨CR⟩20 %\n"),
        ("\x7f\x85\x9f", "⟨U+007F⟩⟨U+0085⟩⟨U+009F⟩"),
        ("\u202egnp.exe\u202c", "⟨U+202E⟩gnp.exe⟨U+202C⟩"),
        ("pay\u200bpal\u2066\ufeff", "pay⟨U+200B⟩pal⟨U+2066⟩⟨U+FEFF⟩"),
        ("line\u2028separator", "line⟨U+2028⟩separator"),
        ("tag\U000e0041", "tag⟨U+E0041⟩"),
    ],
)
def test_what_cannot_be_seen_is_named(text, shown):
    assert visible(text) == shown


def test_hidden_characters_are_counted():
    assert hidden_characters("a\x1bb\u202ec\r\n") == 2
    assert hidden_characters("nothing\n\there") == 0


@given(st.text())
def test_nothing_hidden_is_left(text):
    assert hidden_characters(visible(text)) == 0


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("hello\nworld\n", "hello"),
        ("\n\n  \n  second\tline  \nthird", "second line"),
        ("\x00\n", "⟨NUL⟩"),
        ("", ""),
    ],
)
def test_the_first_line_is_the_first_that_says_something(text, line):
    assert first_line(text) == line
