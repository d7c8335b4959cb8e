"""Measurements that need Django, each in a process of its own.

Arguments come as JSON on the command line, the answer goes to stdout as JSON. Importing
any module of this package sets Django up.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import django

django.setup()


def main(measure: Callable[..., Any]) -> None:
    print(json.dumps(measure(**json.loads(sys.argv[1]))))
