"""``rawtune try``."""

import json
from dataclasses import asdict

import click

from rawtune.printable import printable
from rawtune.project import Project


@click.command("try")
@click.option("--passage", "number", default=1, show_default=True, help="Which passage, counted from 1.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def attempt(number: int, as_json: bool) -> None:
    """Show prompt, raw reply, parsed row and cost for one passage; a later run does not pay for it again."""
    with Project() as project:
        trial = project.attempt(number)
        price = project.price
    cost = sum(reply.cost for _, reply in trial.exchanges if reply.cost is not None)
    tokens = [
        sum(reply.prompt_tokens for _, reply in trial.exchanges),
        sum(r.completion_tokens for _, r in trial.exchanges),
    ]
    if as_json:
        exchanges = [
            {"request": json.loads(request.canonical), "reply": asdict(reply)} for request, reply in trial.exchanges
        ]
        click.echo(
            json.dumps(
                {"passage": asdict(trial.passage), "exchanges": exchanges, "outcome": asdict(trial.outcome)},
                ensure_ascii=False,
                indent=2,
            )
        )
        return
    shown: tuple[object, ...] = ()
    for request, reply in trial.exchanges:
        for message in request.messages:
            if message not in shown:
                click.secho(f"── {message.role}", bold=True)
                click.echo(printable(message.content))
        shown += request.messages
        if request.schema:
            click.secho("── may reply", bold=True)
            click.echo(json.dumps(request.schema, ensure_ascii=False))
        click.secho(f"── reply ({reply.finish_reason}, {reply.latency:.2f} s)", bold=True)
        click.echo(printable(reply.text))
    click.secho(f"── {trial.outcome.state}", bold=True)
    if row := trial.outcome.example:
        for column, text in zip(project.config.columns, (row.question, row.answer), strict=True):
            click.echo(printable(f"{column}: {text}"))
    else:
        click.echo(printable(trial.outcome.reason))
    known = price and all(reply.cost is not None for _, reply in trial.exchanges)
    money = f"{cost:.6f} {price.currency}" if price and known else "unknown (the price was not known when it was asked)"
    click.echo(f"tokens: {tokens[0]} in, {tokens[1]} out; cost: {money}")


COMMANDS = {"try": attempt}
