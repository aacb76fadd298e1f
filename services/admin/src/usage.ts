export const USAGE = `Administration of Muster.

  npm run admin -- <command>          from a checkout
  node dist/admin.mjs <command>       in the image

Commands
  migrate                             bring both databases to this version's schema; safe to repeat
  bootstrap --workspace W --key KEY   make the workspace W and let KEY do everything in it, without a rate limit; safe to repeat
                                      (without --key: the key in MUSTER_DEV_KEY)
  workspace create NAME [--timezone ZONE] [--country CODE]
  workspace list
  key create --workspace W --name N --scopes ingest,read,write,admin [--rate ITEMS_PER_SECOND]
                                      prints the key, this once
  key list --workspace W
  key revoke --workspace W --id ID
  balance [--workspace W]             accepted items by what became of them, and what still waits
  verify [--workspace W]              recount the balance and compare the two databases; names the contacts that differ; audits segments
  segments audit [--workspace W] [--timeout SECONDS]
                                      compute the members of every segment anew and compare them with the stored ones
  mirror rebuild [--workspace W]      write the profiles and memberships of Postgres into ClickHouse again, while traffic runs
  help

The databases are named by MUSTER_POSTGRES_URL, MUSTER_REDIS_URL and MUSTER_CLICKHOUSE_URL (docs/operating.md lists every variable);
without them the command means the local stack that runs in MUSTER_DATA_DIR (.muster).`;
