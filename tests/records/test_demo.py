"""The demo fleet: plausible, valid, and the same for the same arguments."""

import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path
from random import Random

import pytest

from records.collector import fields
from records.demo import (
    LARGEST_FLEET,
    Fleet,
    Size,
    demo_submission,
    fleet_days,
    fleet_records,
)
from records.demo_data import BUGS, CLEAR, HARDWARE
from records.submission import NOT_CARRIED, Submission

ROOT = Path(__file__).resolve().parent.parent.parent
UNTIL = datetime(2026, 3, 15, 13, 30, tzinfo=UTC)
DAYS = 35
LIFE = timedelta(days=3)
HEARTBEAT = "org.clearlinux/heartbeat/ping"
UPDATE = "org.clearlinux/swupd-client/update"
CRASH = "org.clearlinux/crash/clr"
SEVERITIES = {
    HEARTBEAT: {1},
    CRASH: {3},
    UPDATE: {1, 2, 4},
    "crash/kernel/bug": {2},
    "crash/kernel/warning": {2},
    "org.clearlinux/bert/debug": {2},
    "org.clearlinux/clr-installer/failure": {3},
    "org.clearlinux/clr-installer/success": {1},
    "org.clearlinux/crash/clr-build": {2},
    "org.clearlinux/crash/error": {4},
    "org.clearlinux/crash/unknown": {2},
    "org.clearlinux/hello/world": {1},
    "org.clearlinux/journal/error": {2},
    "org.clearlinux/kernel/bug": {4},
    "org.clearlinux/kernel/panic": {4},
    "org.clearlinux/kernel/stackoverflow": {4},
    "org.clearlinux/kernel/warning": {2},
    "org.clearlinux/mce/SRAO": {4},
    "org.clearlinux/mce/UCNA": {4},
    "org.clearlinux/mce/corrected": {2},
    "org.clearlinux/mce/thermal": {2},
    "org.clearlinux/python/python-exception": {3},
    "org.clearlinux/swupd-client/bundleadd": {1, 2},
    "org.clearlinux/swupd-client/check": {2, 3},
    "org.clearlinux/swupd-client/verify": {1, 2, 4},
    "org.example/crash/app": {3},
}
FRAME = re.compile(r"#\d+ (\S+ - \[\S+\]( - \S+:\d+)?|\(no symbols\))")
KERNEL_FRAME = re.compile(r"#\d+ (\? )?\S+ - \[kernel\]")


def records(machines: int = 150, days: int = DAYS, seed: int = 1, until=UNTIL):
    return fleet_records(machines=machines, days=days, until=until, seed=seed)


@pytest.fixture(scope="module")
def fleet() -> list[tuple[datetime, Submission]]:
    return list(records(machines=400))


@pytest.fixture(scope="module")
def submissions(fleet) -> list[Submission]:
    return [submission for _, submission in fleet]


@pytest.fixture(scope="module")
def crashes(submissions) -> list[Submission]:
    return [each for each in submissions if each.classification == CRASH]


def sent(submission: Submission) -> dict[str, str]:
    """The values as a client sends them: names that are not carried are absent."""
    values = submission._asdict() | {"creation_timestamp": submission.captured_at}
    return {
        name: str(values[name])
        for name in fields.NAMES
        if values[name] not in {None, NOT_CARRIED}
    }


def frames(submission: Submission) -> list[list[str]]:
    """The frames of each thread of a crash, complete lines only."""
    threads = submission.payload.split("Backtrace (TID ")[1:]
    return [
        [line for line in thread.split("\n")[1:-1] if line.startswith("#")]
        for thread in threads
    ]


class TestDeterminism:
    def test_the_same_arguments_give_the_same_records(self):
        assert list(records(20)) == list(records(20))

    def test_another_seed_gives_other_machines(self):
        one, other = (
            {s.machine_id for _, s in records(20, seed=seed) if len(s.machine_id) == 32}
            for seed in (1, 2)
        )
        assert one
        assert one.isdisjoint(other)

    def test_the_records_do_not_depend_on_hash_randomisation(self):
        script = (
            "from hashlib import sha256\n"
            "from datetime import datetime, UTC\n"
            "from records.demo import fleet_records\n"
            "until = datetime(2026, 3, 15, 13, 30, tzinfo=UTC)\n"
            "rows = fleet_records(machines=15, days=9, until=until, seed=4)\n"
            "print(sha256(repr(list(rows)).encode()).hexdigest())\n"
        )
        digests = {
            subprocess.run(
                [sys.executable, "-c", script],
                cwd=ROOT,
                env=os.environ | {"PYTHONHASHSEED": seed},
                check=True,
                capture_output=True,
            ).stdout
            for seed in ("1", "2")
        }
        assert len(digests) == 1

    def test_nothing_is_generated_before_it_is_asked_for(self):
        a_century = records(machines=2, days=36_500)
        assert len(list(islice(a_century, 10))) == 10


