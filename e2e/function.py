"""A built function behind Lambda's Runtime API, as long as a `with` statement lasts.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import os
import queue
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LONGEST_WAIT = 60  # seconds for one answer
LONGEST_LOG = 5  # seconds until what was written is read


class Function:
    """Starts a program as Lambda starts a function, and hands it one event after the other.

    It may be run by a command before it. What it and the command say is in `lines`.
    """

    def __init__(self, program, variables, command=()):
        self.events, self.answers, self.asked = queue.Queue(), queue.Queue(), threading.Event()
        self.invocations, self.lines = 0, []
        self.server = Server(("127.0.0.1", 0), RuntimeApi)
        self.server.function = self
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        environment = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": "function",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_LOG_GROUP_NAME": "function",
            "AWS_LAMBDA_LOG_STREAM_NAME": "function",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "PATH": os.environ["PATH"],
        }
        begun = time.perf_counter()
        self.process = subprocess.Popen(
            [*command, str(program)], env=environment | variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True)
        self.reader.start()
        self.asked.wait(LONGEST_WAIT)
        # Seconds from its start until it asks for its first event.
        self.cold_start = self.first_asked - begun if self.asked.is_set() else None

    def __enter__(self):
        if self.cold_start is None:
            self.stop()
            raise SystemExit(f"{self.process.args[0]} did not ask for an event:\n{''.join(self.lines)}")
        return self

    def __exit__(self, *_):
        self.stop()

    def invoke(self, event, seconds=LONGEST_WAIT):
        """The reply to an event, or what it says is wrong as `{"error": …}`. It has so many seconds."""
        self.invocations += 1
        deadline = round((time.time() + seconds) * 1000)
        self.events.put((f"request-{self.invocations}", deadline, json.dumps(event, separators=(",", ":")).encode()))
        try:
            return self.answers.get(timeout=seconds + 5)
        except queue.Empty:
            raise SystemExit(f"no answer in {seconds} seconds:\n{''.join(self.lines)}") from None

    def log(self):
        """What it has logged so far. A line of an invocation is written before its answer, but may be read after it."""
        end = time.perf_counter() + LONGEST_LOG
        while sum('"_aws"' in line for line in self.lines) < self.invocations and time.perf_counter() < end:
            time.sleep(0.005)
        return [json.loads(line) for line in self.lines if line.startswith("{")]

    def cpu_seconds(self):
        """The processor time that it has taken so far."""
        with open(f"/proc/{self.process.pid}/schedstat") as file:
            return int(file.read().split()[0]) / 1e9

    def resident_bytes(self):
        """The memory that it has now."""
        with open(f"/proc/{self.process.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()
        self.events.put(None)
        self.server.shutdown()
        self.server.server_close()


class Server(ThreadingHTTPServer):
    def handle_error(self, *_):
        pass  # the function is ended while it waits for an event


class RuntimeApi(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body are two segments, and the second must not wait for the first to be acknowledged.
    disable_nagle_algorithm = True

    def do_GET(self):
        function = self.server.function
        if not function.asked.is_set():
            function.first_asked = time.perf_counter()
            function.asked.set()
        event = function.events.get()
        if event is None:
            self.close_connection = True
            return
        request_id, deadline, body = event
        headers = {
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": deadline,
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-west-1:123456789012:function:function",
        }
        self.answer(200, body, headers)

    def do_POST(self):
        reply = json.loads(self.body())
        self.answer(202, b"{}", {})
        self.server.function.answers.put(reply if self.path.endswith("/response") else {"error": reply})

    def body(self):
        if "Content-Length" in self.headers:
            return self.rfile.read(int(self.headers["Content-Length"]))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in (headers | {"Content-Type": "application/json", "Content-Length": len(body)}).items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass
