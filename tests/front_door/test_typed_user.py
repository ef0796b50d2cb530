"""The program that mypy checks uses every public name."""

import ast
from pathlib import Path

import spiking_bimt as sb


def test_the_checked_program_uses_every_public_name() -> None:
    tree = ast.parse((Path(__file__).parent / "typed_user.py").read_text("utf-8"))
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert set(sb.__all__) - used == set()
    assert set(sb.plot.__all__) - used == set()
