"""Athena and Glue as far as the partition maintainer asks for them: every statement succeeds at once, and is kept.

https://docs.aws.amazon.com/athena/latest/APIReference/Welcome.html
https://docs.aws.amazon.com/glue/latest/webapi/WebAPI_Welcome.html
"""

import json

from server import Server


class Athena(Server):
    """A service on 127.0.0.1, in a thread of its own. `statements` are those that were started, in order; the table has these
    partition columns, all of them text, and no partitions as far as Glue says."""

    def __init__(self, port, columns):
        self.statements = []
        self.columns = columns
        super().__init__(lambda _, headers, body: self.answer(headers["X-Amz-Target"], json.loads(body)), port)

    def answer(self, operation, request):
        match operation:
            case "AmazonAthena.StartQueryExecution":
                token = request.get("ClientRequestToken", "")
                if not (32 <= len(token) <= 128 and request.get("WorkGroup")):
                    return refusal("expected ClientRequestToken, of 32 to 128 characters, and WorkGroup")
                self.statements.append(request["QueryString"])
                return 200, {"QueryExecutionId": f"query-{len(self.statements)}"}
            case "AmazonAthena.GetQueryExecution":
                query = request["QueryExecutionId"]
                status = {"State": "SUCCEEDED"}
                return 200, {"QueryExecution": {"QueryExecutionId": query, "Status": status}}
            case "AWSGlue.GetTable":
                keys = [{"Name": column, "Type": "string"} for column in self.columns]
                return 200, {"Table": {"Name": request["Name"], "PartitionKeys": keys}}
            case "AWSGlue.BatchGetPartition":
                return 200, {"Partitions": [], "UnprocessedKeys": []}
            case _:
                return refusal(f"expected an operation of Athena or Glue that the maintainer needs, got {operation}")


def refusal(message):
    return 400, {"__type": "InvalidRequestException", "Message": message}
