"""The request id ties the answer, the log and what was given together."""

from __future__ import annotations

import pytest
import structlog
from django.test import Client
from structlog.testing import capture_logs

PAGE = "/accounts/login/"


def test_a_sane_request_id_is_kept(client: Client, db: None) -> None:
    assert client.get(PAGE, HTTP_X_REQUEST_ID="abc-1234.Z")["X-Request-ID"] == "abc-1234.Z"


@pytest.mark.parametrize("given", ["", "short", "a" * 65, "<script>alert(1)", "two words 12"])
def test_any_other_request_id_is_replaced(client: Client, db: None, given: str) -> None:
    answered = client.get(PAGE, HTTP_X_REQUEST_ID=given)["X-Request-ID"]
    assert answered != given
    assert len(answered) == 36


def test_the_log_carries_the_id_of_the_answer(client: Client, db: None) -> None:
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        answered = client.get(PAGE)["X-Request-ID"]
    finished = [line for line in lines if line["event"] == "request_finished"]
    assert [line["request_id"] for line in finished] == [answered]


def test_monitoring_writes_no_lines(client: Client) -> None:
    with capture_logs() as lines:
        client.get("/healthz")
    assert lines == []
