"""What the launcher relies on before anything is installed: it must load with the standard library alone."""

import subprocess
import sys
from pathlib import Path

import pytest

from command_center.processes import bootstrap, front_end, machine, packages
from command_center.processes.packages import Missing, PackagesMissing

ROOT = Path(__file__).resolve().parents[3]


def test_the_launcher_needs_the_standard_library_only() -> None:
    code = (
        "import sys; from command_center.processes import launcher, checks, doctor, bootstrap;"
        "known = set(sys.stdlib_module_names) | {'command_center', 'gis_core', '__main__'};"
        "print(sorted({name.split('.')[0] for name in sys.modules} - known))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_the_build_is_current_only_for_just_these_sources(tmp_path: Path) -> None:
    web, built = tmp_path / "web", tmp_path / "webdist"
    (web / "node_modules").mkdir(parents=True)
    built.mkdir()
    (web / "main.ts").write_text("1")
    assert not front_end.is_current(web, built)
    (built / "built-from").write_text(front_end.stamp(web))
    assert front_end.is_current(web, built)
    (web / "node_modules" / "x.js").write_text("not a source")
    assert front_end.is_current(web, built)
    (web / "main.ts").write_text("2")
    assert not front_end.is_current(web, built)


def test_the_apt_line_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "_administrator", lambda: None)
    with pytest.raises(PackagesMissing) as refused:
        packages.ensure([Missing("A", ("a", "b")), Missing("C", ("c",))])
    assert refused.value.members["line"].endswith("--no-install-recommends a b c")


def test_found_programs_tell_their_versions() -> None:
    folder = machine.find_postgres()
    assert folder
    assert machine.first_number(machine.version_of(folder / "postgres")) >= machine.MIN_POSTGRES
    assert (machine.find_postgis(folder) or "").startswith("3")
    assert machine.version_of("/no/such/program") is None


@pytest.mark.parametrize(
    ("variable", "text"), [("PIP_INDEX_URL", None), ("PIP_CONFIG_FILE", "[global]\nindex-url = {url}\n")]
)
def test_a_mirror_told_to_pip_is_used(
    variable: str, text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL", "PIP_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    url = "https://mirror.example/simple"
    if text is None:
        monkeypatch.setenv(variable, url)
    else:
        (tmp_path / "pip.conf").write_text(text.format(url=url))
        monkeypatch.setenv(variable, str(tmp_path / "pip.conf"))
    assert bootstrap.other_index() == url
    assert bootstrap.uv_environment()["UV_DEFAULT_INDEX"] == url
