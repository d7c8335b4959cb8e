"""What a scope is good for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.scopes import MEANINGS, Scope, permits

READING = {"records.view_record", "crashes.view_rule", "example.view_example"}
OWN = {
    Scope.READ_PAYLOAD: {"records.view_payload"},
    Scope.EXPORT: {"records.export_record"},
    Scope.CURATE: {"crashes.change_rule", "crashes.change_guilty"},
}
NEVER = {
    "auth.change_user",
    "records.delete_record",
    "accounts.add_apitoken",
    "records.change_refused",
}


@pytest.mark.parametrize("scope", Scope)
def test_a_scope_covers_reading_and_its_own_permissions(scope):
    everything = READING | NEVER | set().union(*OWN.values())
    covered = {each for each in everything if permits([scope], each)}
    assert covered == READING | OWN.get(scope, set())


@pytest.mark.parametrize("scopes", [[], ["unknown"], ["READ"], [""]])
def test_without_a_known_scope_nothing_is_covered(scopes):
    assert not any(permits(scopes, each) for each in READING | NEVER)


@given(st.sets(st.sampled_from(Scope)), st.sampled_from(Scope))
def test_another_scope_takes_nothing_away(scopes, another):
    permissions = READING | NEVER | set().union(*OWN.values())
    fewer = {each for each in permissions if permits(scopes, each)}
    more = {each for each in permissions if permits(scopes | {another}, each)}
    assert fewer <= more


def test_every_scope_is_explained():
    assert set(MEANINGS) == set(Scope)
