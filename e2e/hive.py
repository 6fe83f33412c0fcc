#!/usr/bin/env python3
"""Holds the statements that register partitions against Hive's own parser.

    target/e2e/hive-venv/bin/python e2e/hive.py [FILE]

FILE, or else `cargo run -q -p registrar --features testing --example statements`, has one JSON object a line, of a
statement and of what is meant by it:

    {"sql": "ALTER TABLE …", "types": {"k": "string"}, "partitions": [{"values": {"k": "a"}, "location": "s3://…/"}]}

With `"removal": true` it takes one partition out of the catalog, and there is no location.

Athena documents its DDL as Hive's. Hive's parser comes in the wheel of pyspark (hive-exec 2.3.10) and needs Java. Where
there is none, the script says so and ends; with the variable CI that is a failure. Exit status 1 if a statement is read
otherwise than it is meant.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATEMENTS = ["cargo", "run", "--quiet", "--locked", "--package", "registrar", "--features", "testing"]
STATEMENTS += ["--example", "statements"]

# Types whose values stand without quotes, as Athena wants it
# (https://docs.aws.amazon.com/athena/latest/ug/alter-table-add-partition.html).
NUMBERS = ("tinyint", "smallint", "int", "integer", "bigint", "float", "double", "decimal")

# What java.base has to open to the Hadoop classes that Hive's configuration loads.
OPENED = ("java.lang", "java.lang.reflect", "java.net", "java.nio", "java.util", "java.io", "sun.nio.ch")


class NotAsMeant(Exception):
    """How a statement is read, where that is not how it is meant."""


class Hive:
    """Hive's parser, in a Java process that ends with this one."""

    def __init__(self):
        import pyspark
        from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway

        options = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED]
        jars = Path(pyspark.__file__).parent / "jars" / "*"
        # What Java says on its standard error is Hadoop's log.
        port = launch_gateway(classpath=str(jars), javaopts=options, die_on_exit=True, redirect_stderr=subprocess.DEVNULL)
        self.gateway = JavaGateway(gateway_parameters=GatewayParameters(port=port))
        ql = self.gateway.jvm.org.apache.hadoop.hive.ql
        self.parser = ql.parse.ParseDriver()
        self.analyzer = ql.parse.BaseSemanticAnalyzer
        configuration = self.gateway.jvm.org.apache.hadoop.hive.conf.HiveConf()
        # Without a context names between back-ticks are not read as Hive reads them, and a context wants two folders.
        self.scratch = tempfile.TemporaryDirectory()
        configuration.set("_hive.hdfs.session.path", self.scratch.name)
        configuration.set("_hive.local.session.path", self.scratch.name)
        self.context = ql.Context(configuration)

    def close(self):
        self.gateway.shutdown()
        self.scratch.cleanup()

    def parse(self, sql):
        from py4j.protocol import Py4JJavaError

        try:
            node = self.parser.parse(sql, self.context)
        except Py4JJavaError as error:
            raise NotAsMeant(f"Hive refuses it: {error.java_exception.getMessage()}") from None
        return node if node.getToken() else node.getChild(0)

    def partitions(self, sql):
        """The table that a statement adds partitions to, as its parts, and each with its values, types and location."""
        statement = self.parse(sql)
        table, addition, *others = children(statement)
        if others or addition.getText() != "TOK_ALTERTABLE_ADDPARTS":
            raise NotAsMeant(f"it is another statement: {statement.toStringTree()}")
        condition, *rest = children(addition)
        if condition.getText() != "TOK_IFNOTEXISTS":
            raise NotAsMeant("it has no IF NOT EXISTS")
        added = []
        for node in rest:
            match node.getText():
                case "TOK_PARTSPEC":
                    added.append(({}, []))
                    for value in children(node):
                        name, constant = children(value)
                        values = added[-1][0]
                        if name.getText().lower() in values:
                            raise NotAsMeant(f"column `{name.getText()}` stands twice in a partition")
                        values[name.getText().lower()] = self.constant(constant)
                case "TOK_PARTITIONLOCATION":
                    [location] = children(node)
                    added[-1][1].append(self.constant(location)[0])
                case other:
                    raise NotAsMeant(f"it has a part `{other}`")
        return self.table(table), added

    def removal(self, sql):
        """The table that a statement takes a partition out of, as its parts, and that partition's values."""
        statement = self.parse(sql)
        table, removal, *others = children(statement)
        if others or removal.getText() != "TOK_ALTERTABLE_DROPPARTS":
            raise NotAsMeant(f"it is another statement: {statement.toStringTree()}")
        specification, *rest = children(removal)
        if [node.getText() for node in rest] != ["TOK_IFEXISTS"]:
            raise NotAsMeant("it has no IF EXISTS, or more than one partition")
        values = {}
        for value in children(specification):
            name, operator, constant = children(value)
            if operator.getText() != "=" or name.getText().lower() in values:
                raise NotAsMeant(f"`{name.getText()}` is not compared once and by `=`")
            values[name.getText().lower()] = self.constant(constant)
        return self.table(table), [(values, [])]

    def table(self, node):
        return [self.analyzer.unescapeIdentifier(part.getText()) for part in children(node)]

    def constant(self, node):
        """A value, and whether it stood in quotes."""
        text = node.getText()
        if text[0] not in "'\"":
            return text, False
        # Not so of two literals side by side, whose node has a name in place of the text.
        return self.analyzer.unescapeSQLString(text), True


