"""Athena and Glue as far as the partition maintainer asks for them: every statement succeeds at once, and is kept.

https://docs.aws.amazon.com/athena/latest/APIReference/Welcome.html
https://docs.aws.amazon.com/glue/latest/webapi/WebAPI_Welcome.html
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Athena:
    """A service on 127.0.0.1, in a thread of its own. `statements` are those that were started, in order; the table has these
    partition columns, all of them text, and no partitions as far as Glue says."""

    def __init__(self, port, columns):
        self.statements = []
        self.columns = columns
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"  # connections stay open, as those to AWS do

            def do_POST(self):
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, reply = service.answer(self.headers["X-Amz-Target"], request)
                body = json.dumps(reply).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()

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
