"""The README says what there is: each command, option, exit code and member of the report, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import typer

from soniquescan import cli
from soniquescan.messages import ErrorKind
from soniquescan.report import ExitCode
from tests.unit.reports import make_report

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def table(heading):
    """The rows of the table with that heading, each as a list of cells."""
    lines = README[README.index(heading) :].splitlines()[2:]
    rows = lines[: next(number for number, line in enumerate(lines) if not line.startswith("|"))]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def commands(command, name=""):
    """Each command that does something, by name."""
    children = getattr(command, "commands", {})
    if not children:
        yield name, command
    for child_name, child in children.items():
        yield from commands(child, f"{name} {child_name}".strip())


COMMANDS = dict(commands(typer.main.get_command(cli.app)))
OF_ALL_OR_NONE = {"--help", "--version", "--debug"}


def test_every_command_is_in_the_table():
    spelled = [name for row in table("| command |") for name in re.findall(r"`([^`]+)`", row[0])]
    named = [" ".join(re.findall(r"\b[a-z]+\b", name.partition(" --")[0])) for name in spelled]

    assert [name.removeprefix("soniquescan ") for name in named] == list(COMMANDS)


def test_every_option_is_in_the_table_with_its_commands():
    listed = {
        re.search(r"--[a-z-]+", option)[0]: {name.strip() for name in names.split(",")}
        for option, names, _ in table("| option |")
    }
    having = {}
    for name, command in COMMANDS.items():
        for option in (parameter.opts[0] for parameter in command.params if parameter.opts[0].startswith("--")):
            having.setdefault(option, set()).add(name)

    assert having.pop("--dsn") == set(COMMANDS) - {"db start", "db stop"}
    assert listed.pop("--dsn") == {"all but `db start`", "`db stop`"}
    assert {option: names for option, names in having.items() if option not in OF_ALL_OR_NONE} == {
        option: names for option, names in listed.items() if option not in OF_ALL_OR_NONE
    }


def test_every_exit_code_is_in_the_table():
    codes = [int(code) for row in table("| code |") for code in row[0].split(", ")]

    assert sorted(codes) == sorted(ExitCode)


def test_every_member_of_the_report_is_named_in_its_order():
    line = next(line for line in README.splitlines() if line.startswith("`scan --json` writes one object"))
    named = [name for name in re.findall(r"`(\w+)`", line) if name not in {"error_rate", "cpu_utilization"}]
    report = make_report().document(2)
    of_a_stage = [name for name in report["stages"][0] if name != "name"]

    expected = [name for name in report if name not in {"error_rate", "cpu_utilization"}]
    assert named == [*expected, "name", *of_a_stage]
    assert "`error_rate` and `cpu_utilization`" in line


def test_every_kind_of_error_is_named():
    line = next(line for line in README.splitlines() if line.startswith("Kinds of errors: "))

    assert set(re.findall(r"`([a-z_]+)`", line)) == set(ErrorKind)