class TestTime:
    def test_records_come_in_the_order_in_which_they_were_received(self, fleet):
        assert all(before[0] <= after[0] for before, after in pairwise(fleet))

    def test_all_are_received_in_the_days_before_the_end(self, fleet):
        first, last = fleet[0][0], fleet[-1][0]
        assert UNTIL - timedelta(days=DAYS) < first
        assert first < UNTIL - timedelta(days=DAYS - 1)
        assert UNTIL - timedelta(hours=6) < last <= UNTIL

    def test_a_naive_end_is_refused(self):
        with pytest.raises(ValueError, match="aware"):
            next(records(until=UNTIL.replace(tzinfo=None)))

    def test_most_are_captured_seconds_before_and_some_spooled_for_hours(self, fleet):
        delays = [at.timestamp() - s.captured_at for at, s in fleet]
        assert sum(0 <= delay < 20 for delay in delays) / len(fleet) > 0.95
        assert any(3600 < delay < 20 * 3600 for delay in delays)

    def test_a_few_clocks_are_years_off(self, fleet):
        wrong = [
            s.captured_at
            for at, s in fleet
            if abs(at.timestamp() - s.captured_at) > 86_400
        ]
        assert 0.002 < len(wrong) / len(fleet) < 0.01
        years = {datetime.fromtimestamp(each, UTC).year for each in wrong}
        assert {1970, 2036} <= years


class TestValidity:
    def test_the_collector_accepts_every_record_and_stores_it_unchanged(
        self, submissions
    ):
        for each in submissions:
            parsed = fields.parse(sent(each), each.payload, 0, each.external)
            assert parsed._replace(telemetry_id=None) == each

    def test_values_need_no_trimming(self, submissions):
        values = {value for each in submissions for value in each[6:13]}
        assert all(value == value.strip() and value for value in values)

    def test_every_hardware_profile_passes_the_collector(self):
        template = demo_submission(Random(1))
        for each in HARDWARE:
            submission = template._replace(
                arch=each.arch,
                host_type=each.host_type,
                board_name=each.board_name,
                cpu_model=each.cpu_model,
                bios_version=each.bios_version,
            )
            parsed = fields.parse(sent(submission), "", 0, False)
            assert parsed.board_name == each.board_name

    def test_payloads_hold_no_nul_and_no_half_surrogates(self, submissions):
        for each in submissions:
            assert "\0" not in each.payload
            each.payload.encode()

    def test_known_senders_set_their_severities(self, submissions):
        found = defaultdict(set)
        for each in submissions:
            found[each.classification].add(each.severity)
        assert set(found) >= set(SEVERITIES)
        assert {name: found[name] for name in SEVERITIES} == SEVERITIES

    def test_only_the_updater_sends_payload_format_2(self, submissions):
        for each in submissions:
            if each.payload_format_version is not None:
                updater = "/swupd-client/" in each.classification
                assert each.payload_format_version == (2 if updater else 1)

    def test_a_record_carries_what_its_format_carries(self, submissions):
        for each in submissions:
            version = each.record_format_version
            assert (each.event_id is None) == (version < 4)
            assert (each.payload_format_version is None) == (version < 2)
            assert (each.system_name == NOT_CARRIED) == (version < 2)
            assert (each.board_name == NOT_CARRIED) == (version < 3)
            assert (each.cpu_model == NOT_CARRIED) == (version < 3)
            assert (each.bios_version == NOT_CARRIED) == (version < 3)

    def test_event_ids_are_distinct(self, submissions):
        event_ids = [each.event_id for each in submissions if each.event_id]
        assert len(event_ids) == len(set(event_ids))

    def test_the_demo_record_of_the_load_generator_is_valid_and_current(self):
        rng = Random(7)
        now = datetime.now(UTC).timestamp()
        made = [demo_submission(rng) for _ in range(500)]
        for each in made:
            parsed = fields.parse(sent(each), each.payload, 0, each.external)
            assert parsed._replace(telemetry_id=None) == each
        current = [each for each in made if abs(each.captured_at - now) < 60]
        assert len(current) > 480
        assert 0.45 < Counter(s.classification for s in made)[HEARTBEAT] / 500 < 0.65


