"""Values of plugins are what their dataclasses say."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import orjson
import pytest
from django.utils.safestring import mark_safe
from hypothesis import given
from hypothesis import strategies as st

from views_plugins import shapes


class Kind(StrEnum):
    A = "a"


@dataclass(frozen=True)
class Leaf:
    value: str | int | float | None
    link: Annotated[str, shapes.address] = ""


@dataclass(frozen=True)
class Tree:
    leaves: tuple[Leaf, ...] = ()
    kind: Kind = Kind.A
    sure: bool = True
    words: Mapping[str, str] | None = None
    call: Callable[[int], str] | None = None
    anything: "int" = 0


@pytest.mark.parametrize(
    "value",
    [
        Tree(),
        Tree((Leaf("text"), Leaf(1), Leaf(1.5), Leaf(None), Leaf("é \U0001f600"))),
        Tree(words={"a": "b"}, call=str),
        Tree(anything="a quoted annotation is not looked at"),  # type: ignore[arg-type]
        Tree((Leaf(2**63 - 1), Leaf(-(2**63)))),
    ],
)
def test_what_is_as_it_says_passes(value):
    shapes.require(value, Tree)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("text", "Tree is str, not Tree"),
        (None, "Tree is NoneType, not Tree"),
        (Tree([Leaf(1)]), "Tree.leaves is list, not tuple"),
        (Tree((Leaf(1), 2)), "Tree.leaves[1] is int, not Leaf"),
        (Tree((Leaf({1}),)), "Tree.leaves[0].value is set, not str or int or float"),
        (Tree((Leaf(True),)), "Tree.leaves[0].value is bool"),
        (Tree((Leaf(Decimal(1)),)), "Tree.leaves[0].value is Decimal"),
        (Tree((Leaf(mark_safe("<b>")),)), "Tree.leaves[0].value is SafeString"),
        (Tree((Leaf(math.nan),)), "Tree.leaves[0].value is not finite"),
        (Tree((Leaf(-math.inf),)), "Tree.leaves[0].value is not finite"),
        (Tree((Leaf(2**63),)), "Tree.leaves[0].value has more than 64 bits"),
        (Tree((Leaf("\udc80"),)), "Tree.leaves[0].value has half a character"),
        (Tree((Leaf(1, "javascript:x"),)), "Tree.leaves[0].link is not an address"),
        (Tree((Leaf(1, 5),)), "Tree.leaves[0].link is int, not str"),
        (Tree(kind="a"), "Tree.kind is str, not Kind"),
        (Tree(sure=1), "Tree.sure is int, not bool"),
        (Tree(words={"a": 1}), "Tree.words is dict, not"),
        (Tree(words=[]), "Tree.words is list, not"),
        (Tree(call=5), "Tree.call is int, not"),
    ],
)
def test_what_is_not_is_named_with_its_place(value, says):
    with pytest.raises(TypeError) as raised:
        shapes.require(value, Tree)
    assert str(raised.value).startswith(says)


def test_the_text_of_a_problem_quotes_no_value():
    with pytest.raises(TypeError) as raised:
        shapes.require(Tree((Leaf("secret", "secret:"),)), Tree)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("address", "fine"),
    [
        ("", True),
        ("/records?a=b", True),
        ("?days=7", True),
        ("#part", True),
        ("https://example.org/", True),
        ("http://example.org/", True),
        ("//example.org", False),
        ("/\\example.org", False),
        ("javascript:alert(1)", False),
        (" javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("records", False),
    ],
)
def test_links_lead_to_pages(address, fine):
    assert (shapes.address(address) == "") is fine


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()))
    | st.binary()
    | st.decimals(),
    lambda inner: st.lists(inner) | st.sets(st.integers()) | st.tuples(inner),
    max_leaves=3,
)


@given(anything)
def test_what_passes_can_be_written_as_json(value: Any):
    try:
        shapes.require(Leaf(value), Leaf)
    except TypeError:
        return
    assert orjson.loads(orjson.dumps(value)) == value
