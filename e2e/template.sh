#!/usr/bin/env bash
# Everything that can be said of template.yaml without AWS: whether it is valid, whether what AWS would make of it is
# clean, whether it keeps this project's own rules, whether these would find what can be wrong with it, and whether
# `sam build` builds both functions from it.
#
#     python3 -m venv DIR && DIR/bin/pip install --requirement e2e/requirements.txt
#     python3 -m venv DIR-checkov && DIR-checkov/bin/pip install --requirement e2e/requirements-checkov.txt
#     CHECKOV=DIR-checkov/bin/checkov PATH=DIR/bin:$PATH e2e/template.sh
#
# The second is for checkov alone; CHECKOV is target/e2e/checkov-venv/bin/checkov if it is not set, where e2e/run puts it.
set -euo pipefail
cd "$(dirname "$0")/.."

export SAM_CLI_TELEMETRY=0
export AWS_DEFAULT_REGION=us-east-1 # nothing is sent there: SAM and cfn-lint want to know one
export PYTHONDONTWRITEBYTECODE=1

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

section() { printf '\n== %s\n' "$*"; }

# Of the template alone: it takes no parameters' values.
section 'sam validate'
sam validate
sam validate --lint

# cfn-lint does not look into SAM's resources, so it gets the plain template of each environment too. It follows
# conditions both ways by itself.
section 'cfn-lint on the translated template'
python e2e/samconfig.py > "$scratch/environments"
while read -r environment; do
  python e2e/translate.py --config-env "$environment" > "$scratch/$environment.json"
done < "$scratch/environments"
python e2e/translate.py Architecture=x86_64 > "$scratch/x86_64.json"
cfn-lint --regions "$AWS_DEFAULT_REGION" --template "$scratch"/*.json

# checkov follows no conditions, so it gets each environment worked out, and one with all that no environment has.
section 'checkov on the resolved template'
mkdir "$scratch/resolved"
while read -r environment; do
  python e2e/deployment.py "$environment" > "$scratch/resolved/$environment.json"
done < "$scratch/environments"
python e2e/deployment.py traffic Source=dynamodb KmsKey=new PartitionRegistration=projection > "$scratch/resolved/all.json"
"${CHECKOV:-target/e2e/checkov-venv/bin/checkov}" --config-file e2e/checkov.yaml --directory "$scratch/resolved"

section 'own rules, and what they find'
python -m unittest discover --start-directory e2e --pattern '*_test.py'

# Only ever for this machine's own kind of processor: for another, cargo-lambda would have rustup download a target.
# SAM 1.170 hands no flags on to cargo, so the lock file is checked apart.
section 'sam build'
cargo metadata --locked --format-version 1 > /dev/null
rm -rf .aws-sam/build
sam build --parameter-overrides Architecture=x86_64
python - FirehoseTransformFunction PartitionMaintainerFunction << 'PYTHON'
import sys, zipfile
from pathlib import Path

for function in sys.argv[1:]:
    bootstrap = Path(".aws-sam/build", function, "bootstrap")
    program = bootstrap.read_bytes()
    # ELF: magic, then 2 for 64 bits, and in bytes 18 and 19 the machine, 0x3e for x86-64.
    if program[:5] != b"\x7fELF\x02" or program[18:20] != b"\x3e\x00":
        sys.exit(f"{bootstrap} is not a program for x86-64")
    if not bootstrap.stat().st_mode & 0o100:
        sys.exit(f"{bootstrap} cannot be executed")
    archive = bootstrap.parent.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.write(bootstrap, "bootstrap")
    size = archive.stat().st_size
    archive.unlink()
    if size > 50_000_000:  # Lambda's quota
        sys.exit(f"{bootstrap} is {size:,} bytes as an archive; Lambda takes 50 MB")
    if len(program) > 10_000_000:  # ours: what is larger takes longer to start
        sys.exit(f"{bootstrap} has {len(program):,} bytes; expected 10 MB at most")
    print(f"{function}: {len(program):,} bytes, {size:,} as an archive")
PYTHON
