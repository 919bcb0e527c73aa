"""RW-12 on screen: upload, dry run, apply, progress, result and undo, without scripts too."""

from __future__ import annotations

import csv
import io
import tracemalloc
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from activity.models import AuditRecord, Event
from loyalty_admin.common.uploads import is_too_large
from rewards.actions.mass_adjustments import running
from rewards.actions.mass_adjustments.batches import apply_batch
from rewards.actions.mass_adjustments.running import SILENCE, run_batch
from rewards.models import MassAdjustment, MassAdjustmentRow, Program
from tests.factories import CustomerFactory, ProgramFactory, ReasonCodeFactory, UserFactory
from tests.queries import assert_queries
from tests.rewards.ledger import account_of, balance_of, debit
from tests.rewards.mass import MARTA, applied, checked, undone, upload

pytestmark = pytest.mark.django_db

NEW = "/mass-adjustments/new/"


@pytest.fixture
def program() -> Program:
    made: Program = ProgramFactory()
    ReasonCodeFactory(code="goodwill")
    return made


@pytest.fixture
def lead(client: Client) -> Client:
    client.force_login(UserFactory(lead=True, name="Lena"))
    return client


def send(client: Client, program: Program, content: str | bytes, **fields: Any) -> Any:
    data = content.encode() if isinstance(content, str) else content
    values = {"program": program.pk, "idempotency_key": f"form:{uuid4()}"} | fields
    values["file"] = SimpleUploadedFile("april.csv", data)
    return client.post(NEW, values)


def page(client: Client, batch: MassAdjustment, act: str = "", **options: Any) -> Any:
    name = f"rewards:mass-adjustment{act and '-'}{act}"
    return client.get(reverse(name, args=[batch.pk]), **options)


def act(client: Client, batch: MassAdjustment, name: str, **fields: Any) -> Any:
    return client.post(reverse(f"rewards:mass-adjustment-{name}", args=[batch.pk]), fields)


def text_of(response: Any) -> str:
    return " ".join(str(response.content.decode()).split())


def test_rw12_the_whole_way_without_scripts(lead: Client, program: Program) -> None:
    account = account_of(30, program=program)
    key = account.customer.external_id
    sent = f"form:{uuid4()}"
    content = f"customer;amount;reason\n{key};+50;goodwill\n{key};1.000;goodwill\n"
    for _ in range(2):  # a double click uploads once
        answer = send(lead, program, content, idempotency_key=sent)
    batch = MassAdjustment.objects.get()
    assert answer["Location"] == f"/mass-adjustments/{batch.pk}/"
    assert (batch.filename, batch.actor_label, batch.status) == ("april.csv", "Lena", "checking")
    shown = text_of(page(lead, batch))
    assert "Checking 2 rows" in shown
    assert "load delay:1s" in shown
    assert "Apply" not in shown

    run_batch(batch.pk)
    shown = text_of(page(lead, batch))
    assert "load delay:1s" not in shown
    assert "1 row can&#x27;t be applied" in shown
    assert "“1.000” could be read in two ways: write 1000 without a separator" in shown
    assert "1 row for 1 customer" in text_of(page(lead, batch, "apply"))
    for _ in range(2):
        assert act(lead, batch, "apply").status_code == 302
    run_batch(batch.pk)
    assert balance_of(account) == 80
    assert "applied by Lena" in text_of(page(lead, batch))
    event = Event.objects.get(data__batch=batch.pk)
    assert event.actor_label == "Lena"

    assert "taken back" in text_of(page(lead, batch, "undo"))
    for _ in range(2):
        assert act(lead, batch, "undo").status_code == 302
    run_batch(batch.pk)
    assert balance_of(account) == 30
    assert "undone by Lena" in text_of(page(lead, batch))
    assert "Undo all of it" not in text_of(page(lead, batch))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty. Begin with the template."),
        (b"PK\x03\x04rest", "a zip archive or a spreadsheet. Unpack it, or save it as CSV"),
        (b"customer,amount\n", "a header and nothing below it"),
        (b"name,points\nx,1\n", "lacks the column “customer”, “amount”"),
    ],
)
def test_rw12_a_file_that_is_none_is_said_beside_its_field(
    lead: Client, program: Program, content: bytes, message: str
) -> None:
    reason = ReasonCodeFactory(code="goodwill")
    answer = send(lead, program, content, reason=reason.pk)
    assert answer.status_code == 422
    assert message in text_of(answer)
    assert 'id="id_file_error"' in text_of(answer)
    assert f'<option value="{reason.pk}" selected>' in text_of(answer)
    assert not MassAdjustment.objects.exists()
    assert not MassAdjustmentRow.objects.exists()


