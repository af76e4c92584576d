"""The contract's own rules: generated code cannot drift, every message says who produces it, zero is never a choice."""

import filecmp
import re
from pathlib import Path

import pytest

from tools.gen_protos import PROTOS, generate

FILES = sorted((PROTOS / "jidoka").rglob("*.proto"))


def test_the_committed_code_is_what_the_generator_makes(tmp_path: Path):
    generate(tmp_path)
    fresh = {p.relative_to(tmp_path) for p in tmp_path.rglob("*.py*") if "__pycache__" not in p.parts}
    kept = {p.relative_to(PROTOS / "gen") for p in (PROTOS / "gen").rglob("*.py*") if "__pycache__" not in p.parts}

    assert fresh == kept
    assert [p for p in fresh if not filecmp.cmp(tmp_path / p, PROTOS / "gen" / p, shallow=False)] == []


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_every_message_says_who_produces_it(path: Path):
    for comment, name in re.findall(r"((?:^//.*\n)*)^(?:message|enum) (\w+)", path.read_text(), re.MULTILINE):
        assert "Produced by" in comment, f"{path.name}: {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_buf_standard_rules_hold(path: Path):
    """Package = folder and has a version; enums start with a prefixed UNSPECIFIED; services and rpcs are named so."""
    text = path.read_text()
    package = re.search(r"^package (\S+);", text, re.MULTILINE)[1]
    enums = re.findall(r"^enum (\w+) \{(.*?)^\}", text, re.MULTILINE | re.DOTALL)

    assert package.split(".") == list(path.relative_to(PROTOS).parent.parts)
    assert re.search(r"\.v\d+$", package)
    for name, body in enums:
        prefix = re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper()
        values = re.findall(r"^  (\w+) = (\d+);", body, re.MULTILINE)
        assert values[0] == (f"{prefix}_UNSPECIFIED", "0")
        assert all(value.startswith(prefix) for value, _ in values)
    for service in re.findall(r"^service (\w+)", text, re.MULTILINE):
        assert service.endswith("Service")
    for name, request, response in re.findall(r"rpc (\w+)\((?:stream )?(\w+)\) returns \((?:stream )?(\w+)\)", text):
        assert (request, response) == (f"{name}Request", f"{name}Response")
