"""Athena as far as the partition maintainer asks for it: every statement succeeds at once, and is kept.

https://docs.aws.amazon.com/athena/latest/APIReference/Welcome.html
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Athena:
    """A service on 127.0.0.1, in a thread of its own. `statements` are those that were started, in order."""

    def __init__(self, port):
        self.statements = []
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
            case _:
                return refusal(f"expected StartQueryExecution or GetQueryExecution, got {operation}")


def refusal(message):
    return 400, {"__type": "InvalidRequestException", "Message": message}
