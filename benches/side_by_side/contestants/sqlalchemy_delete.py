"""Empties tables of a SQLite database: sqlalchemy_delete.py DATABASE TABLE..."""

import sys
import warnings

from sqlalchemy import MetaData, create_engine, event

import contestant

database, *names = sys.argv[1:]
engine = create_engine(f"sqlite:///{database}")


@event.listens_for(engine, "connect")
def set_pragmas(connection, _):
    for pragma in contestant.PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


metadata = MetaData()
with warnings.catch_warnings(action="ignore"):  # about indexes that it cannot describe
    metadata.reflect(engine, only=names)
tables = [table for table in reversed(metadata.sorted_tables) if table.name in names]

contestant.ready()
with engine.begin() as connection:
    for table in tables:
        connection.execute(table.delete())
contestant.committed()
contestant.done()