class TestShares:
    def test_the_default_fleet_has_about_nine_thousand_records(self):
        assert 8_000 < sum(1 for _ in records()) < 12_000

    @pytest.mark.parametrize(
        ("classification", "least", "most"),
        [
            (HEARTBEAT, 0.50, 0.60),
            (UPDATE, 0.12, 0.18),
            (CRASH, 0.06, 0.13),
            ("org.clearlinux/kernel/warning", 0.02, 0.06),
            ("org.clearlinux/mce/corrected", 0.002, 0.03),
            ("org.example/crash/app", 0.001, 0.03),
        ],
    )
    def test_a_kind_has_its_share(self, submissions, classification, least, most):
        count = sum(s.classification == classification for s in submissions)
        assert least < count / len(submissions) < most

    def test_one_machine_in_twenty_is_external(self, submissions):
        external = sum(each.external for each in submissions)
        assert 0.03 < external / len(submissions) < 0.07

    def test_most_records_have_format_4_and_every_format_occurs(self, submissions):
        formats = Counter(each.record_format_version for each in submissions)
        assert set(formats) == {1, 2, 3, 4}
        assert 0.8 < formats[4] / len(submissions) < 0.95
        assert formats[1] < formats[3]

    def test_every_system_and_architecture_is_there(self, submissions):
        systems = Counter(each.system_name for each in submissions)
        expected = {"fedora_workstation", "opensuse-leap", "ubuntu", "acme-edge"}
        assert set(systems) == expected | {CLEAR, NOT_CARRIED}
        assert systems[CLEAR] > len(submissions) / 2
        architectures = {each.arch for each in submissions}
        assert architectures == {"x86_64", "aarch64", "riscv64"}

    def test_machine_checks_are_concentrated_on_a_few_machines(self, submissions):
        checks = Counter(
            each.host_type for each in submissions if "/mce/corr" in each.classification
        )
        everyone = {each.host_type for each in submissions}
        assert 0 < len(checks) < len(everyone) / 2

    def test_a_target_number_of_records_is_met_roughly(self):
        size = Size.of(5_000, days=10)
        made = sum(1 for _ in records(size.machines, days=10))
        assert 4_500 < made < 5_500
        assert abs(size.records - 5_000) < 100

    def test_very_many_records_are_those_of_a_longer_time(self):
        assert Size.of(200_000).days == DAYS
        size = Size.of(10_000_000)
        assert abs(size.machines / LARGEST_FLEET - 1) < 0.01
        assert 250 < size.days < 350
        assert abs(size.records / 10_000_000 - 1) < 0.01

    def test_ten_million_records_have_the_variety_of_a_large_fleet(self):
        size = Size.of(10_000_000)
        fleet = Fleet(size.machines, UNTIL.timestamp(), size.days, seed=1)
        hardware = {(each.hardware.arch, each.described) for each in fleet.machines}
        assert 250 < len(hardware) < 500
        assert 50 < sum(len(releases) for releases in fleet.channels.values()) < 120


class TestDays:
    def test_the_days_make_up_the_whole(self):
        days = list(fleet_days(Size(20, 9), UNTIL, seed=1))
        made = [list(day.records()) for day in days]
        assert [each for of_day in made for each in of_day] == list(records(20, 9))
        before = [sum(map(len, made[:n])) for n in range(len(made))]
        assert [day.first for day in days] == before
        assert all(
            at.timestamp() // 86_400 * 86_400 == day.midnight
            for day, of_day in zip(days, made, strict=True)
            for at, _ in of_day
        )

    def test_a_day_is_the_same_whichever_others_are_made(self):
        third = next(islice(fleet_days(Size(20, 9), UNTIL, seed=1), 3, None))
        whole = list(records(20, 9))
        after = third.first + len(third.events)
        assert list(third.records()) == whole[third.first : after]
        assert list(third.records()) == whole[third.first : after]


