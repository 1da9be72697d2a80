"""The house: data flows one way, shells stay out of pure modules, and every module says what it is for."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("contracts", "ingest", "detectors", "streams", "dashboards", "simulators", "deploy")
SHELLS = ("faust", "aiokafka", "paho", "influxdb_client", "grafana_api", "click", "sqlite3", "asyncio")

# Where every module is pure; of streams, what lies outside agents and sinks.
PURE = ("contracts", "detectors", "streams")


def is_pure(path: Path) -> bool:
    return not {"agents", "sinks"} & set(path.parts)


def modules(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def test_each_folder_imports_only_what_lies_below_it() -> None:
    # In a process of its own: it sets up logging anew, and would silence every other test's loggers.
    program = (
        "import sys, importlinter.cli as c; sys.exit(c.lint_imports(config_filename='pyproject.toml', cache_dir=None))"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_no_broker_comes_with_a_pure_module() -> None:
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in modules(*PURE)
        if path.name != "__init__.py" and is_pure(path)
    ]
    # A fresh interpreter: in this one the other tests have imported everything. River brings asyncio with it.
    program = f"import sys, importlib\nfor n in {names}: importlib.import_module(n)\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"faust", "aiokafka", "paho", "influxdb_client", "grafana_api", "click"} & set(run.stdout.split())
    assert len(names) > 30


@pytest.mark.parametrize("path", list(filter(is_pure, modules(*PURE))), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_pure_module_reads_no_clock_socket_or_file(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    imported |= {(node.module or "").split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not imported & {"time", "random", "socket", "os", "pathlib", "io", "logging", "threading", *SHELLS}
    called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not called & {"now", "utcnow", "today"}


@pytest.mark.parametrize("path", modules(*FOLDERS), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is_for(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), f"{path} opens without a docstring"
