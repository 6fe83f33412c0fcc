"""Whether the checks of template.yaml would find what can be wrong with it: each kind of fault is planted in a copy.

What finds it is one of three: the translation, cfn-lint on what it gives, or our own rules (template_test.py). Each fault is
of a kind that AWS would refuse, or take and then do something else.
"""

import functools
import json
import unittest

import template_test
from cfnlint.api import ManualArgs, lint
from deployment import TEMPLATE, Deployment
from translate import Refused, translate

ENVIRONMENT = "component-metrics"

# Name, what stands in the template, and what is put in its place, once.
PLANTED = [
    # What is refused because of its shape.
    ("a property that there is not", "ShardCount: 1 #", "Shards: 1 #"),
    ("a value that is none of those", "CompressionFormat: !Ref CompressionFormat", "CompressionFormat: BZIP2"),
    ("a buffer that is too large", "SizeInMBs: 64 #", "SizeInMBs: 129 #"),
    ("an interval that is too long", "IntervalInSeconds: 60 #", "IntervalInSeconds: 901 #"),
    ("an attribute that there is not", "BucketARN: !GetAtt DataBucket.Arn", "BucketARN: !GetAtt DataBucket.Name"),
    ("a resource that there is not", "Bucket: !Ref DataBucket", "Bucket: !Ref Databucket"),
    ("a required property left out", "        BucketARN: !GetAtt DataBucket.Arn\n", ""),
    ("an effect that is none", "Effect: Allow", "Effect: Allowed"),
    ("a processor's kind that is none", "Type: Lambda\n", "Type: Lamda\n"),
    ("an event that SAM does not know", "Type: SQS\n", "Type: SQQ\n"),
    ("an architecture that is none", "AllowedValues: [arm64, x86_64]", "AllowedValues: [arm65]"),
    ("a runtime that there is not", "Runtime: provided.al2023", "Runtime: provided.al2022"),
    ("a batch that is too large", "BatchSize: 100", "BatchSize: 20000"),
    ("a message that is back too early", "VisibilityTimeout: 360", "VisibilityTimeout: 30"),
    ("an action that IAM does not know", "sqs:ReceiveMessage", "sqs:RecieveMessage"),
    ("references in a circle", "${AWS::StackName}-data-${AWS::AccountId}-${AWS::Region}\n              StringEquals",
     "${DataBucket}\n              StringEquals"),
    # What is accepted, and refused by the service, or not at all.
    ("a buffer too small for partitions", "SizeInMBs: 64 #", "SizeInMBs: 1 #"),
    ("an interval too short for partitions", "IntervalInSeconds: 60 #", "IntervalInSeconds: 30 #"),
    ("no error prefix", "        ErrorOutputPrefix: !Ref ErrorPrefix\n", ""),
    ("an event that S3 does not know", "s3:ObjectCreated:*", "s3:ObjectCreate:*"),
    ("the partition of other regions", "arn:${AWS::Partition}:glue", "arn:aws-cn:glue"),
    ("a switch left out", "          Enabled: true # left out, Firehose stores false\n", ""),
    ("compression of what is converted", "CompressionFormat: !Ref CompressionFormat\n", "CompressionFormat: GZIP\n"),
    ("no right to a version of the function", "                  - !Sub ${FirehoseTransformFunction.Arn}:*\n", ""),
    # What works, and does something else.
    ("another layout for one function", "S3_PREFIX: !Ref S3Prefix", "S3_PREFIX: data/"),
    ("a column that the contract does not have", "{ Name: maxvalue, Type: double }", "{ Name: maximum, Type: double }"),
    ("a partition key that is a column, too", "{ Name: maxvalue, Type: double }", "{ Name: componentname, Type: string }"),
    ("a table that reads another format", "org.openx.data.jsonserde.JsonSerDe", "org.apache.hadoop.hive.serde2.OpenCSVSerde"),
    ("an extension that hides what is compressed", "                - .gz\n", "                - .json\n"),
    ("projection to other folders", "${DataBucket}/${!componentname}/", "${DataBucket}/data/${!componentname}/"),
    ("a batch that fails as one", "              - ReportBatchItemFailures\n", "              []\n"),
    ("a right that is not needed", "                  - sqs:ReceiveMessage\n", "                  - sqs:ReceiveMessage\n                  - sqs:PurgeQueue\n"),
    ("a right on everything", "Resource: !GetAtt FirehoseTransformLogGroup.Arn", 'Resource: "*"'),
    ("a bucket that everybody may see", "BlockPublicPolicy: true", "BlockPublicPolicy: false"),
    ("requests without TLS", 'aws:SecureTransport: "false"', 'aws:SecureTransport: "true"'),
    ("a queue that any bucket may send to", "              ArnEquals:\n", "              ArnLike:\n"),
    ("data that goes with the stack", "    DeletionPolicy: RetainExceptOnCreate\n", ""),
    ("a log that is kept for ever", "      RetentionInDays: 30 # longer", "      # longer"),
    ("an alarm on what there is not", "MetricName: FailedConversion.Records", "MetricName: FailedConversions"),
    ("an alarm without a paragraph", "operations.md#queue-age", "operations.md#queue-depth"),
    ("a row of the dashboard", '"title": "Volume delivered"', '"title": "Delivered"'),
    ("an expired message before its time", "MessageRetentionPeriod: 345600", "MessageRetentionPeriod: 1200"),
]  # fmt: skip


def planted(place, change):
    if place not in TEMPLATE:
        raise AssertionError(f"`{place}` is not in the template")
    return TEMPLATE.replace(place, change, 1)


def found_by_translation(text):
    try:
        translate(text)
    except Refused:
        return True
    return False


def found_by_cfn_lint(text):
    plain = json.dumps(translate(text), indent=1)
    return bool(lint(plain, config=ManualArgs(regions=["us-east-1"])))


def found_by_own_rules(text):
    """Whether any of our tests fails. What cannot even be read counts."""
    originals = template_test.TEMPLATE, template_test.Deployment
    template_test.TEMPLATE = text
    template_test.Deployment = functools.partial(Deployment, template=text)
    template_test.deployment.cache_clear()
    try:
        names = unittest.defaultTestLoader.getTestCaseNames(template_test.Template)
        result = unittest.TestResult()
        result.failfast = True
        unittest.TestSuite(template_test.Template(name, ENVIRONMENT) for name in names).run(result)
        return not result.wasSuccessful()
    finally:
        template_test.TEMPLATE, template_test.Deployment = originals
        template_test.deployment.cache_clear()


CHECKS = {"translation": found_by_translation, "cfn-lint": found_by_cfn_lint, "own rules": found_by_own_rules}


class Planted(unittest.TestCase):
    def test_the_template_as_it_is_has_nothing_to_find(self):
        self.assertEqual([], [name for name, finds in CHECKS.items() if finds(TEMPLATE)])

    def test_each_fault_is_found(self):
        self.assertEqual(len(PLANTED), len({name for name, _, _ in PLANTED}))
        found = {}
        for name, place, change in PLANTED:
            text = planted(place, change)
            found[name] = next((check for check, finds in CHECKS.items() if finds(text)), None)
        self.assertEqual([], [name for name, check in found.items() if check is None])
        counts = {check: list(found.values()).count(check) for check in CHECKS}
        print(f"{len(found)} planted faults:", ", ".join(f"{count} by {check}" for check, count in counts.items()))


if __name__ == "__main__":
    unittest.main()
