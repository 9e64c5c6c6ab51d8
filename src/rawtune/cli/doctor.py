"""``rawtune doctor``."""

import json
from pathlib import Path

import click


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def doctor(as_json: bool) -> int:
    """Test models, endpoint, key, disk, GPU and versions, and name the remedy for each fault.

    Makes one call of a single token to the configured teacher. Exit code 2 if anything is amiss.
    """
    from rawtune.doctor import examine

    checks = []
    for check in examine(Path.cwd()):
        checks.append(check)
        if not as_json:
            click.echo(f"{'FAULT' if check.remedy else 'ok':<6} {check.name}: {check.found}")
            if check.remedy:
                click.echo(f"{'':<6} remedy: {check.remedy}")
    if as_json:
        click.echo(json.dumps([check._asdict() for check in checks], ensure_ascii=False, indent=2))
    return 2 if any(check.remedy for check in checks) else 0


COMMANDS = {"doctor": doctor}
