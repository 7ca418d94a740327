"""The template with other figures, so that a test need not wait as long as production does."""

from __future__ import annotations

from pathlib import Path

from local.home import REPOSITORY


def template_with(folder: Path, replacements: dict[str, str]) -> Path:
    """A copy of the template in `folder`, beside links to the code, with each of these texts replaced everywhere."""
    text = (REPOSITORY / "template.yaml").read_text(encoding="utf-8")
    for old, new in replacements.items():
        assert old in text, f"the template no longer says {old!r}"
        text = text.replace(old, new)
    folder.mkdir(exist_ok=True)
    for name in ("functions", "layers", "templates"):
        (folder / name).symlink_to(REPOSITORY / name)
    path = folder / "template.yaml"
    path.write_text(text, encoding="utf-8")
    return path