def children(node):
    return [node.getChild(place) for place in range(node.getChildCount())]


def check(hive, meant):
    """Raises NotAsMeant unless Hive reads the statement as it is meant."""
    is_removal = meant.get("removal", False)
    table, read = hive.removal(meant["sql"]) if is_removal else hive.partitions(meant["sql"])
    if len(table) != 2 or table != meant.get("table", ".".join(table)).split(".", 1):
        raise NotAsMeant(f"its table is {table}")
    if len(read) != len(meant["partitions"]):
        raise NotAsMeant(f"it has {len(read)} partitions, {len(meant['partitions'])} are meant")
    seen = set()
    for (values, locations), partition in zip(read, meant["partitions"]):
        quoted = {column: not kind.lower().startswith(NUMBERS) for column, kind in meant["types"].items()}
        for column, (value, in_quotes) in values.items():
            # Hive's grammar has no negative numbers in a partition: they stand in quotes as well.
            if column in quoted and in_quotes != (quoted[column] or value.startswith("-")):
                raise NotAsMeant(f"`{column}` of the type {meant['types'][column]} is {value!r}, quotes: {in_quotes}")
        plain = {column: value for column, (value, _) in values.items()}
        if plain != partition["values"]:
            raise NotAsMeant(f"the values are {plain}, {partition['values']} are meant")
        expected = [] if is_removal else [partition["location"]]
        if locations != expected:
            raise NotAsMeant(f"the locations of {plain} are {locations}, {expected} is meant")
        # Hive executes no statement that has one partition twice, not even with IF NOT EXISTS.
        identity = tuple(sorted(plain.items()))
        if identity in seen:
            raise NotAsMeant(f"the partition {plain} stands there twice")
        seen.add(identity)


def meant(sql, *partitions, types=None):
    """A statement on the table `d`.`t`; a partition is a text for the column `k`, or values, and has its location."""
    partitions = [({"k": values} if isinstance(values, str) else values, location) for values, location in partitions]
    return {
        "sql": f"ALTER TABLE `d`.`t` {sql}",
        "table": "d.t",
        "types": types or {"k": "string"},
        "partitions": [{"values": values, "location": location} for values, location in partitions],
    }


ADD = "ADD IF NOT EXISTS"
HERE = "LOCATION 's3://b/'"
EVIL = "x') LOCATION 's3://evil/'"

# Statements that are as meant.
RIGHT = [
    meant(rf"{ADD} PARTITION (`k` = 'it\'s \\ \u000a') {HERE}", ("it's \\ \n", "s3://b/")),
    meant(rf"{ADD} PARTITION (`k` = 'x\') LOCATION \'s3://evil/\'') {HERE}", (EVIL, "s3://b/")),
    meant(
        rf"{ADD} PARTITION (`k` = 'ä', `n` = 7) LOCATION 's3://b/ä/07/' PARTITION (`k` = 'b', `n` = '-7') {HERE}",
        ({"k": "ä", "n": "7"}, "s3://b/ä/07/"),
        ({"k": "b", "n": "-7"}, "s3://b/"),
        types={"k": "string", "n": "int"},
    ),
    meant(r"DROP IF EXISTS PARTITION (`k` = 'it\'s')", ("it's", None)) | {"removal": True},
]