class TestMachines:
    def test_a_machine_id_lives_for_three_days(self, fleet):
        seen: dict[str, list[int]] = defaultdict(list)
        for at, submission in fleet:
            if re.fullmatch("[0-9a-f]{32}", submission.machine_id):
                right = abs(at.timestamp() - submission.captured_at) < 86_400
                seen[submission.machine_id] += [submission.captured_at] * right
        spans = [max(times) - min(times) for times in seen.values() if times]
        # What lay in a spool was captured before, or with, the id of others around it.
        assert max(spans) < (LIFE + timedelta(hours=20)).total_seconds()
        assert sum(span < LIFE.total_seconds() for span in spans) > 0.98 * len(spans)
        assert sum(span > LIFE.total_seconds() / 2 for span in spans) > len(spans) / 2

    def test_three_machines_in_a_hundred_keep_a_text_as_their_id(self, fleet):
        days = defaultdict(set)
        for at, submission in fleet:
            if not re.fullmatch("[0-9a-f]{32}", submission.machine_id):
                days[submission.machine_id].add(at.date())
        assert len(days) == 12
        assert "lab rack 7" in days
        assert max(map(len, days.values())) > DAYS - 2

    def test_a_machine_sends_one_heartbeat_on_a_day(self, fleet):
        heartbeats = Counter(
            (at.date(), s.machine_id)
            for at, s in fleet
            if s.classification == HEARTBEAT
        )
        # Two ids of one machine on one day are possible, twice the same id is not.
        assert set(heartbeats.values()) == {1}

    def test_on_a_whole_day_most_of_the_machines_are_present(self, fleet):
        day = (UNTIL - timedelta(days=10)).date()
        heartbeats = sum(
            at.date() == day and s.classification == HEARTBEAT for at, s in fleet
        )
        assert 0.86 < heartbeats / 400 < 0.98

    def test_the_newest_clients_cut_values_at_the_first_space(self, submissions):
        cut = [each for each in submissions if each.cpu_model == "Intel(R)"]
        assert cut
        assert all(" " not in each.host_type for each in cut)

    def test_the_kernel_belongs_to_the_build(self, submissions):
        kernels = defaultdict(set)
        for each in submissions:
            kernel = re.sub(r"\.(native|kvm|x86_64|aarch64|riscv64)$", "", each[7])
            kernels[each.build].add(kernel)
        assert {build for build, of in kernels.items() if len(of) > 1} == set()


