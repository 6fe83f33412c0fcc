"""moto's server (https://docs.getmoto.org), as long as a `with` statement lasts."""

import os
import subprocess
import time

from watch import free_port, listens

LONGEST_START = 30  # seconds until it listens


class Moto:
    """S3, SQS, Glue, streams and more at `url`. With a recording, that file gets each request, a line each."""

    def __init__(self, recording=None):
        self.settings = {} if recording is None else {"MOTO_ENABLE_RECORDING": "1", "MOTO_RECORDER_FILEPATH": str(recording)}

    def __enter__(self):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            ["moto_server", "-H", "127.0.0.1", "-p", str(port)],
            env=os.environ | self.settings,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + LONGEST_START
        while not listens(port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise SystemExit("moto's server does not start")
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
