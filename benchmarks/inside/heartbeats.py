"""A database of heartbeats that were digested as they came."""

from benchmarks import dataset
from benchmarks.inside import main
from benchmarks.inside.digest import BATCH
from benchmarks.inside.fill import execute
from records import partitions
from records.digest import digest_batch
from records.progress import progress
from records.seeding import Names, chunks, copy_records


def measure(records: int) -> int:
    """Make it; how many there are."""
    first = 1
    named = Names()
    partitions.cover(range(first, first + records))
    with progress(total=records, desc="Heartbeats", unit="records") as bar:
        # The table of the queue stays as large as it was when the queue was longest.
        for chunk in chunks(dataset.heartbeats(records), BATCH):
            copy_records(named.rows(first, chunk), queue=True)
            while digest_batch(BATCH):
                pass
            execute("VACUUM records_pending")  # autovacuum would, within a minute
            first += len(chunk)
            bar.update(len(chunk))
    execute("VACUUM")
    return first - 1


if __name__ == "__main__":
    main(measure)