# Statements that are not, and a word of how that is said. Were one of them found to be right, so could be what it stands for.
WRONG = [
    (meant(f"{ADD} PARTITION (`k` = 'it''s') {HERE}", ("it's", "s3://b/")), "the values are"),
    (meant(f"{ADD} PARTITION (`k` = 'it's') {HERE}", ("it's", "s3://b/")), "Hive refuses it"),
    (meant(rf"{ADD} PARTITION (`k` = 'a\tb') {HERE}", (r"a\tb", "s3://b/")), "the values are"),
    (meant(rf"{ADD} PARTITION (`k` = 'a\') {HERE}", ("a\\", "s3://b/")), "Hive refuses it"),
    (meant(f"{ADD} PARTITION (`k` = '{EVIL}') {HERE}", (EVIL, "s3://b/")), "Hive refuses it"),
    (meant(f"{ADD} PARTITION (`k` = 'x') LOCATION 's3://evil/'", ("x", "s3://b/")), "the locations of"),
    (meant(f"{ADD} PARTITION (`k` = 'x')", ("x", "s3://b/")), "the locations of"),
    (meant(f"ADD PARTITION (`k` = 'x') {HERE}", ("x", "s3://b/")), "it has no IF NOT EXISTS"),
    (meant("DROP IF EXISTS PARTITION (`k` = 'x')", ("x", "s3://b/")), "it is another statement"),
    (meant(f"{ADD} PARTITION (`k` = 'x') {HERE};", ("x", "s3://b/")), "Hive refuses it"),
    (meant(f"{ADD} PARTITION (`k` = 'x') {HERE}"), "it has 1 partitions, 0 are meant"),
    (meant(f"{ADD} PARTITION (`j` = 'x') {HERE}", ("x", "s3://b/")), "the values are"),
    (meant(f"{ADD} PARTITION (`k` = 7) {HERE}", ("7", "s3://b/")), "quotes: False"),
    (meant(f"{ADD} PARTITION (`k` = '7') {HERE}", ("7", "s3://b/"), types={"k": "int"}), "quotes: True"),
    (meant(f"{ADD} PARTITION (`k` = -7) {HERE}", ("-7", "s3://b/"), types={"k": "int"}), "Hive refuses it"),
    (
        meant(f"{ADD} PARTITION (`k` = 'x') {HERE} PARTITION (`K` = 'x') {HERE}", ("x", "s3://b/"), ("x", "s3://b/")),
        "stands there twice",
    ),
    (meant(f"{ADD} PARTITION (`k` = 'x', `K` = 'y') {HERE}", ("x", "s3://b/")), "stands twice in a partition"),
    (meant(f"{ADD} PARTITION (`k` = 'x') {HERE}", ("x", "s3://b/")) | {"table": "d.u"}, "its table is"),
    (meant("DROP IF EXISTS PARTITION (`k` = 'it''s')", ("it's", None)) | {"removal": True}, "the values are"),
    (meant("DROP IF EXISTS PARTITION (`k` > 'x')", ("x", None)) | {"removal": True}, "not compared once and by `=`"),
    (meant("DROP PARTITION (`k` = 'x')", ("x", None)) | {"removal": True}, "it has no IF EXISTS"),
    (meant("DROP IF EXISTS PARTITION (`k` = 'x'), PARTITION (`k` = 'y')", ("x", None)) | {"removal": True}, "more than one"),
    (meant(f"{ADD} PARTITION (`k` = 'x') {HERE}", ("x", None)) | {"removal": True}, "it is another statement"),
]


def test_itself(hive):
    """A check that lets a wrong statement pass checks nothing: it is shown some."""
    for statement in RIGHT:
        check(hive, statement)
    for statement, expected in WRONG:
        try:
            check(hive, statement)
        except NotAsMeant as difference:
            if expected not in str(difference):
                raise
        else:
            sys.exit(f"this statement is found to be as meant: {json.dumps(statement, ensure_ascii=False)}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("file", nargs="?", metavar="FILE", type=argparse.FileType(encoding="utf-8"))
    file = arguments.parse_args().file
    if not shutil.which("java"):
        print("hive.py: there is no `java` here, so Hive has read nothing", file=sys.stderr)
        sys.exit(1 if os.environ.get("CI") else 0)
    text = file.read() if file else subprocess.run(STATEMENTS, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout.decode()
    if not text.strip():
        sys.exit("there are no statements")
    started = time.monotonic()
    hive = Hive()
    statements = partitions = different = 0
    try:
        test_itself(hive)
        # Not splitlines(), which also splits where a value has one of Unicode's other ends of a line.
        for line in text.rstrip("\n").split("\n"):
            statement = json.loads(line)
            statements += 1
            partitions += len(statement["partitions"])
            try:
                check(hive, statement)
            except NotAsMeant as difference:
                different += 1
                print(f"{difference}\n  {statement['sql'][:2000]}\n", file=sys.stderr)
    finally:
        hive.close()
    seconds = time.monotonic() - started
    print(f"Hive reads {statements} statements with {partitions} partitions in {seconds:.0f} s; {different} not as meant")
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
