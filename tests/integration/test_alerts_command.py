"""`microstream alerts` from outside."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.alerts.hook import listening

CONFIGURED = """\
alerts:
  rules:
    oi_jump: {enabled: false}
    extreme_funding: {severity: critical}
    cheap: {on: "bars:*:1m", value: mark.close, below: 100, lasts: 5m, severity: info, text: "{subject} at {value}"}
  deliveries:
    hook: {url_env: HOOK}
    pager: {url_env: PAGER, severity: critical}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration with rules and deliveries."""
    path = tmp_path / "own.yaml"
    path.write_text(CONFIGURED)
    return path


def run(*arguments: object, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, in an empty folder."""
    command = [sys.executable, "-m", "microstream", "alerts", *map(str, arguments)]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
        cwd=folder,
        env={**os.environ, **environ},
    )


def row(text: str, name: str) -> list[str]:
    """Return the words of the row that begins with a name."""
    (line,) = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return line.split()


def test_check_prints_what_is_in_force(tmp_path: Path, file: Path) -> None:
    """Rules, where they come from, and deliveries; URLs are not shown."""
    ended = run(
        "check", file, folder=tmp_path, HOOK="json://127.0.0.1/s3cret", PAGER="json://127.0.0.1/s3cret"
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert row(ended.stdout, "cap_hit")[1:6] == [
        "shipped",
        "signal:funding_anomaly:*",
        "values.distance_to_cap",
        "above",
        "0.999",
    ]
    assert row(ended.stdout, "extreme_funding")[1] == "changed"
    assert "critical" in row(ended.stdout, "extreme_funding")
    assert "off" in row(ended.stdout, "oi_jump")
    assert row(ended.stdout, "cheap")[1] == "own"
    assert row(ended.stdout, "hook") == ["hook", "warning", "and", "above", "HOOK", "ready"]
    assert row(ended.stdout, "pager") == ["pager", "critical", "and", "above", "PAGER", "ready"]
    assert "s3cret" not in ended.stdout


def test_check_without_a_file_shows_the_shipped_rules(tmp_path: Path) -> None:
    """And says that nobody is told."""
    ended = run("check", folder=tmp_path)
    assert ended.returncode == 0
    assert len([line for line in ended.stdout.splitlines() if " shipped " in line]) == 11
    assert "no deliveries" in ended.stdout


def test_check_explains_mistakes_with_line_and_key(tmp_path: Path, file: Path) -> None:
    """With exit code 2, without a traceback."""
    file.write_text(
        CONFIGURED.replace("value: mark.close", "value: mark.cloze").replace("oi_jump:", "oi_jmp:")
    )
    ended = run("check", file, folder=tmp_path, HOOK="json://127.0.0.1/", PAGER="json://127.0.0.1/")
    assert (ended.returncode, ended.stdout) == (2, "")
    lines = ended.stderr.splitlines()
    assert [line.split(": ", 3)[1:3] for line in lines] == [
        [f"{file}:3", "alerts.rules.oi_jmp.on"],
        [f"{file}:3", "alerts.rules.oi_jmp.value"],
        [f"{file}:3", "alerts.rules.oi_jmp"],
        [f"{file}:5", "alerts.rules.cheap.value"],
    ]
    assert "did you mean the shipped rule oi_jump?" in lines[0]
    assert "did you mean close?" in lines[3]


@pytest.mark.parametrize("command", [("check",), ("test", "cap_hit", "-c")])
def test_a_missing_variable_ends_with_2(tmp_path: Path, file: Path, command: tuple[str, ...]) -> None:
    """Naming file, line, key and variable."""
    ended = run(*command, file, folder=tmp_path, HOOK="json://127.0.0.1/", PAGER="")
    assert ended.returncode == 2
    assert f"{file}:8: alerts.deliveries.pager.url_env: the environment has no variable PAGER" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_url_that_is_none_ends_with_2_and_is_not_shown(tmp_path: Path, file: Path) -> None:
    """It may be a secret all the same."""
    ended = run("check", file, folder=tmp_path, HOOK="tgram://hunter2", PAGER="json://127.0.0.1/")
    assert ended.returncode == 2
    assert f"{file}:7: alerts.deliveries.hook.url_env: the variable HOOK holds no URL" in ended.stderr
    assert "hunter2" not in ended.stdout + ended.stderr


def test_a_test_reaches_every_delivery_that_gets_the_rule(tmp_path: Path, file: Path) -> None:
    """Marked as a test, whatever the hour."""
    with listening() as hook, listening() as pager:
        urls = {"HOOK": hook.url, "PAGER": pager.url, "MICROSTREAM_ALERTS__QUIET_HOURS": "00:00-24:00"}
        ended = run("test", "extreme_funding", "-c", file, folder=tmp_path, **urls)
        assert ended.returncode == 0, ended.stderr
        assert [row(ended.stdout, name)[1] for name in ("hook", "pager")] == ["sent", "sent"]
        ended = run("test", "cap_hit", "-c", file, folder=tmp_path, **urls)
        assert ended.returncode == 0
        assert "it gets critical and above, this is warning" in " ".join(row(ended.stdout, "pager"))
        assert hook.titles == [
            "TEST extreme_funding of test:test: critical",
            "TEST cap_hit of test:test: warning",
        ]
        assert pager.titles == hook.titles[:1]
        assert hook.bodies[0]["message"].startswith("This is a test, nothing has happened.")


def test_a_delivery_that_fails_ends_with_1(tmp_path: Path, file: Path) -> None:
    """Each one is told; the URL is not."""
    with listening(401) as hook, listening() as pager:
        ended = run("test", "extreme_funding", "-c", file, folder=tmp_path, HOOK=hook.url, PAGER=pager.url)
    assert ended.returncode == 1
    assert " ".join(row(ended.stdout, "hook")) == "hook FAILED the service answers with HTTP status 401"
    assert row(ended.stdout, "pager")[1] == "sent"
    assert "s3cret" not in ended.stdout + ended.stderr


def test_a_test_without_deliveries_prints_what_would_have_gone_out(tmp_path: Path, file: Path) -> None:
    """And how to be told; a rule that is switched off can be tried too."""
    file.write_text(CONFIGURED.partition("  deliveries:")[0])
    ended = run("test", "oi_jump", "-c", file, folder=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "no delivery is configured" in ended.stdout
    assert "oi_jump is switched off" in ended.stdout
    message = json.loads(ended.stdout.splitlines()[-1])
    assert (message["rule"], message["state"], message["subject"]) == ("oi_jump", "raised", "test:test")
    ended = run("test", "cheap", "-c", file, folder=tmp_path)
    assert "test:test at 100" in ended.stdout


def test_an_unknown_rule_ends_with_2_and_the_nearest_names(tmp_path: Path) -> None:
    """Without sending anything."""
    ended = run("test", "squeeze", folder=tmp_path)
    assert ended.returncode == 2
    assert "there is no rule 'squeeze'" in ended.stderr
    assert "short_squeeze" in ended.stderr
    assert "long_squeeze" in ended.stderr
