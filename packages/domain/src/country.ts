/**
 * Countries as people write them → ISO 3166-1 alpha-2: the code itself, alpha-3, or an English name; `UK` is `GB`.
 * Letter case, diacritics, punctuation, `&`/`and` and a leading "the" do not matter. One table, built once at load.
 */
import countries from 'i18n-iso-countries/index.js';
import english from 'i18n-iso-countries/langs/en.json' with { type: 'json' };

/** Names in common use that the ISO list writes differently. */
const COMMON_NAMES: Record<string, string> = {
  America: 'US',
  'Bolivia, Plurinational State of': 'BO',
  Bosnia: 'BA',
  Britain: 'GB',
  'British Virgin Islands': 'VG',
  Brunei: 'BN',
  Burma: 'MM',
  'Cabo Verde': 'CV',
  'Cape Verde': 'CV',
  'Cocos Islands': 'CC',
  'Congo-Brazzaville': 'CG',
  'Congo-Kinshasa': 'CD',
  'Congo, Democratic Republic of the': 'CD',
  'Congo, The Democratic Republic of the': 'CD',
  'Congo, Republic of the': 'CG',
  Congo: 'CG',
  'DR Congo': 'CD',
  DRC: 'CD',
  'East Timor': 'TL',
  England: 'GB',
  Eswatini: 'SZ',
  'Falkland Islands': 'FK',
  'Federated States of Micronesia': 'FM',
  'Great Britain': 'GB',
  Holland: 'NL',
  'Holy See': 'VA',
  'Hong Kong SAR': 'HK',
  'Iran, Islamic Republic of': 'IR',
  'Korea, South': 'KR',
  'Korea, North': 'KP',
  "Korea, Democratic People's Republic of": 'KP',
  "Democratic People's Republic of Korea": 'KP',
  'North Korea': 'KP',
  'South Korea': 'KR',
  Kosovo: 'XK',
  Laos: 'LA',
  "Lao People's Democratic Republic": 'LA',
  Libya: 'LY',
  Macau: 'MO',
  Macao: 'MO',
  Macedonia: 'MK',
  Micronesia: 'FM',
  Moldova: 'MD',
  Myanmar: 'MM',
  'Northern Ireland': 'GB',
  'Palestinian Territories': 'PS',
  'Palestinian Territory': 'PS',
  'Republic of Ireland': 'IE',
  'Republic of Moldova': 'MD',
  'Republic of Korea': 'KR',
  'Russian Federation': 'RU',
  'Saint Martin': 'MF',
  Scotland: 'GB',
  'Sint Maarten': 'SX',
  'St. Kitts and Nevis': 'KN',
  'St. Lucia': 'LC',
  'St. Vincent and the Grenadines': 'VC',
  Swaziland: 'SZ',
  Syria: 'SY',
  Tanzania: 'TZ',
  'The Bahamas': 'BS',
  'United Kingdom of Great Britain and Northern Ireland': 'GB',
  'United Republic of Tanzania': 'TZ',
  'US Virgin Islands': 'VI',
  'Vatican City': 'VA',
  Vatican: 'VA',
  'Venezuela, Bolivarian Republic of': 'VE',
  Venezuela: 'VE',
  Vietnam: 'VN',
  'Viet Nam': 'VN',
  Wales: 'GB',
};

const MARKS = /\p{M}+/gu;
const APART = /[^\p{L}\p{N}]+/gu;

/** Reduces a name to letters, digits and single spaces. Dots and apostrophes join: `U.S.A.` is `usa`. */
function fold(name: string): string {
  const words = name
    .normalize('NFD')
    .replace(MARKS, '')
    .toLowerCase()
    .replace(/[.'’`]/g, '')
    .replace(/&/g, ' and ')
    .replace(APART, ' ')
    .trim();
  return words.startsWith('the ') ? words.slice(4) : words;
}

function buildTable(): Map<string, string> {
  const table = new Map<string, string>();
  for (const [code, names] of Object.entries(english.countries)) {
    for (const name of Array.isArray(names) ? names : [names]) table.set(fold(name), code);
  }
  for (const [name, code] of Object.entries(COMMON_NAMES)) table.set(fold(name), code);
  for (const [alpha2, alpha3] of Object.entries(countries.getAlpha2Codes())) {
    table.set(fold(alpha2), alpha2);
    table.set(fold(alpha3), alpha2);
  }
  table.set('uk', 'GB');
  return table;
}

const TABLE = buildTable();
const EXACT = new Set(TABLE.values());

/** ISO 3166-1 alpha-2 code of a trimmed text, or null when it is not recognised. */
export function normaliseCountry(text: string): string | null {
  if (text.length === 2 && EXACT.has(text)) return text;
  if (text.length > 100) return null;
  return TABLE.get(fold(text)) ?? null;
}
