#!/bin/sh
# Writes .env for docker compose, once: random secrets, readable by the owner only. An existing file is left as it is.
set -eu
cd "$(dirname "$0")/.."
if [ -e .env ]; then exit 0; fi
random() { od -An -tx1 -N"$1" /dev/urandom | tr -d ' \n'; }
umask 077
cat > .env.new <<EOF
# Secrets of this installation. Keep a copy of MUSTER_HASH_KEY: with another one, erased addresses are no longer recognised.
COMPOSE_PROJECT_NAME=muster
MUSTER_POSTGRES_PASSWORD=$(random 24)
MUSTER_CLICKHOUSE_PASSWORD=$(random 24)
MUSTER_HASH_KEY=$(random 32)
MUSTER_BOARD_PASSWORD=$(random 12)
# Key of the workspace "demo", with every scope. Empty it for an installation without that workspace.
MUSTER_DEV_KEY=mk_$(random 20)
EOF
mv .env.new .env
echo "Wrote .env with new secrets."
