"""`cargo lambda watch`, as long as a `with` statement lasts."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

LONGEST_START = 30  # seconds until it listens
LONGEST_STOP = 10


class Watch:
    """Runs the functions with the variables of a deployment, and an Athena on a port of this machine."""

    def __init__(self, variables, athena_port):
        self.port = free_port()
        self.scratch = tempfile.TemporaryDirectory()
        self.log = Path(self.scratch.name, "log")
        env_file = Path(self.scratch.name, "env")
        env_file.write_text(variables)
        command = ["cargo", "lambda", "watch", "--ignore-changes", "--env-file", str(env_file)]
        command += ["--invoke-address", "127.0.0.1", "--invoke-port", str(self.port)]
        # Nothing of the user's own settings: the maintainer talks to our Athena.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment |= {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{athena_port}",
            "AWS_REGION": "eu-west-1",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
        }
        # A group of its own, so that the functions which it starts can be ended with it.
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def __enter__(self):
        deadline = time.monotonic() + LONGEST_START
        try:
            while not listens(self.port):
                if self.process.poll() is not None:
                    raise SystemExit(f"`cargo lambda watch` ended:\n{self.last_lines()}")
                if time.monotonic() > deadline:
                    raise SystemExit(f"`cargo lambda watch` does not listen:\n{self.last_lines()}")
                time.sleep(0.05)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def last_lines(self):
        """The end of what it printed, metrics left out."""
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if '"_aws"' not in line]
        return "\n".join(lines[-20:])

    def stop(self):
        self.process.terminate()  # it stops the functions
        try:
            self.process.wait(LONGEST_STOP)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.scratch.cleanup()


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
