"""Keeps the table of values in the chart's README the same as values.yaml, whose comments are the manual.

chart_values.py CHART            fails if they differ, or if a value has no comment
chart_values.py CHART --write    writes the table anew
"""

import pathlib
import re
import sys

import yaml

BEGIN, END = "<!-- values: made by `tools/chart.sh readme` -->", "<!-- end of values -->"
KEY = re.compile(r"^( *)([A-Za-z_][A-Za-z0-9_]*):")


def described(text):
    """Yields the path and the comment of every value above `services`, in order; a list is one value, whatever lies in it."""
    path, comment = [], []
    for line in text.split("\nservices:")[0].splitlines():
        stripped = line.strip()
        key = KEY.match(line)
        if stripped.startswith("- ") or (path and line.startswith(" " * (2 * len(path) + 2))):
            continue
        if stripped.startswith("#"):
            comment.append(stripped.lstrip("# "))
        elif key:
            depth = len(key[1]) // 2
            path = path[:depth] + [key[2]]
            yield tuple(path), " ".join(comment)
            comment = []
        elif not stripped:
            comment = []


def value_at(values, path):
    for key in path:
        values = values[key]
    return values


def shown(value):
    if isinstance(value, (list, dict)):
        return yaml.safe_dump(value, default_flow_style=True, width=1000).strip()
    return yaml.safe_dump(value, default_style='"' if isinstance(value, str) else None).splitlines()[0]


def table(text):
    values = yaml.safe_load(text)
    rows, bare = ["| value | default | meaning |", "|---|---|---|"], []
    entries = list(described(text))
    for path, comment in entries:
        is_folder = any(other[: len(path)] == path and other != path for other, _ in entries)
        if is_folder:
            continue
        if not comment:
            bare.append(".".join(path))
        rows.append(f"| `{'.'.join(path)}` | `{shown(value_at(values, path))}` | {comment.replace('|', chr(92) + '|')} |")
    return "\n".join(rows), bare


def main(chart, *options):
    chart = pathlib.Path(chart)
    readme = chart / "README.md"
    made, bare = table((chart / "values.yaml").read_text())
    if bare:
        sys.exit(f"chart: without a comment in values.yaml: {', '.join(bare)}")
    before, rest = readme.read_text().split(BEGIN)
    kept, after = rest.split(END)
    if "--write" in options:
        readme.write_text(f"{before}{BEGIN}\n{made}\n{END}{after}")
    elif kept.strip() != made:
        sys.exit("chart: the README's table is not that of values.yaml; `tools/chart.sh readme` writes it")


if __name__ == "__main__":
    main(*sys.argv[1:])
