"""A database that tests commit to, as new again after each of them."""

from typing import Any

from django.db import connection, transaction

Row = tuple[Any, ...]


class NewDatabase:
    """What the migrations left, remembered once.

    Django would truncate every table, send the signals that follow a migration and
    leave out the rows that migrations made: a hundred times the work.
    """

    def __init__(self) -> None:
        tables = connection.introspection.django_table_names(
            only_existing=True, include_views=False
        )
        self._rows = {table: _rows(table) for table in tables}

    def restore(self) -> None:
        """Whatever was committed is gone; sequences go on, as after a rollback."""
        with transaction.atomic(), connection.cursor() as cursor:
            for table, rows in self._rows.items():
                if rows and rows == _rows(table):
                    continue
                cursor.execute(f'DELETE FROM "{table}"')
                if rows:
                    row = f"({', '.join(['%s'] * len(rows[0]))})"
                    cursor.execute(
                        f'INSERT INTO "{table}" VALUES {", ".join([row] * len(rows))}',
                        [value for each in rows for value in each],
                    )


def _rows(table: str) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT * FROM "{table}" ORDER BY 1')
        return list(cursor.fetchall())
