#!/bin/bash
# Runs the end-to-end tests where there is no network but loopback, and where all they start and
# mount is gone when they end: in namespaces of their own. Needs root. Arguments go to Jest.
set -euo pipefail
cd "$(dirname "$0")/../.."

TMPDIR=$(mktemp -d -t entrepot-e2e.XXXXXX)
export TMPDIR
trap 'rm -rf --one-file-system "$TMPDIR"' EXIT

inside='ip link set lo up && mount -t tmpfs tmpfs /run && exec "$@"'
unshare --net --mount --pid --fork --kill-child --mount-proc sh -c "$inside" sh \
  node --experimental-vm-modules --disable-warning=ExperimentalWarning \
  node_modules/jest/bin/jest.js --config jest.e2e.config.mjs "$@"
