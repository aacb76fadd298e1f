export function renderDocs(_document: Record<string, unknown>): string {
  return '';
}
