"""The floor under branch coverage gives way to nothing."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from coverage import Coverage

from tests.support.coverage_floor import verdicts

MODULE = "def f(x):\n    if x:\n        return 1\n    return 2\n\n\nf(True)\n"


def measure(root: Path, *, branch: bool = True, both: bool = False) -> Path:
    """Coverage of a small package, by a process of its own as it may not disturb this one's."""
    import subprocess
    import sys

    package = root / "pack"
    package.mkdir()
    (package / "one.py").write_text(MODULE + ("f(False)\n" if both else ""))
    arguments = [sys.executable, "-m", "coverage", "run", f"--data-file={root / 'data'}"]
    subprocess.run(
        [*arguments, *(["--branch"] if branch else []), f"--source={package}", "pack/one.py"],
        cwd=root,
        check=True,
    )
    return root / "data"


def test_what_is_reached_wholly_keeps_its_floor(tmp_path: Path) -> None:
    data = measure(tmp_path, both=True)
    ((keeps, line),) = verdicts(data, tmp_path, {"pack": 0.95})
    assert keeps
    assert line == "pack: branch coverage 100.0 %, at least 95% wanted"


def test_a_branch_that_is_not_taken_is_missed(tmp_path: Path) -> None:
    """Five statements and two branches, of which four and one are reached: 5 of 7."""
    ((keeps, line),) = verdicts(measure(tmp_path), tmp_path, {"pack": 0.95})
    assert not keeps
    assert "71.4 %" in line


def test_a_file_that_no_test_touches_counts(tmp_path: Path) -> None:
    data = measure(tmp_path, both=True)
    (tmp_path / "pack" / "two.py").write_text(MODULE)
    ((keeps, line),) = verdicts(data, tmp_path, {"pack": 0.95})
    assert not keeps
    assert "pack: branch coverage 5" in line


@pytest.mark.parametrize(("branch", "told"), [(False, "holds no branches")])
def test_lines_alone_are_not_enough(branch: bool, told: str, tmp_path: Path) -> None:
    ((keeps, line),) = verdicts(measure(tmp_path, branch=branch), tmp_path, {"pack": 0.95})
    assert not keeps
    assert told in line


def test_no_data_is_no_pass(tmp_path: Path) -> None:
    ((keeps, line),) = verdicts(tmp_path / "nothing", tmp_path, {"pack": 0.95})
    assert not keeps
    assert "run pytest with --cov first" in line


def test_a_package_that_is_gone_is_no_pass(tmp_path: Path) -> None:
    ((keeps, line),) = verdicts(measure(tmp_path), tmp_path, {"other": 0.95})
    assert not keeps
    assert "no Python files" in line


def test_the_script_ends_with_a_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Coverage, "load", lambda self: None)
    path = Path(__file__).parents[1] / "support" / "coverage_floor.py"
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(path), run_name="__main__")
    assert ended.value.code == 1
