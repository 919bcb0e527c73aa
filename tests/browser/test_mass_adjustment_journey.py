"""RW-12: a file with errors is uploaded, looked at, applied, and taken back as a whole."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from rewards.actions.mass_adjustments.running import run_batch, take_step
from rewards.models import Account, MassAdjustment
from tests.browser.conftest import sign_in
from tests.factories import CustomerFactory, ProgramFactory, ReasonCodeFactory, UserFactory
from tests.rewards.ledger import account_of, assert_adds_up

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FILE = """customer;amount;reason;internal_note;customer_comment
HH-0900;+40;goodwill;Stand was closed;Sorry
HH-0901;1.000;goodwill;;
HH-0999;5;goodwill;;
HH-0901;25;goodwill;=1+1;
HH-0901;25;goodwill;;
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    program = ProgramFactory(name="Points", unit_value=Decimal("0.01"))
    ReasonCodeFactory(code="goodwill")
    account_of(60, customer=CustomerFactory(external_id="HH-0900", name="Ana"), program=program)
    CustomerFactory(external_id="HH-0901", name="Ben")
    file = tmp_path / "april.csv"
    file.write_text(FILE)
    return file


def balances() -> list[int]:
    return sorted(Account.objects.values_list("balance", flat=True))


def test_rw12_upload_correct_apply_and_undo(page: Page, path: Path) -> None:
    sign_in(page, UserFactory(lead=True))
    page.get_by_role("link", name="Mass adjustments").click()
    _a_wrong_file_is_refused(page, path)
    page.get_by_label("CSV file").set_input_files(path)
    page.get_by_role("button", name="Upload and check").click()
    expect(page.locator("#batch")).to_contain_text("Checking 5 rows")
    batch = MassAdjustment.objects.get()
    run_batch(batch.pk)

    # The page finds out by itself.
    rows = page.locator("#batch tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text("Line 3")
    expect(rows.nth(0)).to_contain_text("write 1000 without a separator")
    expect(rows.nth(1)).to_contain_text("No customer has")
    expect(rows.nth(2)).to_contain_text("The internal note begins with “=”")
    assert balances() == [60]

    page.get_by_role("link", name="Apply 2 rows").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("65 points are credited, at a cost of €0.65")
    dialog.get_by_role("button", name="Apply 2 rows").click()
    expect(page.locator(".toast").last).to_contain_text("You can leave this page")
    expect(page.get_by_role("progressbar")).to_be_visible()
    _leaves_and_comes_back(page, batch)
    run_batch(batch.pk)
    expect(page.locator("#batch")).to_contain_text("Applied")
    assert balances() == [25, 100]

    with page.expect_download() as download:
        page.get_by_role("button", name="Download result").click()
    assert "2,HH-0900,external ID,40,Applied" in Path(download.value.path()).read_text()
    _undoes_it(page, batch)
    assert_adds_up()


def _a_wrong_file_is_refused(page: Page, path: Path) -> None:
    wrong = path.with_name("wrong.csv")
    wrong.write_bytes(b"PK\x03\x04 a spreadsheet under another name")
    page.get_by_role("link", name="Upload file").first.click()
    page.get_by_label("Reason").select_option("Goodwill")
    page.get_by_label("CSV file").set_input_files(wrong)
    page.get_by_role("button", name="Upload and check").click()
    expect(page.locator("#id_file_error")).to_contain_text("a zip archive or a spreadsheet")
    expect(page.get_by_label("Reason").locator("option:checked")).to_have_text("Goodwill")


def _leaves_and_comes_back(page: Page, batch: MassAdjustment) -> None:
    page.goto("/customers/")
    page.goto("/mass-adjustments/")
    page.get_by_role("link", name="april.csv").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    assert take_step(batch.pk)


def _undoes_it(page: Page, batch: MassAdjustment) -> None:
    page.get_by_role("link", name="Undo all of it").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("2 rows are taken back")
    dialog.get_by_role("button", name="Undo 2 rows").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    run_batch(batch.pk)
    expect(page.locator("#batch")).to_contain_text("Undone")
    expect(page.get_by_role("progressbar")).to_have_count(0)
    assert balances() == [0, 60]
