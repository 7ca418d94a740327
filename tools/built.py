"""`python -m tools.built`: prints the sizes of what `sam build` made, and fails if AWS could not take or call it.

It needs PyYAML only, which the SAM CLI's environment has.
"""

from __future__ import annotations

import ast
import io
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from local.template.intrinsics import read

BUILD = Path(".aws-sam/build")
_MEGABYTE = 1_000_000
_INLINE_LIMIT_BYTES = 51_200
# For a function with its layers: unpacked, and zipped.
_UNPACKED_LIMIT_BYTES, _ZIPPED_LIMIT_BYTES = 250 * 1024 * 1024, 50 * 1024 * 1024


def missing_handlers(build: Path) -> Iterator[str]:
    """What the build lacks of what its template says that Lambda calls."""
    template = read(build / "template.yaml")
    defaults = template["Globals"]["Function"]
    for name, spec in template["Resources"].items():
        if spec["Type"] != "AWS::Serverless::Function":
            continue
        module, _, handler = spec["Properties"].get("Handler", defaults["Handler"]).rpartition(".")
        file = build / spec["Properties"]["CodeUri"] / f"{module}.py"
        if not file.is_file():
            yield f"{name}: there is no {module}.py"
        elif handler not in _names(ast.parse(file.read_text(encoding="utf-8"))):
            yield f"{name}: {module}.py has no {handler}"


def _names(module: ast.Module) -> set[str]:
    """The names that a module defines: functions, and what is assigned."""
    defined = {node.name for node in module.body if isinstance(node, ast.FunctionDef)}
    assigned = [target for node in module.body if isinstance(node, ast.Assign) for target in node.targets]
    return defined | {target.id for target in assigned if isinstance(target, ast.Name)}


def sizes(folder: Path) -> tuple[int, int]:
    """Bytes of a folder, as it is and zipped."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.write(path, path.relative_to(folder))
    return sum(path.stat().st_size for path in files), packed.getbuffer().nbytes


def main(build: Path = BUILD) -> int:
    """Print a line per template and per folder; returns the exit status."""
    troubles = list(missing_handlers(build))
    for template in sorted(build.rglob("template.yaml")):
        size = template.stat().st_size
        print(f"{template.relative_to(build)!s:32} {size:>10,} bytes")
        if size > _INLINE_LIMIT_BYTES:
            troubles.append(f"{template}: more than {_INLINE_LIMIT_BYTES:,} bytes")
    for folder in sorted(path for path in build.iterdir() if path.is_dir() and not (path / "template.yaml").exists()):
        unpacked, zipped = sizes(folder)
        print(f"{folder.name:32} {unpacked / _MEGABYTE:>10.3f} MB, zipped {zipped / _MEGABYTE:.3f} MB")
        if unpacked > _UNPACKED_LIMIT_BYTES or zipped > _ZIPPED_LIMIT_BYTES:
            troubles.append(f"{folder}: Lambda takes {_UNPACKED_LIMIT_BYTES:,} bytes, zipped {_ZIPPED_LIMIT_BYTES:,}")
    for line in troubles:
        print(line, file=sys.stderr)
    return 1 if troubles else 0


if __name__ == "__main__":
    sys.exit(main())
