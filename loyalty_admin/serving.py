"""How gunicorn serves: its configuration, `--config python:loyalty_admin.serving`."""

import os
from pathlib import Path
from typing import Any

from prometheus_client import multiprocess

bind = "0.0.0.0:8000"
workers = int(os.environ.get("WEB_WORKERS") or 2)
threads = int(os.environ.get("WEB_THREADS") or 4)
timeout = 60  # seconds
# Workers start again now and then, not all at once, so that memory cannot creep.
max_requests, max_requests_jitter = 10_000, 1_000
control_socket_disable = True
METRICS_DIR = os.environ.get("PROMETHEUS_MULTIPROC_DIR")


def on_starting(_server: Any) -> None:
    """Begin with empty counters: files of a former run would count twice."""
    if METRICS_DIR:
        Path(METRICS_DIR).mkdir(parents=True, exist_ok=True)
        for file in Path(METRICS_DIR).glob("*.db"):
            file.unlink()


def child_exit(_server: Any, worker: Any) -> None:
    """Drop the gauges of a worker that is gone."""
    if METRICS_DIR:
        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
