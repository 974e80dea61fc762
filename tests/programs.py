"""Programs that tests start: none outlives its test, which so ends when it hangs."""

import subprocess
from contextlib import contextmanager

PATIENCE = 60
"""Seconds that a program may take to end by itself when nothing is left for it to do."""


@contextmanager
def started(args, **options):
    """A program that writes text; it has to end with the block, and is killed if it does not."""
    # On the way out `Popen` itself waits for ever.
    with subprocess.Popen([*map(str, args)], text=True, **options) as running:
        try:
            yield running
            running.wait(PATIENCE)
        finally:
            running.kill()
