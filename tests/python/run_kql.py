"""Runs KQL over rows as a workspace would have them, on DuckDB.

stdin:  {"tables": [{name, columns: [{name, type}]}],
         "flows": [{columns: [{name, type}], transform, table, rows: [object]}],
         "functions": [{name, parameters, query}],
         "queries": [{name, text, now?: datetime, hours?: number}]}
stdout: [{name, rows: [object]} or {name, refused: text}]

A flow's rows pass through its transformation into its table, as a collection rule does it: a field that
the stream doesn't declare is dropped, a missing text is empty, a value of another type is null.

`now` is the instant that a query takes for now, `hours` its time range: it then sees of every table the rows
whose TimeGenerated lies so far before now, as Log Analytics has it.
"""

import datetime
import json
import re
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


def moment(query):
    """The instant that a query takes for now."""
    given = query.get("now")
    if not given:
        return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    return datetime.datetime.fromisoformat(given).astimezone(datetime.timezone.utc).replace(tzinfo=None)


def narrow(connection, tables, now, hours):
    """Lets every table show the rows of a time range alone; all of them without `hours`."""
    for table in tables:
        name = quoted(table["name"])
        timed = any(column["name"] == "TimeGenerated" for column in table["columns"])
        within = f"WHERE TimeGenerated BETWEEN ? - to_seconds(?) AND ?" if hours and timed else ""
        values = [now, hours * 3600, now] if within else []
        connection.execute(f"DELETE FROM {name}")
        connection.execute(f"INSERT INTO {name} SELECT * FROM everything.{name} {within}", values)


def keep(connection, asked):
    """Puts all rows aside where a query asks for a part of them."""
    if any("hours" in query for query in asked["queries"]):
        connection.execute("CREATE SCHEMA everything")
        for table in asked["tables"]:
            name = quoted(table["name"])
            connection.execute(f"CREATE TABLE everything.{name} AS FROM {name}")


def run(connection, query, tables, shown):
    """Answers a query; `shown` holds what the tables show at present, of the query before."""
    now = moment(query)
    if "hours" in query and shown != [now, query["hours"]]:
        narrow(connection, tables, now, query["hours"])
        shown[:] = [now, query["hours"]]
    try:
        result = duckdb_kql.query(connection, query["text"], query_now=now)
    except duckdb_kql.KqlError as error:
        return {"name": query["name"], "refused": str(error)}
    rows = [dict(zip(result.columns, map(plain, row))) for row in result.fetchall()]
    return {"name": query["name"], "rows": rows}


def named(texts, names):
    """Those of the names that texts have as a word, or by a word before a star."""
    words = {word for text in texts for word in re.findall(r"\w+\*?", text)}
    stems = tuple(word[:-1] for word in words if word.endswith("*"))
    return {name for name in names if name in words or f"{name}*" in words or (stems and name.startswith(stems))}


def only_needed(asked):
    """Leaves out the functions, tables and rows that no query comes to: reading them takes most of the time."""
    functions = {function["name"]: function["query"] for function in asked["functions"]}
    texts = [query["text"] for query in asked["queries"]]
    reached = set()
    while more := named(texts, functions) - reached:
        reached |= more
        texts += [functions[name] for name in more]
    tables = named(texts, {table["name"] for table in asked["tables"]})
    asked["functions"] = [function for function in asked["functions"] if function["name"] in reached]
    asked["tables"] = [table for table in asked["tables"] if table["name"] in tables]
    asked["flows"] = [flow for flow in asked["flows"] if flow["table"] in tables]


def main():
    asked = json.load(sys.stdin)
    only_needed(asked)
    connection = duckdb_kql.connect()
    for table in asked["tables"]:
        create(connection, table)
    for flow in asked["flows"]:
        ingest(connection, flow)
    duckdb_kql.set_functions(
        [f"function {f['name']}({f['parameters']}) {{\n{f['query']}\n}}" for f in asked["functions"]]
    )
    keep(connection, asked)
    shown = []
    json.dump([run(connection, query, asked["tables"], shown) for query in asked["queries"]], sys.stdout)


main()
