"""The command line: parse, call, print.

There is one file for each command or group of commands, beside what they all use.
"""

from collections.abc import Callable

import typer

from mimbench.cli import (
    app_page,
    card,
    compare,
    data,
    explain,
    gate,
    init,
    judge,
    log,
    report,
    run,
    runs,
    score,
    table,
    tools,
)
from mimbench.cli.root import app, main, show_help

__all__ = ["app", "main"]

COMMANDS: dict[str, Callable[..., object]] = {
    "run": run.run,
    "report": report.report,
    "score": score.score,
    "explain": explain.explain,
    "table": table.table,
    "compare": compare.compare,
    "card": card.card,
    "verify": judge.verify,
    "gate": gate.gate,
    "subgroups": judge.subgroups,
    "log": log.log,
    "app": app_page.app_page,
    "init": init.init,
    "list": tools.list_names,
    "check": tools.check,
    "corrupt": tools.corrupt,
    "export-conditions": tools.export_conditions,
}
ON_IMAGES: dict[str, Callable[..., object]] = {
    "get": data.get,
    "show": data.show,
    "check": data.check,
    "export": data.export,
    "phantom": data.phantom,
}

for name, command in COMMANDS.items():
    app.command(name)(command)
images = typer.Typer(
    callback=show_help, invoke_without_command=True, help="Look at images before using them."
)
for name, command in ON_IMAGES.items():
    images.command(name)(command)
app.add_typer(images, name="data")
on_disk = typer.Typer(cls=runs.RunsGroup, help="Results on disk: list, compact, clean.")
on_disk.command("list")(runs.list_runs)
on_disk.command("compact")(runs.compact)
on_disk.command("clean")(runs.clean)
app.add_typer(on_disk, name="runs")
