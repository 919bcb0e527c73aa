"""Rules that hold for every file and every model."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib import admin

from loyalty_admin.embedded import ROOT

OURS = ("loyalty_admin", "activity", "customers", "rewards", "discounts")
# What runs in a page without being a file of ours; the strict policy would refuse it.
INLINE = re.compile(
    r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")|<style\b|\sstyle=|\son[a-z]+=\"",
    re.I,
)
TEMPLATE_COMMENT = re.compile(r"{#.*?#}|{% comment %}.*?{% endcomment %}|<!--.*?-->", re.S)
EDGES = ("django.forms", "django.http", "django.shortcuts", "django.template", "django.urls")


def sources(*suffixes: str) -> Iterator[Path]:
    """The project's own files with these suffixes."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in listed:
        path = ROOT / name
        if path.suffix in suffixes and path.is_file():
            yield path


def test_layers_hold() -> None:
    ended = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout


def test_every_model_is_in_the_admin() -> None:
    missing = [
        model._meta.label
        for config in apps.get_app_configs()
        if config.name.split(".")[0] in OURS
        for model in config.get_models()
        # Its history stands beside a model; the model's own page shows it.
        if not hasattr(model, "pgh_tracked_model") and not admin.site.is_registered(model)
    ]
    assert missing == []


def test_no_file_is_a_drawer_for_everything() -> None:
    assert [path for path in sources(".py") if path.stem in {"utils", "helpers", "misc"}] == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("<script>alert(1)</script>", True),
        ('<p style="color: red">', True),
        ('<a onclick="go()">', True),
        ('<script type="module" src="/static/js/app.js"></script>', False),
        ('<script id="data" type="application/json">{}</script>', False),
        ('<p class="lifestyle" data-on="x">', False),
    ],
)
def test_inline_code_is_recognised(line: str, found: bool) -> None:
    assert bool(INLINE.search(line)) is found


def test_templates_have_nothing_inline() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in sources(".html")
        if path.is_relative_to(ROOT / "templates")
        for match in INLINE.finditer(TEMPLATE_COMMENT.sub("", path.read_text()))
    ]
    assert found == []


def test_actions_and_selectors_know_no_request_form_or_template() -> None:
    found = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources(".py")
        if path.parent.name == "actions" or path.stem in {"actions", "selectors"}
        for name in imported(ast.parse(path.read_text()))
        if name.startswith(EDGES)
    ]
    assert found == []


def imported(tree: ast.AST) -> Iterator[str]:
    """The dotted names of all that a module imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_functions_and_files_can_be_read_in_one_go() -> None:
    found = []
    for path in sources(".py"):
        if "migrations" in path.parts:
            continue
        source = path.read_text()
        if source.count("\n") > 500:
            found.append(f"{path.relative_to(ROOT)} has {source.count(chr(10))} lines")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef) and node.end_lineno:
                length = node.end_lineno - node.body[0].lineno + 1
                if length > 50:
                    found.append(f"{path.relative_to(ROOT)} {node.name} is {length} lines long")
    assert found == []


def test_requirements_name_no_place() -> None:
    """A pinned list says what, never from where: no host, no path, no index option."""
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()
        assert not re.search(r"://|--(extra-)?index-url|--find-links|^-f |file:", text, re.M), path
        assert "--hash=sha256:" in text
