#!/usr/bin/env bash
# Every sample event through both functions, as a user runs them: `cargo lambda watch`, with the variables of a deployment,
# and `cargo lambda invoke`. Replies and statements are held against the snapshots of the tests.
#
#     python3 -m venv DIR && DIR/bin/pip install --requirement e2e/requirements.txt
#     PATH=DIR/bin:$PATH e2e/invoke.sh
set -euo pipefail
cd "$(dirname "$0")/.."

export PYTHONDONTWRITEBYTECODE=1
export NO_PROXY=127.0.0.1

command -v cargo-lambda > /dev/null || {
  echo 'e2e/invoke.sh: cargo-lambda is not on PATH: see the first lines of this script' >&2
  exit 1
}

# What `watch` would build at the first event, while that one waits.
cargo build --quiet --bin headgate --bin firehose-transform --bin partition-maintainer
exec python3 e2e/invoke.py
