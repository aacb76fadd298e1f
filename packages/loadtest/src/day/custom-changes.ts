/** What happens to a custom event after it was created. */
import { random } from '../random.ts';

export type CustomChange = 'update' | 'resend' | 'delete' | 'restore';

/** The changes of key `k`, in order; those of one key are sent in one request, so that their order is kept. */
export function changesOf(seed: number, k: number): readonly CustomChange[] {
  const at = random(seed, 'custom-change', k).next();
  if (at < 0.2) return ['update'];
  if (at < 0.24) return ['resend'];
  if (at < 0.3) return ['delete'];
  if (at < 0.32) return ['delete', 'restore'];
  if (at < 0.33) return ['update', 'delete'];
  return [];
}
