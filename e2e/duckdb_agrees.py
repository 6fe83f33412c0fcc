"""Each system's lake, asked by `headgate query` and by DuckDB, which reads the same files and knows nothing of headgate.

    python3 e2e/duckdb_agrees.py

For each partition the number of records, and for each column the number of its values with their sum, if they are numbers,
or else the sum of their lengths, have to be the same by both. DuckDB takes the partitions from the names of the folders.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb

SYSTEMS = ["component-metrics", "store-inventory", "traffic", "counties", "access-logs", "syslog"]

# With the tests, as `cargo test` builds them, so that DataFusion is compiled once for both.
BUILD = "cargo build --quiet --package local --package pipeline-tests --features query --tests --bins"
HEADGATE = "target/debug/headgate"

NUMBERS = ("tinyint", "smallint", "int", "bigint", "float", "double")
HIDDEN = ("_", ".")


def main():
    subprocess.run(BUILD.split(), check=True)
    for system in SYSTEMS:
        with tempfile.TemporaryDirectory() as folder:
            lake = Path(folder, "lake")
            run = [HEADGATE, "run", "--config-env", system, "--out", str(lake)]
            subprocess.run(run, check=True, stdout=subprocess.DEVNULL)
            [(name, table)] = json.loads((lake / "catalog.json").read_text())["tables"].items()
            ours, theirs = by_headgate(lake, name, table), by_duckdb(lake, table)
        same(system, "partitions", sorted(ours), sorted(theirs))
        for partition, figures in ours.items():
            for column, figure in figures.items():
                same(system, f"{column} of {partition}", figure, theirs[partition][column])
        records = sum(figures["records"] for figures in ours.values())
        columns = len(table["columns"])
        print(f"{system}: {records:,} records in {len(ours):,} partitions, {columns} columns: both agree")


def measures(table):
    """What is asked of a table, in SQL that both understand."""
    asked = ["count(*) AS records"]
    for column in table["columns"]:
        name, kind = column["name"], column["type"]
        if kind in NUMBERS:
            value = f'"{name}"'
        elif kind == "boolean":
            value = f'CASE WHEN "{name}" THEN 1 ELSE 0 END'
        else:
            value = f'length("{name}")'
        asked.append(f'count("{name}") AS "count_{name}", sum({value}) AS "sum_{name}"')
    return ", ".join(asked)


def by_headgate(lake, name, table):
    """The figures of each partition that has records, by its values."""
    keys = [key["name"] for key in table["partitionKeys"]]
    quoted = ", ".join(f'"{key}"' for key in keys)
    sql = f"SELECT {quoted}, {measures(table)} FROM {name} GROUP BY {quoted}"
    command = [HEADGATE, "query", "--lake", str(lake), "--format", "json", sql]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    rows = [json.loads(line) for line in said.splitlines()]
    return {tuple(str(row.pop(key)) for key in keys): row for row in rows}


def by_duckdb(lake, table):
    """The same of the files in each folder, whatever the catalog says of partitions."""
    bucket, base = table["location"].removeprefix("s3://").split("/", 1)
    root = lake / bucket / base
    folders = sorted({path.parent for path in root.rglob("*") if is_data(path, root)})
    figures = {}
    for folder in folders:
        files = [str(path) for path in sorted(folder.iterdir()) if path.is_file()]
        relation = reading(table, files)
        answer = duckdb.sql(f"SELECT {measures(table)} FROM {relation}")
        [row] = answer.fetchall()
        values = tuple(part.split("=", 1)[-1] for part in folder.relative_to(root).parts)
        values = values[len(values) - len(table["partitionKeys"]) :]
        figures[values] = dict(zip(answer.columns, row, strict=True))
    return figures


def is_data(path, root):
    parts = path.relative_to(root).parts
    return path.is_file() and not parts[0].startswith("error") and not any(part.startswith(HIDDEN) for part in parts)


def reading(table, files):
    if "parquet" in table["serializationLibrary"].lower():
        return f"read_parquet({files!r})"
    # Types are the table's: by itself DuckDB would read a text that looks like a time as one. It compares the keys of JSON with
    # case, so that each is named as the files write it.
    kinds = {"string": "VARCHAR", "int": "INTEGER", "bigint": "BIGINT", "double": "DOUBLE", "boolean": "BOOLEAN"}
    written = duckdb.sql(f"SELECT * FROM read_json({files!r}, format = 'newline_delimited') LIMIT 0").columns
    names = {name.lower(): name for name in written}
    columns = {names.get(column["name"], column["name"]): kinds[column["type"]] for column in table["columns"]}
    return f"read_json({files!r}, format = 'newline_delimited', columns = {columns!r})"


def same(system, what, ours, theirs):
    close = isinstance(ours, float) and abs(ours - theirs) <= 1e-9 * max(abs(ours), abs(theirs))
    if ours != theirs and not close:
        sys.exit(f"e2e/duckdb_agrees.py: {system}: {what}: headgate says {ours!r}, DuckDB {theirs!r}")


if __name__ == "__main__":
    main()
