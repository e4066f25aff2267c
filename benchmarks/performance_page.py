"""docs/performance.md out of the JSON under benchmarks/performance/, which the benchmarks write with --json.

    python -m benchmarks.performance_page

No number of the page is typed by hand.
"""

from __future__ import annotations

import json
from typing import Any

from benchmarks.measured import ROOT, shown

HEAD = """# Performance

Written by `python -m benchmarks.performance_page` from the JSON that benchmarks leave under `benchmarks/performance/`
(with the commit, the date and the machine of each). What each measures, and how, stands at the top of its file. To
repeat one, on a quiet machine: `python -m benchmarks.NAME --json benchmarks/performance/NAME.json`.
"""


def section(found: dict[str, Any]) -> list[str]:
    """A benchmark's figures as a table."""
    machine, commit = found["machine"], found["made_by"]["commit"][:10]
    lines = [f"## {found['title']}", "", "| | |", "|---|---|"]
    lines += [f"| {name.replace('_', ' ')} | {shown(value)} |" for name, value in found["figures"].items()]
    lines += [
        "",
        f"`{found['name']}`, {machine['cores']} cores ({machine['processor']}), {found['date']}, commit {commit}",
    ]
    return [*lines, ""]


def main() -> None:
    """The command."""
    files = sorted((ROOT / "benchmarks" / "performance").glob("*.json"))
    lines = [HEAD, *(line for file in files for line in section(json.loads(file.read_text())))]
    (ROOT / "docs" / "performance.md").write_text("\n".join(lines))


if __name__ == "__main__":
    main()
