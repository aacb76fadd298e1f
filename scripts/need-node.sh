#!/bin/sh
# Says what to do when Node is missing or too old.
if ! command -v node >/dev/null 2>&1; then
  echo "Node.js is not on the PATH. Install Node 20.19 or newer (the current LTS is a good choice)." >&2
  exit 1
fi
if ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'; then
  echo "Node $(node -p process.versions.node) is too old: install Node 20.19 or newer (the current LTS is a good choice)." >&2
  exit 1
fi
