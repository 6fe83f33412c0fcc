#!/usr/bin/env python3
"""template.yaml as CloudFormation would work it out for one deployment, without AWS.

    python e2e/deployment.py NAME [Parameter=Value …] > resolved.json

What it prints has no conditions and no functions any more, for linters that do not follow them.
"""

import functools
import json
import re
import sys

from samconfig import ROOT, options
from translate import translate

TEMPLATE = (ROOT / "template.yaml").read_text()

# The region with the longest name that AWS has so far, for the lengths of bucket names.
REGION = "ap-southeast-1"
ACCOUNT = "123456789012"

# What CloudFormation calls a Ref of these types: a property, by the way to it. A Ref of any other is its logical id here.
NAME_PROPERTY = {
    "AWS::Athena::WorkGroup": ["Name"],
    "AWS::Glue::Database": ["DatabaseInput", "Name"],
    "AWS::Glue::Table": ["TableInput", "Name"],
    "AWS::Logs::LogGroup": ["LogGroupName"],
    "AWS::Logs::LogStream": ["LogStreamName"],
    "AWS::S3::Bucket": ["BucketName"],
}

# What `AWS::NoValue` becomes, until the field or the item is left out.
NO_VALUE = object()


class Deployment:
    """The template as one environment of samconfig.toml would deploy it."""

    def __init__(self, environment, changes=None, template=TEMPLATE):
        given = options(environment)
        self.plain = translate(template, given["parameter_overrides"] | (changes or {}))
        self.pseudo = {
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": "aws",
            "AWS::Region": REGION,
            "AWS::StackName": given["stack_name"],
            "AWS::URLSuffix": "amazonaws.com",
        }
        self.parameters = {name: rules["Default"] for name, rules in self.plain["Parameters"].items()}
        self.made = self.without_the_others(self.plain["Resources"])
        self.resources = self.resolve(self.made)
        self.outputs = self.resolve(self.without_the_others(self.plain["Outputs"]))

    def without_the_others(self, section):
        """A section of the template without what has a condition that does not hold."""
        return {name: part for name, part in section.items() if self.holds({"Condition": part.get("Condition")})}

    def holds(self, condition):
        match condition:
            case {"Condition": None}:
                return True
            case {"Condition": name}:
                return self.holds(self.plain["Conditions"][name])
            case {"Fn::Equals": [left, right]}:
                return self.resolve(left) == self.resolve(right)
            case {"Fn::Not": [inner]}:
                return not self.holds(inner)
            case {"Fn::And": parts}:
                return all(map(self.holds, parts))
            case {"Fn::Or": parts}:
                return any(map(self.holds, parts))
            case _:
                raise NotImplementedError(f"condition {json.dumps(condition)}")

    def broken_rules(self):
        """What the rules of the template say to its parameters, before anything is made."""
        return [
            assertion["AssertDescription"]
            for rule in self.plain["Rules"].values()
            if self.holds(rule.get("RuleCondition", {"Condition": None}))
            for assertion in rule["Assertions"]
            if not self.holds(assertion["Assert"])
        ]

    def resolve(self, value):
        """`value` with its intrinsic functions worked out; an unknown one is an error, so that none is passed over."""
        match value:
            case {"Ref": "AWS::NoValue"}:
                return NO_VALUE
            case {"Fn::If": [condition, then, otherwise]}:
                return self.resolve(then if self.holds({"Condition": condition}) else otherwise)
            case {"Ref": name}:
                return self.ref(name)
            case {"Fn::GetAtt": [resource, attribute]}:
                return self.attribute(resource, attribute)
            case {"Fn::Sub": str(text)}:
                return self.resolve({"Fn::Sub": [text, {}]})
            case {"Fn::Sub": [text, dict(own)]}:
                own = self.resolve(own)
                text = re.sub(r"\$\{([^!}][^}]*)}", lambda hole: own[hole[1]] if hole[1] in own else self.hole(hole[1]), text)
                return text.replace("${!", "${")
            case {"Fn::Select": [place, choices]}:
                return self.resolve(choices)[int(place)]
            case {"Fn::Split": [delimiter, text]}:
                return self.resolve(text).split(delimiter)
            case dict() if any(key.startswith("Fn::") for key in value):
                raise NotImplementedError(f"intrinsic function in {json.dumps(value)}")
            case dict():
                resolved = {key: self.resolve(part) for key, part in value.items()}
                return {key: part for key, part in resolved.items() if part is not NO_VALUE}
            case list():
                return [part for part in map(self.resolve, value) if part is not NO_VALUE]
            case _:
                return value

    def hole(self, name):
        return self.attribute(*name.split(".", 1)) if "." in name else self.ref(name)

    def ref(self, name):
        if name in self.parameters:
            return self.parameters[name]
        if name in self.pseudo:
            return self.pseudo[name]
        resource = self.made[name]  # a reference to what is not made would be refused
        name_property = NAME_PROPERTY.get(resource["Type"])
        if not name_property:
            return name
        return self.resolve(functools.reduce(dict.__getitem__, name_property, resource["Properties"]))

    def attribute(self, resource, attribute):
        kind = self.made[resource]["Type"]
        if (kind, attribute) == ("AWS::SQS::Queue", "QueueName"):
            return self.ref(resource)
        if attribute != "Arn":
            raise NotImplementedError(f"attribute `{attribute}` of a {kind}")
        if kind == "AWS::S3::Bucket":
            return f"arn:aws:s3:::{self.ref(resource)}"
        if kind == "AWS::IAM::Role":
            return f"arn:aws:iam::{ACCOUNT}:role/{resource}"
        return f"arn:aws:{kind.split('::')[1].lower()}:{REGION}:{ACCOUNT}:{resource}"

    def properties(self, logical_id):
        return self.resources[logical_id]["Properties"]

    def of_type(self, kind):
        return {name: resource["Properties"] for name, resource in self.resources.items() if resource["Type"] == kind}

    def destination(self):
        return self.properties("DeliveryStream")["ExtendedS3DestinationConfiguration"]

    def table(self):
        """The description of the one table that is made."""
        [table] = [table for name, table in self.of_type("AWS::Glue::Table").items() if name != "ErrorTable"]
        return table["TableInput"]

    def arns_of_the_table(self):
        """The table's ARN and those of all that it stands in: Glue wants a right on each."""
        glue, database = f"arn:aws:glue:{REGION}:{ACCOUNT}:", self.parameters["DatabaseName"]
        return {f"{glue}catalog", f"{glue}database/{database}", f"{glue}table/{database}/{self.table()['Name']}"}

    def widgets(self):
        return json.loads(self.properties("Dashboard")["DashboardBody"])["widgets"]

    def environment_of(self, function):
        return self.properties(function)["Environment"]["Variables"]

    def processor(self):
        """The parameters of the Lambda processor."""
        processors = self.destination()["ProcessingConfiguration"]["Processors"]
        [parameters] = [processor["Parameters"] for processor in processors if processor["Type"] == "Lambda"]
        return {parameter["ParameterName"]: parameter["ParameterValue"] for parameter in parameters}

    def statements(self):
        """Each statement of each policy, with the logical id of the resource that it stands in."""
        for name, resource in self.resources.items():
            for document in values_of(resource, {"PolicyDocument", "AssumeRolePolicyDocument"}):
                for statement in listed(document["Statement"]):
                    yield name, statement

    def rights_of(self, role):
        """Each action that a role's policies allow, with the resources that it allows it on."""
        rights = {}
        for document in values_of(self.properties(role)["Policies"], {"PolicyDocument"}):
            for statement in listed(document["Statement"]):
                for action in listed(statement["Action"]):
                    rights.setdefault(action, set()).update(listed(statement["Resource"]))
        return rights


def values_of(value, keys):
    """What stands under one of `keys`, anywhere in `value`."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key in keys:
                yield part
            yield from values_of(part, keys)
    elif isinstance(value, list):
        for part in value:
            yield from values_of(part, keys)


def listed(value):
    return value if isinstance(value, list) else [value]


def main():
    environment, *values = sys.argv[1:]
    it = Deployment(environment, dict(value.split("=", 1) for value in values))
    json.dump({"Resources": it.resources}, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
