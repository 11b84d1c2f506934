"""Reads Parquet files by DuckDB and compares them with the kept parts that they are made of, row by row.

Standard input: {"files": [paths], "parts": [paths], "columns": [{"name", "field", "type"}], "envelope": [names]}.
Standard output: {"rows", "differences": [at most 20], "types": {column: DuckDB's type}, "row_groups", "codecs"}.
"""

import gzip
import json
import re
import sys
from datetime import datetime, timezone

import duckdb

asked = json.load(sys.stdin)
columns, envelope = asked["columns"], asked["envelope"]
files = "[" + ", ".join("'" + path.replace("'", "''") + "'" for path in asked["files"]) + "]"
types = {row[0]: row[1] for row in duckdb.sql(f"describe select * from read_parquet({files})").fetchall()}
shown = ", ".join(
    f'epoch_us("{name}") as "{name}"' if kind == "TIMESTAMP WITH TIME ZONE" else f'"{name}"'
    for name, kind in types.items()
)
rows = duckdb.sql(f"select {shown} from read_parquet({files})").fetchall()
groups = duckdb.sql(
    f"select count(distinct (file_name, row_group_id)), list(distinct compression) from parquet_metadata({files})"
).fetchall()[0]


class Pairs(list):
    """An object as its pairs, so that two fields of one name are two."""


def lines():
    for path in asked["parts"]:
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as text:
            for line in text:
                yield json.loads(line, object_pairs_hook=Pairs)


def plain(value):
    """The same with its pairs made into objects."""
    if isinstance(value, Pairs):
        return {name: plain(inner) for name, inner in value}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value


def instant(text):
    """Microseconds since 1970; nothing where it is no instant."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text.strip()):
        text = f"{text.strip()}T00:00:00Z"
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?", text.strip())
    if not found:
        return None
    day, time, fraction, zone = found.groups()
    zone = "+00:00" if zone in (None, "Z") else zone
    at = datetime.fromisoformat(f"{day}T{time}{zone}") - datetime(1970, 1, 1, tzinfo=timezone.utc)
    micro = int(((fraction or "") + "000000")[:6])
    return (at.days * 86400 + at.seconds) * 1_000_000 + micro


def same(kind, value, cell):
    if kind in ("text", "guid"):
        return cell == value if isinstance(value, str) else json.loads(cell) == value
    if kind == "dynamic":
        return json.loads(cell) == value
    if kind == "hunteddynamic":
        return cell == value if isinstance(value, str) else json.loads(cell) == value
    if kind in ("real", "textreal"):
        return cell == float(value)
    if kind in ("long", "int"):
        return cell == int(value)
    if kind in ("boolean", "huntedboolean"):
        return cell == (value in (True, 1, "true", "True"))
    return cell == instant(value)


differences, count = [], 0
names = list(types)
for number, pairs in enumerate(lines()):
    count += 1
    if number >= len(rows):
        differences.append(f"row {number} is missing")
        break
    row = dict(zip(names, rows[number]))
    front, own = pairs[: len(envelope)], pairs[len(envelope) :]
    own = {name: plain(value) for name, value in own}
    for name, value in front:
        kind = "datetime" if name in ("TimeGenerated", "CollectedTime") else "text"
        if not same(kind, value, row[name]):
            differences.append(f"row {number}: {name} is {row[name]!r}, kept {value!r}")
    rest = json.loads(row["Unmapped"]) if row["Unmapped"] is not None else {}
    by_field = {column["field"].lower(): column for column in columns if column["name"] not in envelope}
    for name, value in own.items():
        column = by_field.get(name.lower())
        cell = row[column["name"]] if column else None
        if name in rest:
            fits = rest[name] == value and cell is None
        elif cell is None:
            fits = value is None or (value in ({}, []) and column and column["type"].startswith("hunted"))
        else:
            fits = same(column["type"], value, cell)
        if not fits:
            differences.append(f"row {number}: {name} is {cell!r}, kept {value!r}")
    spelled = {name.lower() for name in own}
    for column in by_field.values():
        if column["field"].lower() not in spelled and row[column["name"]] is not None:
            differences.append(f"row {number}: {column['name']} is there, and nothing was kept")
if count != len(rows):
    differences.append(f"{len(rows)} rows of {count} kept")
json.dump(
    {"rows": len(rows), "differences": differences[:20], "types": types, "row_groups": groups[0], "codecs": groups[1]},
    sys.stdout,
)
