"""A server on this machine, in a thread of its own."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server:
    """Answers each request as `answer` says: method, headers and body in; a status, a body and headers out. A body that is not
    bytes is JSON, as AWS's services write it. Nothing out closes the connection. It ends with a `with` statement, or else with
    the program."""

    def __init__(self, answer, port=0):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"  # connections stay open, as those to AWS do
            # Head and body are two segments, and the second must not wait for the first to be acknowledged.
            disable_nagle_algorithm = True

            def handle_one(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                answered = answer(self.command, self.headers, body)
                if answered is None:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                status, body, *headers = answered
                headers = dict(*headers)
                if not isinstance(body, bytes):
                    body, headers = json.dumps(body).encode(), headers | {"Content-Type": "application/x-amz-json-1.1"}
                self.send_response(status)
                for name, value in (headers | {"Content-Length": len(body)}).items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_HEAD = do_POST = do_PUT = handle_one

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
