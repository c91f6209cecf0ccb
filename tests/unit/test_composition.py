"""Whether there is a cluster is decided once, and costs nothing where there is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator import main
from orchestrator.fleet_watch import FleetWatch
from orchestrator.service_account import ServiceAccount
from orchestrator.settings import parse_settings


def watched(*flags: str) -> object:
    """Return what is watched with these flags."""
    return main._make_scaling(parse_settings(["--kafka", "a:1", *flags], {})).watched


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServiceAccount:
    """The folder in which a pod's service account is mounted; it is not."""
    account = ServiceAccount(tmp_path)
    monkeypatch.setattr(main, "ServiceAccount", lambda: account)
    return account


def test_a_cluster_is_used_where_a_token_is_mounted_or_it_is_said(account: ServiceAccount) -> None:
    """And never where it is forbidden."""
    assert watched() is None
    assert isinstance(watched("--kubernetes", "on"), FleetWatch)
    account.token.write_text("one")
    assert isinstance(watched(), FleetWatch)
    assert watched("--kubernetes", "off") is None


def test_without_a_cluster_its_client_is_not_imported() -> None:
    """It takes a second and 40 MB."""
    script = (
        "import sys; from orchestrator import main; from orchestrator.settings import "
        "parse_settings; main._make_scaling(parse_settings(['--kafka', 'a:1', '--kubernetes', "
        "'off'], {})); sys.exit('kubernetes' in sys.modules or 'aiohttp' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
