"""samconfig.toml, as the SAM CLI reads it.

    python e2e/samconfig.py    # the names of the environments, a line each
"""

import tomllib
from pathlib import Path

from samcli.cli.types import CfnParameterOverridesType

ROOT = Path(__file__).resolve().parent.parent

SAMCONFIG = tomllib.loads((ROOT / "samconfig.toml").read_text())

# `default` is left out: it is the same as component-metrics, which a test holds.
ENVIRONMENTS = [name for name, commands in SAMCONFIG.items() if isinstance(commands, dict) and name != "default"]


def options(environment):
    """What an environment says to `sam deploy`. `parameter_overrides` are values by the parameters' names."""
    commands = SAMCONFIG[environment]
    given = commands.get("global", {}).get("parameters", {}) | commands.get("deploy", {}).get("parameters", {})
    values = CfnParameterOverridesType().convert(given.get("parameter_overrides", ""), None, None)
    return given | {"parameter_overrides": values}


if __name__ == "__main__":
    print(*ENVIRONMENTS, sep="\n")
