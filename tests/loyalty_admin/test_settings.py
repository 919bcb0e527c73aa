"""Production starts only when it has been told what it needs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from loyalty_admin.embedded import ROOT

PRODUCTION = {
    "SECRET_KEY": "x" * 60,
    "ALLOWED_HOSTS": "loyalty.example.com",
    "DATABASE_URL": "postgresql://loyalty@database/loyalty",
    "REDIS_URL": "redis://cache:6379/0",
}


def start(expression: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Load the settings in a process of its own and print one of them."""
    return subprocess.run(
        [sys.executable, "-c", f"from loyalty_admin import settings; print({expression})"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("missing", PRODUCTION)
def test_production_names_what_is_missing(missing: str) -> None:
    ended = start("0", **(PRODUCTION | {missing: ""}))
    assert ended.returncode != 0
    assert f"ImproperlyConfigured: {missing} is not set." in ended.stderr


def test_production_is_what_one_gets_without_asking() -> None:
    ended = start(
        "settings.DEBUG, settings.SESSION_COOKIE_SECURE, settings.SECURE_SSL_REDIRECT", **PRODUCTION
    )
    assert ended.stdout.strip() == "False True True"


def test_celery_understands_the_address_of_a_socket() -> None:
    ended = start(
        "settings.CELERY_BROKER_URL", DEBUG="true", **(PRODUCTION | {"REDIS_URL": "unix:///s?db=3"})
    )
    assert ended.stdout.strip() == "redis+socket:///s?virtual_host=3"


@pytest.mark.parametrize("debug", ["true", "false"])
def test_commands_follow_the_env_file(tmp_path: Path, debug: str) -> None:
    shutil.copy(ROOT / "manage.py", tmp_path)
    shutil.copytree(ROOT / "loyalty_admin", tmp_path / "loyalty_admin")
    lines = [f"{name}={value}" for name, value in (PRODUCTION | {"DEBUG": debug}).items()]
    (tmp_path / ".env").write_text("\n".join(lines))

    ended = subprocess.run(
        [sys.executable, "manage.py", "diffsettings", "--all"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert f"DEBUG = {debug.title()}" in ended.stdout.replace("### ", "").splitlines(), ended.stderr


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", "smtp localhost 25   False False"),
        ("smtp+tls://me%40shop:p%2Fw@mail", "smtp mail 587 me@shop p/w True False"),
        ("smtp+ssl://u:p@mail:2465", "smtp mail 2465 u p False True"),
    ],
)
def test_mail_goes_where_it_is_told(url: str, expected: str) -> None:
    names = ["HOST", "PORT", "HOST_USER", "HOST_PASSWORD", "USE_TLS", "USE_SSL"]
    values = ", ".join(f"settings.EMAIL_{name}" for name in names)

    ended = start(f"settings.EMAIL_BACKEND.split('.')[-2], {values}", **PRODUCTION, EMAIL_URL=url)

    assert ended.stdout.rstrip("\n") == expected, ended.stderr


def test_every_variable_is_listed_and_reaches_the_containers() -> None:
    read = r"(?:env\.\w+|_required|environ\.get)\(\s*\"([A-Z_]+)\""
    sources = [ROOT / "loyalty_admin" / name for name in ("settings.py", "serving.py")]
    names = {name for source in sources for name in re.findall(read, source.read_text())}
    listed = re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())

    assert len(names) > 20
    assert names - set(listed) == {"PROMETHEUS_MULTIPROC_DIR"}  # the image's own
    for name in ("migrate", "web", "worker", "beat"):
        assert compose["services"][name]["env_file"] == [{"path": ".env", "required": False}]
        assert compose["services"][name]["environment"]["DEBUG"] == "false"
