/** Warnings about fields that were left out: one per field, and a bounded number per item. */
import { type Issue, issue } from './issue.ts';

/**
 * An item of 256 KiB can name 30,000 unknown fields; answering each would make answers far larger than requests. The last warning
 * of such an item stands for the rest, so that nothing is ignored silently.
 */
const MAX_WARNINGS = 250;

/** Adds an `ignored_field` warning. */
export function ignoredField(warnings: Issue[], index: number | undefined, field: string, message: string): void {
  if (warnings.length < MAX_WARNINGS) warnings.push(issue(index, field, 'ignored_field', message));
  else if (warnings.length === MAX_WARNINGS) {
    warnings.push(issue(index, '', 'ignored_field', 'More fields of this item were ignored; send only fields that exist.'));
  }
}
