"""Empties tables of a SQLite database: django_flush.py DATABASE TABLE..."""

import importlib.machinery
import io
import re
import sqlite3
import sys
import types

import django
from django.conf import settings
from django.core.management import call_command

import contestant

database, *names = sys.argv[1:]

# Django makes every reference DEFERRABLE INITIALLY DEFERRED and does itself what is done on delete;
# it flushes in no order.
REFERENCE = re.compile(r"(REFERENCES \w+ \(\w+\))(?: ON DELETE (?:CASCADE|SET NULL))?")
with sqlite3.connect(database) as connection:
    deferred = lambda sql: REFERENCE.sub(r"\1 DEFERRABLE INITIALLY DEFERRED", sql)
    connection.create_function("deferred", 1, deferred)
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("UPDATE sqlite_schema SET sql = deferred(sql) WHERE type = 'table'")
    connection.execute("PRAGMA writable_schema = RESET")
connection.close()

# An app whose models are what `inspectdb` says.
service = types.ModuleType("service")
service.__path__ = ["service"]
models = types.ModuleType("service.models")
models.__spec__ = importlib.machinery.ModuleSpec("service.models", loader=None)
sys.modules |= {"service": service, "service.models": models}
pragmas = "; ".join(f"PRAGMA {pragma}" for pragma in contestant.PRAGMAS)
settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": database,
            "OPTIONS": {"init_command": pragmas},
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=["service"],
)
django.setup()
inspected = io.StringIO()
call_command("inspectdb", *names, stdout=inspected)
exec(inspected.getvalue().replace("managed = False", "managed = True"), models.__dict__)

contestant.ready()
call_command("flush", interactive=False, verbosity=0)
contestant.committed()
contestant.done()
