"""Runs KQL over rows as a workspace would have them, on DuckDB.

stdin:  {"tables": [{name, columns: [{name, type}]}],
         "flows": [{columns: [{name, type}], transform, table, rows: [object]}],
         "functions": [{name, parameters, query}],
         "queries": [{name, text}]}
stdout: [{name, rows: [object]} or {name, refused: text}]

A flow's rows pass through its transformation into its table, as a collection rule does it: a field that
the stream doesn't declare is dropped, a missing text is empty, a value of another type is null.
"""

import datetime
import json
import sys
import tempfile
import uuid

import duckdb_kql

TYPES = {
    "string": "VARCHAR",
    "int": "INTEGER",
    "long": "BIGINT",
    "real": "DOUBLE",
    "boolean": "BOOLEAN",
    "datetime": "TIMESTAMP",
    "dynamic": "JSON",
    "guid": "UUID",
}


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def sql_type(column):
    return TYPES[column["type"].lower()]


def create(connection, table):
    columns = ", ".join(f"{quoted(c['name'])} {sql_type(c)}" for c in table["columns"])
    connection.execute(f"CREATE TABLE {quoted(table['name'])} ({columns})")


def clashes(columns):
    """Columns that differ from an earlier one in letter case only: DuckDB takes them for the same."""
    seen = set()
    for column in columns:
        name = column["name"].lower()
        if name in seen:
            yield column["name"]
        seen.add(name)


def value_of(column, name):
    """A column's value, under that name, out of the row `r`, which is JSON."""
    path = "'$." + quoted(column["name"]).replace("'", "''") + "'"
    kind = sql_type(column)
    if kind == "VARCHAR":
        value = f"coalesce(r->>{path}, '')"
    elif kind == "JSON":
        value = f"nullif(r->{path}, 'null')"
    else:
        value = f"TRY_CAST(r->>{path} AS {kind})"
    return f"{value} AS {quoted(name)}"


def ingest(connection, flow):
    """Passes a flow's rows through its transformation into its table."""
    transform = flow["transform"]
    names = {column["name"]: column["name"] for column in flow["columns"]}
    for name in clashes(flow["columns"]):
        names[name] = f"{name} of the record"
        transform = transform.replace(f"['{name}']", f"['{names[name]}']")
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as lines:
        for row in flow["rows"]:
            lines.write(json.dumps(row) + "\n")
        lines.flush()
        values = ", ".join(value_of(column, names[column["name"]]) for column in flow["columns"])
        connection.execute("DROP TABLE IF EXISTS source")
        connection.execute(
            f"CREATE TABLE source AS SELECT {values} FROM (SELECT json AS r FROM"
            f" read_json_objects('{lines.name}', format = 'newline_delimited', maximum_object_size = 8000000))"
        )
    passed = duckdb_kql.query(connection, transform)
    columns = ", ".join(quoted(name) for name in passed.columns)
    passed.create_view("passed", replace=True)
    connection.execute(f"INSERT INTO {quoted(flow['table'])} ({columns}) SELECT {columns} FROM passed")


def plain(value):
    """A value as JSON has it."""
    if isinstance(value, datetime.datetime):
        return value.isoformat() + "Z"
    if isinstance(value, (datetime.timedelta, uuid.UUID)):
        return str(value)
    return value


def run(connection, query):
    try:
        result = duckdb_kql.query(connection, query["text"])
    except duckdb_kql.KqlError as error:
        return {"name": query["name"], "refused": str(error)}
    rows = [dict(zip(result.columns, map(plain, row))) for row in result.fetchall()]
    return {"name": query["name"], "rows": rows}


def main():
    asked = json.load(sys.stdin)
    connection = duckdb_kql.connect()
    for table in asked["tables"]:
        create(connection, table)
    for flow in asked["flows"]:
        ingest(connection, flow)
    duckdb_kql.set_functions(
        [f"function {f['name']}({f['parameters']}) {{\n{f['query']}\n}}" for f in asked["functions"]]
    )
    json.dump([run(connection, query) for query in asked["queries"]], sys.stdout)


main()