def test_rw12_without_a_file_nothing_is_lost(lead: Client, program: Program) -> None:
    answer = lead.post(NEW, {"program": program.pk, "idempotency_key": f"form:{uuid4()}"})
    assert answer.status_code == 422
    assert "Choose a file." in text_of(answer)


def test_rw12_a_file_too_large_is_refused_with_its_form(
    lead: Client, program: Program, settings: Any
) -> None:
    settings.UPLOAD_MAX_BYTES = 1_000
    answer = send(lead, program, "customer,amount\n" + "C-1,40\n" * 500)
    assert answer.status_code == 422
    assert "The file is larger than 0.001 MB. Split it into several files." in text_of(answer)
    settings.MASS_ADJUSTMENT_MAX_ROWS = 10
    answer = send(lead, program, "customer,amount\n" + "C-1,40\n" * 11)
    assert "The file has more than 10 rows." in text_of(answer)


class Endless(io.RawIOBase):
    """A request with a file of so many bytes that are nowhere."""

    def __init__(self, head: bytes, size: int, tail: bytes) -> None:
        self.parts, self.size, self.tail = head, size, tail

    def read(self, most: int = -1) -> bytes:
        if self.parts:
            part, self.parts = self.parts[:most], self.parts[most:]
            return part
        if self.size:
            length = min(most, self.size, 1 << 16)
            self.size -= length
            return b"x" * length
        part, self.tail = self.tail[:most], self.tail[most:]
        return part


def test_rw12_a_hundred_megabytes_are_never_held() -> None:
    head = (
        b'--b\r\nContent-Disposition: form-data; name="program"\r\n\r\n7\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
    )
    size, tail = 100_000_000, b"\r\n--b--\r\n"
    request = RequestFactory().post("/", content_type="multipart/form-data; boundary=b")
    request.META["CONTENT_LENGTH"] = str(len(head) + size + len(tail))
    body: Any = Endless(head, size, tail)
    request._stream = body
    tracemalloc.start()
    fields, files = request.POST, request.FILES
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert is_too_large(request)
    assert (fields.get("program"), dict(files)) == ("7", {})
    assert body.size == 0, "what is left unread would cut the answer off"
    assert peak < 5_000_000


def test_rw12_the_same_file_asks_for_a_tick(lead: Client, program: Program) -> None:
    account = account_of(program=program)
    line = f"{account.customer.external_id},5"
    first, second = applied(program, line), checked(program, line)
    assert f'href="/mass-adjustments/{first.pk}/"' in text_of(page(lead, second))
    assert "Apply the same file again" in text_of(page(lead, second, "apply"))
    answer = act(lead, second, "apply")
    assert answer.status_code == 422
    assert "Tick the box to apply it again." in text_of(answer)
    assert act(lead, second, "apply", same_file_again="on").status_code == 302
    run_batch(second.pk)
    assert balance_of(account) == 10


def test_rw12_progress_survives_leaving_the_page(lead: Client, program: Program) -> None:
    for number in range(4):
        CustomerFactory(external_id=f"C-{number}")
    batch = checked(program, *[f"C-{number},{n}" for n in (1, 2) for number in range(4)])
    apply_batch(actor=MARTA, batch_id=batch.pk)
    running.take_step(batch.pk)
    shown = text_of(page(lead, batch))
    assert '<progress id="progress" value="4" max="8">' in shown
    assert "4 of 8" in shown
    fragment = text_of(page(lead, batch, headers={"HX-Request": "true"}))
    assert fragment.startswith('<section id="batch"')
    assert "load delay:1s" in fragment
    MassAdjustment.objects.update(heartbeat_at=timezone.now() - 2 * SILENCE)
    assert "It continues by itself, soon." in text_of(page(lead, batch))
    run_batch(batch.pk)
    assert "load delay:1s" not in text_of(page(lead, batch, headers={"HX-Request": "true"}))


