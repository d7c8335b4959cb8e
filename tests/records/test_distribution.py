"""The plan from one database to a cluster: a pure function of both."""

from typing import Any

import pytest

from records.distribution import Cluster, Place, Table, placed, plan, problem

NONE: frozenset[str] = frozenset()
TABLES = [
    Table("record", Place.DISTRIBUTED),
    Table("pending", Place.LOCAL),
    Table("kind", Place.REFERENCE, frozenset({"class", "fleet"})),
    Table("plugin", Place.MANAGED, frozenset({"kind", "plugin"})),
    Table("class", Place.REFERENCE),
    Table("fleet", Place.REFERENCE),
]
EVERYWHERE = {
    table.name: table.place for table in TABLES if table.place is not Place.LOCAL
}
READY = Cluster("13.2", coordinator=True, workers=2)


def statements(given: str = "", **state: Any) -> list[str]:
    """The plan where the coordinator is known, unless one is given."""
    cluster = Cluster("13.2", coordinator=not given, workers=2, **state)
    steps = plan(TABLES, cluster, given, 8)
    return [step.statement.removeprefix("SELECT ") for step in steps]


DISTRIBUTE = "create_distributed_table('record', 'id', shard_count := 8)"
TRUNCATE = "truncate_local_data_after_distributing_table('{}')"


def test_names_come_first_then_what_refers_to_them_then_records():
    assert statements() == [
        "create_reference_table('class')",
        "create_reference_table('fleet')",
        "create_reference_table('kind')",
        "citus_add_local_table_to_metadata('plugin', cascade_via_foreign_keys := true)",
        DISTRIBUTE,
    ]


@pytest.mark.parametrize(
    ("given", "made"),
    [("db.internal", "'db.internal', 5432"), ("a'b:6000", "'a''b', 6000")],
)
def test_the_coordinator_is_told_its_address_before_all_else(given, made):
    first, *others = statements(given)
    assert first == f"citus_set_coordinator_host({made})"
    assert others == statements()


@pytest.mark.parametrize(
    ("places", "holding", "expected"),
    [
        (EVERYWHERE, (), []),
        (EVERYWHERE, ("r_0", "r_9"), [TRUNCATE.format("r_0"), TRUNCATE.format("r_9")]),
        ({**EVERYWHERE, "pending": Place.MANAGED}, (), []),
        ({**EVERYWHERE, "plugin": Place.REFERENCE}, (), []),
        (
            {**EVERYWHERE, "kind": Place.MANAGED},  # Citus made it known by itself
            (),
            ["create_reference_table('kind')"],
        ),
        (
            {name: EVERYWHERE[name] for name in EVERYWHERE if name != "record"},
            ("r_0",),
            [DISTRIBUTE, TRUNCATE.format("r_0")],
        ),
    ],
)
def test_only_what_is_still_to_be_done_is_planned(places, holding, expected):
    assert statements(places=places, holding=holding) == expected


def test_identities_become_sequences_before_all_that_citus_converts():
    identities = {"kind": "id", "pending": "id", 'class"': "no", "plugin": "n"}
    first, second, *others = statements(identities=identities)
    assert first == (
        'ALTER TABLE "kind" ALTER COLUMN "id" DROP IDENTITY; '
        'CREATE SEQUENCE "kind_id_seq" OWNED BY "kind"."id"; '
        'ALTER TABLE "kind" ALTER COLUMN "id" SET DEFAULT nextval(\'"kind_id_seq"\'); '
        """SELECT setval('"kind_id_seq"', """
        '(SELECT coalesce(max("id"), 0) + 1 FROM "kind"), false)'
    )
    assert second.startswith('ALTER TABLE "plugin" ALTER COLUMN "n" DROP IDENTITY')
    assert others == statements()


@pytest.mark.parametrize(
    ("cluster", "coordinator", "expected"),
    [
        (READY, "", ""),
        (Cluster(), "", "CREATE EXTENSION citus"),
        (Cluster("13.2", workers=2), "", "--coordinator"),
        (Cluster("13.2", workers=2), "db", ""),
        (Cluster("13.2", coordinator=True), "", "citus_add_node"),
    ],
)
def test_what_has_to_be_done_by_hand_is_said(cluster, coordinator, expected):
    found = problem(cluster, coordinator)
    assert expected in found
    assert bool(found) == bool(expected)


def test_a_chain_of_constraints_to_a_name_is_known_to_the_nodes():
    references = {
        "name": NONE,
        "record": NONE,
        "refers": frozenset({"name"}),
        "behind": frozenset({"refers"}),
        "beside": NONE,
        "both": frozenset({"beside", "behind"}),
        "alone": frozenset({"alone"}),
    }
    places = {
        table.name: table.place for table in placed(references, "record", {"name"})
    }
    assert places == {
        "name": Place.REFERENCE,
        "record": Place.DISTRIBUTED,
        **dict.fromkeys(("refers", "behind", "beside", "both"), Place.MANAGED),
        "alone": Place.LOCAL,
    }