class TestBuilds:
    def test_new_builds_spread_while_some_machines_stay_behind(self, fleet):
        clear = [
            (at, int(s.build))
            for at, s in fleet
            if s.system_name == CLEAR and s.classification == HEARTBEAT
        ]
        newest = max(build for _, build in clear)
        early = [b for at, b in clear if at < UNTIL - timedelta(days=DAYS - 5)]
        late = [b for at, b in clear if at > UNTIL - timedelta(days=5)]
        assert max(early) < newest
        assert sorted(late)[len(late) // 2] > max(early)
        assert any(build <= max(early) for build in late)
        since = {build for _, build in clear if build > max(early)}
        assert 8 <= len(since) <= 15

    def test_updates_lead_from_an_older_build_to_the_one_of_the_record(
        self, submissions
    ):
        pairs: Counter[bool] = Counter()
        for each in submissions:
            if each.classification == UPDATE and "\nresult=0\n" in each.payload:
                values = dict(re.findall(r"(\w+)= *(\S+)", each.payload))
                before, after = values["current_version"], values["server_version"]
                assert int(before) <= int(after) == int(each.build)
                pairs[before == after] += 1
        assert pairs[False] > pairs[True] > 0

    def test_a_machine_has_the_new_build_from_its_update_on(self, fleet):
        ran = defaultdict(list)
        for _, each in fleet:
            if each.system_name == CLEAR:
                ran[each.machine_id].append(int(each.build))
        assert all(builds == sorted(builds) for builds in ran.values())
        updates = [
            s
            for _, s in fleet
            if s.classification == UPDATE and "result=0" in s.payload
        ]
        # Both sides of an update occur under one machine id.
        assert any(len(set(ran[each.machine_id])) > 1 for each in updates)

    def test_some_updates_fail(self, submissions):
        failed = [
            s
            for s in submissions
            if s.classification == UPDATE and "result=0" not in s.payload
        ]
        assert any("server_version=-1\n" in each.payload for each in failed)
        assert all(each.severity == 4 for each in failed)

    def test_versions_of_other_systems_are_not_only_integers(self, submissions):
        builds = {s.build for s in submissions if s.system_name == "acme-edge"}
        assert builds == {"2.9.3", "2.10.0-rc1", "2.10.0-rc2", "2.10.0"}


class TestCrashes:
    def test_about_twenty_five_bugs_recur_and_the_first_are_the_commonest(
        self, crashes
    ):
        programs = Counter(each.payload.split()[1].split("/")[-1] for each in crashes)
        assert len(programs) == len(BUGS)
        common = [count for _, count in programs.most_common()]
        assert common[0] > 3 * common[9]
        assert 25 <= len(programs) <= 30

    def test_frames_are_as_the_crash_probe_writes_them(self, crashes):
        for each in crashes:
            whole = len(each.payload.rstrip("\n")) < 8000
            lines = [line for thread in frames(each) for line in thread]
            assert lines
            for line in lines if whole else lines[:-1]:
                assert FRAME.fullmatch(line)

    def test_payloads_are_cut_as_the_client_cuts_them(self, crashes):
        lengths = [len(each.payload) for each in crashes]
        assert max(lengths) in {8187, 8188}

    def test_deep_recursions_say_that_they_are_truncated(self, crashes):
        deep = [each for each in crashes if "Too many frames" in each.payload]
        assert deep
        assert all(len(frames(each)[0]) == 64 for each in deep)
        assert max(len(thread) for each in crashes for thread in frames(each)) == 64

    def test_some_crashes_have_several_threads(self, crashes):
        assert Counter(len(frames(each)) for each in crashes).keys() >= {1, 2, 3, 4}

    def test_some_frames_are_unknown(self, crashes):
        text = "".join(each.payload for each in crashes)
        assert "??? - [/usr/bin/" in text
        assert "(no symbols)\n" in text
        assert "_ZN8renderer9TileCache6lookupERKNS_7TileKeyE() - [" in text

    def test_old_clients_do_not_name_the_signal(self, crashes):
        for each in crashes:
            old = each.record_format_version < 3
            assert ("\nSignal: " in each.payload) != old

    def test_what_is_below_the_faulty_frame_varies(self, crashes):
        below = defaultdict(set)
        for each in crashes:
            top, *rest = frames(each)[0]
            below[top].add("".join(rest))
        fault = "#0 meta_window_actor_queue_frame() - [libmutter-17.so.0]"
        assert len(below[f"{fault} - meta-window-actor.c:812"]) > 2

    def test_one_bug_appears_with_a_build_and_one_is_fixed_in_a_build(self, crashes):
        def builds(program: str) -> list[int]:
            return [
                int(each.build)
                for each in crashes
                if program in each.payload and each.system_name == CLEAR
            ]

        everywhere = builds("gnome-shell")
        assert min(builds("systemd-resolved")) > sorted(set(everywhere))[3]
        assert max(builds("NetworkManager")) < sorted(set(everywhere))[-3]

    def test_kernel_frames_have_no_parentheses_and_begin_at_one(self, submissions):
        oopses = [
            s.payload
            for s in submissions
            if re.fullmatch(r"(org\.clearlinux|crash)/kernel/.*", s.classification)
        ]
        assert oopses
        for payload in oopses:
            lines = [x for x in payload.split("\n") if x.startswith("#")]
            assert all(map(KERNEL_FRAME.fullmatch, lines))
            assert not lines or lines[0].startswith("#1 ")
        assert any("\n#1" not in x and "Register RAX" in x for x in oopses)
        assert any("\n#1 ? " in payload for payload in oopses)


class TestHostility:
    @pytest.mark.parametrize(
        "text", ["<script>", "=HYPERLINK(", "\x1b[31m", "こんにちは", "🔥", "\u202e"]
    )
    def test_a_payload_tries_to_break_the_pages(self, submissions, text):
        assert any(text in each.payload for each in submissions)

    def test_a_payload_is_one_very_long_line(self, submissions):
        longest = max((each.payload for each in submissions), key=len)
        assert len(longest.strip()) > 20_000
        assert "\n" not in longest.strip()

    def test_names_try_to_break_the_pages(self, submissions):
        names = {s.classification for s in submissions}
        assert any("<img" in name for name in names)
        hosts = {each.host_type for each in submissions}
        assert any("<7>" in host for host in hosts)
        ids = {each.machine_id for each in submissions}
        assert {"<b>front desk</b>", "büro-drucker"} <= ids