def test_rw12_the_result_is_a_file_that_no_spreadsheet_runs(lead: Client, program: Program) -> None:
    account = account_of(10, program=program)
    key = account.customer.external_id
    batch = applied(program, f"{key},50", f"{key},-70", "=1+1,5", "C-9,+x")
    debit(account, 55)
    batch = undone(batch)
    answer: Any = act(lead, batch, "result")
    content = b"".join(answer.streaming_content).decode().removeprefix("\ufeff")
    rows = list(csv.reader(io.StringIO(content)))
    assert rows[0] == [
        "Line", "Customer", "Found by", "Amount", "Outcome", "Reason", "New balance",
        "Not taken back",
    ]  # fmt: skip
    assert rows[1] == [
        "2", key, "external ID", "50", "Undone", "45 of 50 had been spent already and stay so.",
        "0", "45",
    ]  # fmt: skip
    assert rows[2][3:5] == ["-70", "Refused"]
    assert rows[3][1] == "'=1+1"
    assert rows[4][3:6:2] == ["'+x", rows[4][5]]
    assert "attachment" in answer["Content-Disposition"]
    assert AuditRecord.objects.filter(verb="mass_adjustment.downloaded").count() == 1


def test_rw12_the_template_can_be_uploaded(lead: Client, program: Program) -> None:
    ReasonCodeFactory(code="correction")
    CustomerFactory(external_id="C-00001")
    template: Any = lead.get(reverse("rewards:mass-adjustment-template"))
    send(lead, program, b"".join(template.streaming_content))
    batch = MassAdjustment.objects.get()
    run_batch(batch.pk)
    batch.refresh_from_db()
    assert (batch.rows, batch.good, batch.encoding) == (2, 1, "UTF-8")


def test_rw12_rows_to_look_at_go_on_for_pages(lead: Client, program: Program) -> None:
    batch = checked(program, *[f"C-{number},1" for number in range(120)])
    shown = text_of(page(lead, batch))
    assert (shown.count("<tr>"), "?after=51" in shown) == (51, True)
    last = text_of(lead.get(reverse("rewards:mass-adjustment", args=[batch.pk]), {"after": "101"}))
    assert (last.count("<tr>"), "Further lines" in last, "From the first line" in last) == (
        21,
        False,
        True,
    )
    damaged = lead.get(reverse("rewards:mass-adjustment", args=[batch.pk]), {"after": "x"})
    assert damaged.status_code == 200


def test_rw12_latin_1_and_unknown_columns_are_told(lead: Client, program: Program) -> None:
    send(lead, program, "customer,amount,ñ\nC-1,1,é".encode("latin-1"))
    batch = MassAdjustment.objects.get()
    run_batch(batch.pk)
    shown = text_of(page(lead, batch))
    assert "was read as Latin-1" in shown
    assert "Columns that were not looked at: ñ." in shown


def test_rw12_a_file_can_be_discarded_and_is_gone(lead: Client, program: Program) -> None:
    batch = checked(program, "C-1,1")
    assert "No balance changes" in text_of(page(lead, batch, "discard"))
    assert act(lead, batch, "discard").status_code == 302
    assert act(lead, batch, "apply").status_code == 302
    assert "This file is discarded." in text_of(page(lead, batch))
    batch.refresh_from_db()
    assert batch.status == "discarded"


def test_rw12_auditors_look_and_agents_do_not(client: Client, program: Program) -> None:
    batch = checked(program, "C-1,1")
    client.force_login(UserFactory(auditor=True))
    assert "Upload file" not in text_of(client.get("/mass-adjustments/"))
    assert "Discard" not in text_of(page(client, batch))
    assert client.get(NEW).status_code == 403
    client.force_login(UserFactory())
    assert page(client, batch).status_code == 403


def test_rw12_the_timeline_names_the_file(lead: Client, program: Program) -> None:
    account = account_of(program=program)
    batch = applied(program, f"{account.customer.external_id},50")
    debit(account, 20)
    undone(batch)
    shown = text_of(lead.get(f"/customers/{account.customer_id}/"))
    shown += text_of(lead.get(reverse("activity:timeline", args=[account.customer_id])))
    assert f"From mass adjustment {batch.pk}" in shown
    assert "20 more had been spent already" in shown


def test_rw12_pages_ask_little_of_the_database(lead: Client, program: Program) -> None:
    for _ in range(3):
        batch = checked(program, *[f"C-{number},1" for number in range(60)])
    with assert_queries("rewards: mass adjustments"):
        lead.get("/mass-adjustments/")
    with assert_queries("rewards: mass adjustment"):
        page(lead, batch)
    upload(program, "customer,amount\nC-1,1")
    assert MassAdjustment.objects.latest("pk").uploaded_at > timezone.now() - timedelta(minutes=1)
