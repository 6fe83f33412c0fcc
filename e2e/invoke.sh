#!/usr/bin/env bash
# Every sample event through both functions, as a user runs them: `cargo lambda watch`, with the variables of the
# deployment, and `cargo lambda invoke`. Replies and statements are held against the snapshots of the tests.
#
#     python3 -m venv DIR && DIR/bin/pip install --requirement e2e/requirements.txt
#     PATH=DIR/bin:$PATH e2e/invoke.sh
set -euo pipefail
cd "$(dirname "$0")/.."

export PYTHONDONTWRITEBYTECODE=1
export NO_PROXY=127.0.0.1

scratch=$(mktemp -d)
stop() {
  local tenths
  kill $(jobs -p) 2> /dev/null || true # `watch` stops the functions
  for ((tenths = 0; tenths < 100; tenths++)); do
    [[ -n $(jobs -pr) ]] || break
    sleep 0.1
  done
  kill -KILL $(jobs -pr) 2> /dev/null || true
  rm -rf "$scratch"
}
trap stop EXIT
trap 'exit 1' INT TERM

fail() {
  echo "e2e/invoke.sh: $*" >&2
  if [[ -s $scratch/log ]]; then
    echo 'The last lines of `cargo lambda watch`, metrics left out:'
    grep --invert-match '"_aws"' "$scratch/log" | tail -n 20
  fi >&2
  exit 1
}

free_ports() {
  python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(each.getsockname()[1] for each in sockets))'
}

command -v cargo-lambda > /dev/null || fail 'cargo-lambda is not on PATH: see the first lines of this script'

# What `watch` would build at the first event, while that one waits.
cargo build --quiet --bin firehose-transform --bin partition-maintainer
cargo run --quiet -- env > "$scratch/env"

# Nothing of the user's own settings: the maintainer talks to the Athena of invoke.py.
unset -v "${!AWS_@}"
read -r watch_port athena_port < <(free_ports)
AWS_ENDPOINT_URL=http://127.0.0.1:$athena_port AWS_REGION=eu-west-1 AWS_CONFIG_FILE=/dev/null \
  AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none \
  cargo lambda watch --ignore-changes --invoke-address 127.0.0.1 --invoke-port "$watch_port" \
  --env-file "$scratch/env" > "$scratch/log" 2>&1 &
watch=$!

for ((tenths = 0; ; tenths++)); do
  (exec 3<> "/dev/tcp/127.0.0.1/$watch_port") 2> /dev/null && break
  kill -0 "$watch" 2> /dev/null || fail '`cargo lambda watch` ended'
  ((tenths < 300)) || fail '`cargo lambda watch` does not listen after 30 seconds'
  sleep 0.1
done

# In the background, so that a signal stops it as well.
python3 e2e/invoke.py "$watch_port" "$athena_port" &
wait $! || fail 'not every answer is as the snapshots have it'
