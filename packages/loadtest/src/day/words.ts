/** Names as people have them, and the values that real exports hold in the other fields. */

export type Origin = {
  readonly given: readonly [string, ...string[]];
  readonly family: readonly [string, ...string[]];
  /** As people write it. */
  readonly country: readonly [string, ...string[]];
  readonly language: string;
  readonly timezone: string;
  /** Valid numbers, in the forms in which they are written. */
  readonly phone: readonly [string, ...string[]];
  readonly postcode: string;
};

export const ORIGINS: readonly [Origin, ...Origin[]] = [
  {
    given: ['Olivia', 'Noah', 'Siobhán', 'Dwayne “The Rock”', 'Mary-Jane', 'J. R.'],
    family: ["O'Brien", 'Smith', 'MacDonald-Price', "D'Souza", 'Null', 'St. John'],
    country: ['UK', 'United Kingdom', 'GB', 'gbr', 'Great Britain'],
    language: 'en_GB',
    timezone: 'Europe/London',
    phone: ['+44 20 7946 0018', '020 7946 0018', '+44 (0)20 7946 0018'],
    postcode: 'EC1A 1BB',
  },
  {
    given: ['James', 'Emma 🎉', 'Søren', 'Zoë', 'LaTonya'],
    family: ['Johnson', 'van der Berg', 'Garcia', 'O’Hara', 'Nguyễn'],
    country: ['USA', 'United States', 'us', 'United States of America'],
    language: 'en-US',
    timezone: 'America/New_York',
    phone: ['(415) 555-2671', '+1 415-555-2671', '415.555.2671'],
    postcode: '94107',
  },
  {
    given: ['Jürgen', 'Käthe', 'Björn', 'Anna-Lena'],
    family: ['Müller', 'Groß', 'von der Heide', 'Öztürk'],
    country: ['Germany', 'DE', 'deu'],
    language: 'de_DE',
    timezone: 'Europe/Berlin',
    phone: ['030 901820', '+49 30 901820', '0049 30 901820'],
    postcode: '10178',
  },
  {
    given: ['Élodie', 'François', 'Maëlle', 'Jean-Luc'],
    family: ["L'Hôpital", 'Lefèvre', "D'Aubigné", 'Nuñez'],
    country: ['France', 'fr'],
    language: 'fr-FR',
    timezone: 'Europe/Paris',
    phone: ['01 42 68 53 00', '+33 1 42 68 53 00'],
    postcode: '75001',
  },
  {
    given: ['José', 'Íñigo', 'María del Mar'],
    family: ['Muñoz', 'García Lorca', 'Peña'],
    country: ['Spain', 'ESP'],
    language: 'es',
    timezone: 'Europe/Madrid',
    phone: ['91 411 11 11', '+34 914 111 111'],
    postcode: '28001',
  },
  {
    given: ['Łukasz', 'Święta', 'Żaneta'],
    family: ['Wójcik', 'Błaszczykowski', 'Śliwa'],
    country: ['Poland', 'PL'],
    language: 'pl-PL',
    timezone: 'Europe/Warsaw',
    phone: ['22 694 60 00', '+48 22 694 60 00'],
    postcode: '00-001',
  },
  {
    given: ['محمد', 'فاطمة', 'נועה', 'דוד'],
    family: ['الحسن', 'بن علي', 'כהן', 'לוי'],
    country: ['Israel', 'IL'],
    language: 'he-IL',
    timezone: 'Asia/Jerusalem',
    phone: ['02-675-3333', '+972 2-675-3333'],
    postcode: '9195015',
  },
  {
    given: ['太郎', '花子', 'さくら'],
    family: ['山田', '佐藤', '𠮷田'],
    country: ['Japan', 'JPN', 'jp'],
    language: 'ja_JP',
    timezone: 'Asia/Tokyo',
    phone: ['03-3224-5000', '+81 3-3224-5000'],
    postcode: '100-0001',
  },
  {
    given: ['Дмитрий', 'Олександра', 'Γιώργος'],
    family: ['Иванов', 'Шевченко', 'Παπαδόπουλος'],
    country: ['Ukraine', 'UKR'],
    language: 'uk-UA',
    timezone: 'Europe/Kyiv',
    phone: ['044 279 4400', '+380 44 279 4400'],
    postcode: '01001',
  },
];

/** Local parts of addresses; the person's number follows, so each is one address. */
export const LOCALS = [
  ...(['info', 'j.smith', "o'brien", 'anna-lena', 'first.last+news', 'zoë', 'josé', 'müller', 'иван', 'sales_emea'] as const),
] as const satisfies readonly string[] as readonly [string, ...string[]];

export const PROVIDERS: readonly [string, ...string[]] = ['mail', 'webmail', 'bücher', 'corp-mail', 'post'];
export const JOBS: readonly [string, ...string[]] = ['Engineer', 'Head of “Growth”', 'CEO & Founder', 'Ärztin', '営業部長', 'n/a'];
export const PLANS: readonly [string, ...string[]] = ['free', 'team', 'business', 'Enterprise ™'];

/** What stands in phone columns and is no phone number. */
export const BAD_PHONES: readonly [string, ...string[]] = ['call me', '12', 'n/a', '+1 000 000 0000', '☎ see CRM'];
export const BAD_COUNTRIES: readonly [string, ...string[]] = ['Atlantis', 'Deutschlnd', '??'];

export const CAMPAIGNS: readonly [string, ...string[]] = ['spring-sale', 'weekly-digest', 'onboarding', 'black-friday', 'winback'];
export const SUBJECTS: readonly [string, ...string[]] = [
  'Your weekly digest',
  '50% off — today only 🔥',
  'Ваш заказ отправлен',
  'We miss you, {{first_name}}!',
  'تم شحن طلبك',
];
export const LINKS: readonly [string, ...string[]] = [
  'https://shop.example/p/1042?utm_source=mail&utm_campaign=spring',
  'https://shop.example/häuser/größe-xl',
  'https://shop.example/unsubscribe',
  'https://docs.example/#section%202',
];
export const AGENTS: readonly [string, ...string[]] = ['Apple Mail 17', 'Gmail image proxy', 'Outlook 365', 'Thunderbird 128'];
