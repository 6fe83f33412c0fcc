#!/bin/sh
# Builds the harness, the peers and the function as it is deployed; `setup.sh clean` removes what that leaves.
# Needs Rust, Python 3.11 with pip, and what `sam build` needs (../e2e/run installs it below target/e2e/venv).
set -e
cd "$(dirname "$0")"

if [ "$1" = clean ]; then
    rm -rf runtime-api-bench/target peers/*/target peers/python/venv events
    find . -name __pycache__ -prune -exec rm -rf {} +
    exit
fi

for crate in runtime-api-bench peers/rust-floor peers/rust-naive; do
    cargo build --release --manifest-path $crate/Cargo.toml
done
(
    cd peers/python
    "${PYTHON:-python3}" -m venv --without-pip --clear venv
    python3 -m pip --python venv/bin/python install --quiet --requirement requirements.txt
)
python3 make_events.py events
cd .. && sam build FirehoseTransformFunction --parameter-overrides Architecture=x86_64
