#!/bin/sh
# The local stack and the tests run a real Redis. Installs one with apt-get where there is none, and says so first.
set -eu
if command -v redis-server >/dev/null 2>&1 || command -v valkey-server >/dev/null 2>&1; then exit 0; fi
if ! command -v apt-get >/dev/null 2>&1; then
  echo "Neither redis-server nor valkey-server is on the PATH. Install one: dnf install valkey (Fedora), brew install redis (macOS)." >&2
  exit 1
fi
as_root=""
if [ "$(id -u)" -ne 0 ]; then as_root="sudo"; fi
echo "Neither redis-server nor valkey-server is on the PATH: installing redis-server now (${as_root:+$as_root }apt-get install redis-server)."
$as_root apt-get update -qq
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq redis-server >/dev/null
