from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from records import cluster, database
from records.distribution import SHARDS, Step, plan, problem


class Command(BaseCommand):
    help = (
        "Turn the database into a Citus cluster, in place: records are spread over its "
        "nodes. It may be ended and begun again. While records move, collectors answer "
        "503, and clients send again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="Print what is still to be done, and change nothing.",
        )
        parser.add_argument(
            "--coordinator",
            default="",
            metavar="HOST[:PORT]",
            help="Where the nodes reach this database, when Citus was not told yet.",
        )
        parser.add_argument(
            "--shards",
            type=int,
            default=SHARDS,
            help="Pieces of the records: a few times the most nodes there will be.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        how = {"coordinator": options["coordinator"], "shards": options["shards"]}
        if not database.is_postgres():
            raise CommandError("Only PostgreSQL can be distributed.")
        found = cluster.state()
        if why := problem(found, how["coordinator"]):
            raise CommandError(why)
        self.stdout.write(f"{found.citus}, {found.workers} nodes")
        if options["dry_run"]:
            steps = plan(cluster.tables(), found, **how)
        else:
            steps = cluster.distribute(**how)
        try:
            count = sum(map(self._tell, steps))
        except (DatabaseError, cluster.Stuck) as error:
            raise CommandError(f"{error}\nIt may be run again.") from error
        if not count:
            self.stdout.write("Everything is in its place.")

    def _tell(self, step: Step) -> int:
        self.stdout.write(f"{step.statement};  -- {step.reason}")
        return 1
