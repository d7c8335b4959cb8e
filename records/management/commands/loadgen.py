from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterable
from ipaddress import ip_address
from itertools import cycle, islice
from random import Random
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from records.demo import demo_submission
from records.loadgen import (
    Address,
    LoadResult,
    ReplayResult,
    Template,
    render_v2,
    render_v3,
    run_load,
    run_replay,
)
from records.submission import Submission

TEMPLATES = 2000
V2 = (render_v2, "/v2/collector")
V3 = (render_v3, "/v3/collector")
FORMATS = {"v2": (V2,), "v3": (V3,), "both": (V2, V3)}
AT_LEAST_ONE = ("connections", "processes", "count", "spools", "spool_records")


class Command(BaseCommand):
    help = "Send records to a collector as a fleet of real clients does, and measure."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("url", help="The collector, e.g. http://127.0.0.1:8000")
        parser.add_argument(
            "--format",
            choices=FORMATS,
            default="both",
            help="v2: metadata in headers; v3: JSON; default: both in turn.",
        )
        parser.add_argument(
            "--telemetry-id", default=settings.TELEMETRY_ID, help="Default: the site's."
        )
        parser.add_argument(
            "--payload-bytes", type=int, help="Only payloads of this length."
        )
        parser.add_argument("--processes", type=int, default=2, help="To send from.")
        parser.add_argument(
            "--yes-really",
            action="store_true",
            help="Also if the collector is not on this machine.",
        )
        _add_load_arguments(parser)
        _add_replay_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        _check(options)
        address = _address(options["url"])
        if not options["yes_really"]:
            _refuse_strangers(address)
        if options["outage_replay"]:
            self._replay(address, options)
        else:
            self._load(address, options)

    def _load(self, address: Address, options: dict[str, Any]) -> None:
        submissions = _submissions(TEMPLATES, options["payload_bytes"])
        requests = _requests(address, options, submissions)
        event_ids = (submission.event_id for submission in submissions)
        result = run_load(
            options["url"],
            list(map(Template.of, requests, event_ids)),
            connections=options["connections"],
            seconds=options["seconds"],
            count=options["count"],
            rate=options["rate"],
            processes=options["processes"],
        )
        self.stdout.write(load_report(result))
        if not result.accepted:
            raise CommandError("Nothing was accepted.")

    def _replay(self, address: Address, options: dict[str, Any]) -> None:
        clients, each = options["spools"], options["spool_records"]
        submissions = _submissions(clients * each, options["payload_bytes"])
        requests = _requests(address, options, submissions)
        spools = [requests[number::clients] for number in range(clients)]
        result = run_replay(
            options["url"],
            spools,
            pause=options["pause"],
            patience=options["patience"],
            processes=options["processes"],
        )
        self.stdout.write(replay_report(result))
        if result.undelivered:
            raise CommandError("Some clients gave up.")


def _add_load_arguments(parser: ArgumentParser) -> None:
    load = parser.add_argument_group("load")
    load.add_argument("--connections", type=int, default=32, help="At a time.")
    load.add_argument("--seconds", type=float, default=10.0, help="Default: 10.")
    load.add_argument("--count", type=int, help="Requests, instead of --seconds.")
    load.add_argument(
        "--rate", type=float, help="Requests per second; default: as many as possible."
    )


def _add_replay_arguments(parser: ArgumentParser) -> None:
    replay = parser.add_argument_group("replay after an outage")
    replay.add_argument(
        "--outage-replay",
        action="store_true",
        help="Clients send what they spooled, each one record after another, and what "
        "was not accepted again.",
    )
    replay.add_argument("--spools", type=int, default=200, help="How many clients.")
    replay.add_argument("--spool-records", type=int, default=20, help="Of each client.")
    replay.add_argument(
        "--pause", type=float, default=1.0, help="Seconds before sending again."
    )
    replay.add_argument(
        "--patience", type=float, default=600.0, help="Seconds until clients give up."
    )


def _check(options: dict[str, Any]) -> None:
    for name in AT_LEAST_ONE:
        if options[name] is not None and options[name] < 1:
            raise CommandError(f"--{name.replace('_', '-')} must be at least 1.")
    if options["rate"] is not None and options["rate"] <= 0:
        raise CommandError("--rate must be above 0.")


def _address(url: str) -> Address:
    try:
        return Address.of(url)
    except ValueError as error:
        raise CommandError(str(error)) from error


def _refuse_strangers(address: Address) -> None:
    """Load on somebody else's server is an attack, and records there are invented."""
    try:
        elsewhere = [ip for ip in address.ip_addresses() if not _is_loopback(ip)]
    except OSError as error:
        raise CommandError(f"{address.host} is not found: {error}") from error
    if elsewhere:
        raise CommandError(
            f"{address.host} ({elsewhere[0]}) is not this machine. Invented records "
            "would be stored there, as fast as possible. If that is what you want, "
            "say --yes-really."
        )


def _is_loopback(ip: str) -> bool:
    return ip_address(ip.partition("%")[0]).is_loopback


def _requests(
    address: Address, options: dict[str, Any], submissions: Iterable[Submission]
) -> list[bytes]:
    """The submissions as requests, in the wire formats asked for, in turn."""
    renderers = FORMATS[options["format"]]
    tid, host = options["telemetry_id"], address.host_header
    return [
        render(submission, tid, address.prefix + path, host)
        for submission, (render, path) in zip(submissions, cycle(renderers))
    ]


def _submissions(count: int, payload_bytes: int | None) -> list[Submission]:
    """Records of the demo fleet; all have an event id, so that each is known again."""
    rng = Random()  # noqa: S311 - no secret depends on it
    records = iter(lambda: demo_submission(rng), None)
    known = (record for record in records if record.event_id)
    return [_padded(record, payload_bytes) for record in islice(known, count)]


def _padded(submission: Submission, payload_bytes: int | None) -> Submission:
    if payload_bytes is None:
        return submission
    payload = ("hello\n" * (payload_bytes // 6 + 1))[:payload_bytes]
    return submission._replace(
        classification="org.clearlinux/hello/world", severity=1, payload=payload
    )


def load_report(result: LoadResult) -> str:
    shares = result.percentiles(0.5, 0.95, 0.99, 1.0)
    names = ("p50", "p95", "p99", "max")
    latency = "  ".join(
        f"{name} {1000 * share:.1f} ms"
        for name, share in zip(names, shares, strict=True)
    )
    return (
        f"accepted  {result.accepted_per_second:,.0f}/s: {result.accepted:,} of "
        f"{result.sent:,} in {result.seconds:.1f} s\n"
        f"latency   {latency}\n"
        f"answers   {_answers(result.outcomes)}"
    )


def replay_report(result: ReplayResult) -> str:
    return (
        f"delivered {result.delivered:,}, not delivered {result.undelivered:,}, in "
        f"{result.seconds:.1f} s\n"
        f"attempts  {result.attempts:,}, longest wait {result.longest_wait:.1f} s\n"
        f"answers   {_answers(result.outcomes)}"
    )


def _answers(outcomes: Counter[str]) -> str:
    return ", ".join(f"{name}: {n:,}" for name, n in outcomes.most_common()) or "none"
