/** What is left of a header when case, spaces, punctuation and diacritics do not matter: its letters and digits. */
const MARKS = /\p{M}+/gu;
const APART = /[^\p{L}\p{N}]+/gu;

/** `E-Mail Adresse`, `email_adresse` and `EMailAdresse` are one header. */
export function foldHeader(header: string): string {
  return header.slice(0, 200).normalize('NFKD').replace(MARKS, '').toLowerCase().replaceAll('ß', 'ss').replace(APART, '');
}
