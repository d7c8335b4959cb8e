"""What software updaters say, and what is believed of it."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from views_plugins.updates.parser import (
    LONGEST_SECONDS,
    LONGEST_VERSION,
    MOST_BYTES,
    Outcome,
    Update,
    report,
    update,
)

HEAD = "PACKAGE_NAME=swupd-client\nPACKAGE_VERSION=5.0.6\n"
UPDATE = "org.clearlinux/swupd-client/update"
UNKNOWN = "org.clearlinux/swupd-client/unknown"
ACRN = "clearlinux/swupdate/-"

UPDATED, FAILED, NONE = Outcome.UPDATED, Outcome.FAILED, Outcome.NONE


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            "current_version=22140\nserver_version=22160\nresult=0\ntime= 39.6\n\n",
            Update("22140", "22160", UPDATED, 0, 39.6),
        ),
        (
            "current_version=1\nserver_version=2\nresult=0\ntime=121.7\nbytes=98\n",
            Update("1", "2", UPDATED, 0, 121.7, 98),
        ),
        (
            "version_current=1\nversion_server=2\nresult=0",
            Update("1", "2", UPDATED, 0),
        ),
        # Other lines and another order change nothing.
        (
            "time=5,5\nnew=1\r\nresult=0\r\nserver_version= 2 \ncurrent_version=1\r",
            Update("1", "2", UPDATED, 0, 5.5),
        ),
        (
            "current_version=22140\nserver_version=-1\nresult=11\ntime=  0.3\n",
            Update("22140", "", FAILED, 11, 0.3),
        ),
        (
            "current_version=5\nserver_version=-1\nresult=0\n",
            Update("5", "", FAILED, 0),
        ),
        ("current_version=5\nserver_version=-1\n", Update("5", "", FAILED)),
        ("current_version=-1\nserver_version=-1\nresult=2", Update("", "", FAILED, 2)),
        (
            "current_version=1\nserver_version=2\nresult=-7",
            Update("1", "2", FAILED, -7),
        ),
        ("result=3\n", Update("", "", FAILED, 3)),
        (
            "current_version=9\nserver_version=9\nresult=0\ntime=  0.2",
            Update("9", "9", NONE, 0, 0.2),
        ),
        ("current_version=a\nserver_version=a\nresult=0", Update("a", "a", NONE, 0)),
        # A server that is behind, or a numeral that compares as a number.
        ("current_version=10\nserver_version=9\nresult=0", Update("10", "9", NONE, 0)),
        (
            "current_version=9\nserver_version=10\nresult=0",
            Update("9", "10", UPDATED, 0),
        ),
        (
            "current_version=12 a\nserver_version=11.1\nresult=0",
            Update("12 a", "11.1", UPDATED, 0),
        ),
        ("server_version=2\nresult=0", Update("", "2", UPDATED, 0)),
        # The first of two counts.
        (
            "result=0\nresult=4\ncurrent_version=1\nserver_version=2",
            Update("1", "2", UPDATED, 0),
        ),
        # What cannot be is not believed.
        (
            "current_version=1\nserver_version=2\nresult=0\ntime=1e9\nbytes=-1",
            Update("1", "2", UPDATED, 0),
        ),
        (
            f"current_version=1\nserver_version=2\nresult=0\ntime={'9' * 9}\n"
            f"bytes={'9' * 18}",
            Update("1", "2", UPDATED, 0),
        ),
        (
            f"current_version={'1' * 65}\nserver_version=2\u202e\nresult=0",
            None,
        ),
        # Payloads that were cut say nothing of how it ended.
        ("current_version=22140\nserver_version=22160\n", None),
        ("current_version=22140\nserver_version=22160\nresult=", None),
        ("current_version=22140\nserver_version=2\n", None),
        ("current_version=22140\nserver_version=22140\n", None),
        ("current_version=22140\n", None),
        ("", None),
    ],
)
def test_an_update_is_read_by_the_names_of_its_values(lines, expected):
    assert update(UPDATE, HEAD + lines) == expected
    assert update("org.example/swupd-client/update", lines) == expected


@pytest.mark.parametrize(
    ("action", "result", "outcome"),
    [
        ("update-completed", "result=0", UPDATED),
        ("update-completed", "", UPDATED),
        ("update-failed", "result=1", FAILED),
        ("update", "result=0", UPDATED),
        ("update", "", None),
    ],
)
def test_a_record_of_the_first_version_names_its_action(action, result, outcome):
    payload = f"{HEAD}action={action}\ncurrent_version=1\nserver_version=2\n{result}"
    found = update(UNKNOWN, payload)
    assert (found and found.outcome) == outcome


@pytest.mark.parametrize(
    ("classification", "payload"),
    [
        (UNKNOWN, "action=verify\ncurrent_version=1\nserver_version=2\nresult=0"),
        (UNKNOWN, "current_version=1\nserver_version=2\nresult=0"),
        (
            "org.clearlinux/swupd-client/check",
            "result=0\nversion_current=1\nversion_server=2",
        ),
        (
            "org.clearlinux/swupd-client/bundleadd",
            "action=update\ncurrent_version=1\nresult=6",
        ),
    ],
)
def test_other_reports_of_the_updater_are_no_updates(classification, payload):
    assert update(classification, HEAD + payload) is None


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("system update to: 26440\n", Update("", "26440", UPDATED)),
        ("system update to: 1.0-rc 2", Update("", "1.0-rc 2", UPDATED)),
        ("system update to: \n", None),
        ("system update to: -1", None),
        (f"system update to: {'1' * 65}", None),
        ("no update", None),
    ],
)
def test_acrn_says_only_which_version_a_machine_has_now(payload, expected):
    assert update(ACRN, payload) == expected


@pytest.mark.parametrize(
    ("event", "lines", "ok"),
    [
        ("check", "result=0\nversion_current=1\nversion_server=2", True),
        ("check", "result=1\nversion_current=2\nversion_server=2", True),
        ("check", "result=1\nversion_current=2\nversion_server=-1", False),
        ("check", "result=2\nversion_current=2", False),
        ("verify", "fix=1\nret=0\ncurrent_version=1", True),
        ("verify", "fix=1\nret=1\ncurrent_version=1", False),
        ("bundleadd", "bundles=a, b=c\ncurrent_version=1\nresult=6\nbytes=0", False),
        ("bundleremove", "bundle=editors\ncurrent_version=1\nresult=0", True),
        ("packmissing", "url=https://example.org/?a=b", None),
        ("unexpected-condition", "file=src/strings.c\nline=112", None),
    ],
)
def test_every_report_has_values_and_may_tell_success(event, lines, ok):
    found = report(f"org.clearlinux/swupd-client/{event}", HEAD + lines)
    assert (found.action, found.ok) == (event, ok)
    expected = dict(line.split("=", 1) for line in (HEAD + lines).split("\n"))
    assert dict(found.values) == expected


LINE = st.one_of(
    st.builds(
        "{}={}".format,
        st.sampled_from(
            ["current_version", "server_version", "result", "time", "bytes", "action"]
        ),
        st.one_of(
            st.text(max_size=80),
            st.integers().map(str),
            st.floats().map(str),
            st.sampled_from(["0", "-1", "22140", "update"]),
        ),
    ),
    st.text(max_size=200),
)


@given(st.sampled_from([UPDATE, UNKNOWN, ACRN, "", "a/swupdate"]), st.lists(LINE))
@example(UPDATE, ["result=²", "time=٣", "bytes=\uff19"])
@example(UPDATE, ["x=" + "=" * 100_000] * 3)
def test_whatever_is_sent_what_is_kept_fits(classification, lines):
    found = update(classification, "\n".join(lines))
    assert report(classification, "\n".join(lines)).values is not None
    if found is None:
        return
    assert all(len(text) <= LONGEST_VERSION for text in found[:2])
    assert all(text.isprintable() and text == text.strip() for text in found[:2])
    assert abs(found.result or 0) < 2**31
    assert 0 <= (found.seconds or 0) <= LONGEST_SECONDS
    assert 0 <= (found.bytes or 0) <= MOST_BYTES
    if found.outcome is UPDATED:
        assert found.to_version not in ("", found.from_version)


@given(st.data())
def test_a_payload_that_was_cut_is_no_success_it_was_not(data):
    whole = f"{HEAD}current_version=100\nserver_version=200\nresult=11\ntime=3.5\n"
    found = update(UPDATE, whole[: data.draw(st.integers(0, len(whole)))])
    assert found is None or found.outcome is FAILED


def test_every_recorded_update_is_decoded(shared_data):
    lines = (shared_data / "payloads.jsonl").read_text().splitlines()
    sent = [
        each for each in map(json.loads, lines) if "/swup" in each["classification"]
    ]
    found = {
        each["name"]: read
        for each in sent
        if (read := update(each["classification"], each["payload"]))
    }
    assert len(sent) > 9
    assert set(found.values()) == {
        Update("22160", "22160", NONE, 0, 0.2),
        Update("43270", "43290", UPDATED, 0, 121.7, 98123455),
        Update("11890", "11900", UPDATED, 0, 21.3),
        Update("", "26440", UPDATED),
    }
    for each in sent:
        values = report(each["classification"], each["payload"]).values
        assert ("PACKAGE_VERSION" in values) == ("client" in each["classification"])
