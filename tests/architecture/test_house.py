"""The house rules that a linter does not know."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = [path for path in (ROOT / "app").rglob("*.py")]
TRACKED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()


def test_no_module_is_too_long_to_hold_in_the_head() -> None:
    thoughts = [path for path in PYTHON if path.parent.name != "versions"]  # a schema revision is a list of tables
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in thoughts}
    long = {name: length for name, length in lengths.items() if length > 400}
    assert not long


def test_every_package_says_what_it_is() -> None:
    for package in (ROOT / "app").rglob("__init__.py"):
        assert package.read_text().lstrip().startswith('"""'), package


def test_the_repository_names_no_package_index_and_no_machine() -> None:
    # Put together here so that this file does not name them either.
    hosts = ["pypi" + ".org", "python" + "hosted", "registry" + ".npmjs", "deb.debian" + ".org"]
    paths = ["/ro" + "ot/", "/wo" + "rk/"]
    for name in TRACKED:
        path = ROOT / name
        if not path.is_file() or path.suffix in {".png", ".ttf", ".otf", ".pdf", ".woff2"}:
            continue
        content = path.read_bytes()
        for word in hosts + paths:
            assert word.encode() not in content, f"{name} holds {word}"


def test_every_locked_package_has_hashes() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    blocks = re.split(r"\n(?=\S)", lock)
    for block in blocks:
        if re.match(r"[a-z0-9._-]+==", block):
            assert "--hash=sha256:" in block, block.splitlines()[0]
    assert "--index-url" not in lock


def test_services_models_and_central_run_without_qt() -> None:
    code = """
import sys, pkgutil, importlib
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('PySide6', 'shiboken6'):
            raise ImportError(name)
sys.meta_path.insert(0, Block())
for package in ('app.models', 'app.services', 'app.central'):
    root = importlib.import_module(package)
    for module in pkgutil.walk_packages(root.__path__, package + '.'):
        if not module.name.endswith(('migrations.env', '__main__')):
            importlib.import_module(module.name)
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=120)


@pytest.mark.parametrize("module", ["app.main", "app.views.start", "app.views.unlock_page"])
def test_the_unlock_window_imports_nothing_heavy(module: str) -> None:
    heavy = (
        "sqlalchemy", "reportlab", "cryptography", "pypdfium2", "httpx", "lxml", "openpyxl", "PIL", "pikepdf",
        "zxingcpp", "rapidfuzz", "fastapi", "alembic", "keyring", "typer",
    )  # fmt: skip
    code = f"import sys, {module}; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_words_of_the_house_are_kept_in_class_names() -> None:
    banned = re.compile(r"class \w*(Manager|Helper|Utils|Util|Data|Info)\b")
    for path in PYTHON:
        for line in path.read_text().splitlines():
            assert not banned.match(line), f"{path.relative_to(ROOT)}: {line}"
