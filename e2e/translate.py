#!/usr/bin/env python3
"""Turns template.yaml into plain CloudFormation, as AWS does when a stack is deployed, without AWS.

    python e2e/translate.py [--template FILE] [--config-env NAME] [Name=Value …] > plain.json

The values of the environment, and over them those given here, take the place of the parameters' defaults, so the result
stands for one deployment. Each must be one that CloudFormation would accept. Exit status 2 and a message for each fault
otherwise.
"""

import argparse
import copy
import functools
import json
import os
import re
import sys
from pathlib import Path

from samconfig import ENVIRONMENTS, ROOT, options
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse


class Refused(Exception):
    """The template, or a parameter's value, is not one that CloudFormation would take. Holds every fault found."""

    def __init__(self, faults):
        super().__init__("\n".join(faults))


def translate(template_text, values=None):
    """The plain template of one deployment: SAM's resources replaced, parameters' values as their defaults."""
    template = copy.deepcopy(_parsed(template_text))
    parameters = template.get("Parameters", {})
    values = values or {}
    faults = [fault for name, value in values.items() for fault in _faults_of(name, value, parameters)]
    if faults:
        raise Refused(faults)
    for name, value in values.items():
        parameters[name]["Default"] = value
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            # `sam package` puts the address of the upload here; the translator takes no folder.
            resource["Properties"]["CodeUri"] = "s3://bucket/code.zip"
    # The translator asks boto3 for the region, to choose the partition.
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    # The empty map: no managed policies here, and looking them up would need AWS.
    translator = Translator({}, Parser())
    try:
        return translator.translate(template, dict(values))
    except InvalidDocumentException as error:
        raise Refused([cause.message for cause in error.causes]) from error
    finally:
        translator.metrics.publish()  # to nobody; it complains of metrics left unpublished


@functools.cache
def _parsed(template_text):
    return yaml_parse(template_text)


def _faults_of(name, value, parameters):
    if name not in parameters:
        yield f"parameter `{name}` is not in the template"
        return
    rules = parameters[name]
    if "AllowedValues" in rules and value not in rules["AllowedValues"]:
        yield f"parameter `{name}` is `{value}`, allowed are {', '.join(rules['AllowedValues'])}"
    if rules["Type"] == "Number" and not rules["MinValue"] <= int(value) <= rules["MaxValue"]:
        yield f"parameter `{name}` is `{value}`, allowed are {rules['MinValue']} to {rules['MaxValue']}"
    if "AllowedPattern" in rules and not re.fullmatch(rules["AllowedPattern"], value):
        yield f"parameter `{name}` is `{value}`, but {rules['ConstraintDescription']}"
    if len(value) > rules.get("MaxLength", len(value)):
        yield f"parameter `{name}` has {len(value)} characters, {rules['MaxLength']} are allowed"


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--template", type=Path, default=ROOT / "template.yaml")
    arguments.add_argument("--config-env", choices=ENVIRONMENTS)
    arguments.add_argument("values", nargs="*", metavar="Name=Value")
    given = arguments.parse_args()
    strays = [value for value in given.values if "=" not in value]
    if strays:
        arguments.error(f"not of the form Name=Value: {', '.join(strays)}")
    values = options(given.config_env)["parameter_overrides"] if given.config_env else {}
    values |= dict(value.split("=", 1) for value in given.values)
    try:
        plain = translate(given.template.read_text(), values)
    except (OSError, Refused) as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    json.dump(plain, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
