/** Reads the JSON report as somebody else's program would: from the file, not from our types. */
import { z } from 'zod';

const counts = z.object({ requests: z.number(), sent: z.number(), accepted: z.number(), rejected: z.number() });
const latency = z.object({ p50: z.number(), p90: z.number(), p99: z.number(), max: z.number() });
const balance = z.record(z.string(), z.number());

const report = z.object({
  total: counts,
  calls: z.record(z.string(), counts.extend({ latency_ms: latency })),
  latency_ms: latency,
  open_loop: z.object({ late_requests: z.number(), unsent_items: z.number() }).nullable(),
  duplicates_expected: z.number(),
  balance: z.object({ before: balance, after: balance, difference: balance }),
  ok: z.boolean(),
});
export type ReadReport = z.infer<typeof report>;

export function readReport(text: string): ReadReport {
  return report.parse(JSON.parse(text));
}
