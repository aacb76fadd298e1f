import { describe, expect, test } from 'vitest';
import { normaliseCountry } from './country.ts';
import { normaliseLanguage } from './language.ts';
import { normalisePhone } from './phone.ts';

describe('country', () => {
  test.each([
    ['DE', 'DE'],
    ['de', 'DE'],
    ['deu', 'DE'],
    ['Germany', 'DE'],
    ['UK', 'GB'],
    ['uk', 'GB'],
    ['U.K.', 'GB'],
    ['United Kingdom', 'GB'],
    ['GREAT BRITAIN', 'GB'],
    ['USA', 'US'],
    ['U.S.A.', 'US'],
    ['united states', 'US'],
    ['United States of America', 'US'],
    ['The Netherlands', 'NL'],
    ['Holland', 'NL'],
    ["Côte d'Ivoire", 'CI'],
    ['COTE D’IVOIRE', 'CI'],
    ['Türkiye', 'TR'],
    ['Turkey', 'TR'],
    ['Russia', 'RU'],
    ['South Korea', 'KR'],
    ['Korea, Republic of', 'KR'],
    ['Viet Nam', 'VN'],
    ['Vietnam', 'VN'],
    ['Czechia', 'CZ'],
    ['Trinidad & Tobago', 'TT'],
    ['Bosnia and Herzegovina', 'BA'],
    ['Curaçao', 'CW'],
    ['Hong-Kong', 'HK'],
    ['Congo', 'CG'],
    ['Democratic Republic of the Congo', 'CD'],
    ['Kosovo', 'XK'],
  ])('stored as ISO 3166-1 alpha-2 when recognised (alpha-3, English name, UK → GB): %s → %s', (text, code) => {
    expect(normaliseCountry(text)).toBe(code);
  });

  test.each(['Atlantis', 'Deutschland', 'X', 'ZZ', '276', 'Berlin, Germany', '-', '__proto__', 'constructor', 'x'.repeat(100)])(
    'anything else is not recognised: %j',
    (text) => {
      expect(normaliseCountry(text)).toBeNull();
    },
  );
});

describe('language', () => {
  test.each([
    ['en', 'en'],
    ['EN', 'en'],
    ['en_US', 'en-US'],
    ['pt-br', 'pt-BR'],
    ['zh_hans_cn', 'zh-Hans-CN'],
    ['sr-latn', 'sr-Latn'],
    ['es-419', 'es-419'],
    ['iw', 'he'],
    ['gsw', 'gsw'],
    ['de-1996', 'de-1996'],
  ])('BCP 47, _ read as -: %s → %s', (text, tag) => {
    expect(normaliseLanguage(text)).toBe(tag);
    expect(normaliseLanguage(text)).toBe(tag);
  });

  test.each(['english', 'German', 'e', 'en-', '_', 'en--US', 'fr-FR.UTF-8', 'français', '日本語', 'en US', '12'])(
    'anything else is not recognised: %j',
    (text) => {
      expect(normaliseLanguage(text)).toBeNull();
      expect(normaliseLanguage(text)).toBeNull();
    },
  );
});

describe('phone', () => {
  test.each([
    ['+14155552671', null, '+14155552671'],
    ['+1 (415) 555-2671', null, '+14155552671'],
    ['(415) 555-2671', 'US', '+14155552671'],
    ['415.555.2671', 'CA', '+14155552671'],
    ['020 7946 0958', 'GB', '+442079460958'],
    ['+44 (0)20 7946 0958', null, '+442079460958'],
    ['0044 20 7946 0958', 'DE', '+442079460958'],
    ['030 901820', 'DE', '+4930901820'],
    ['06 12 34 56 78', 'FR', '+33612345678'],
    ['+442079460958', 'US', '+442079460958'],
  ])("E.164 when libphonenumber-js recognises it (the contact's country is the hint): %s in %s", (text, country, phone) => {
    expect(normalisePhone(text, country)).toBe(phone);
    expect(normalisePhone(text, country)).toBe(phone);
  });

  test.each([
    ['(415) 555-2671', null],
    ['415 555 2671', 'ZZ'],
    ['020 7946 0958', 'US'],
    ['12345', 'US'],
    ['+1 555', null],
    ['+999123456789', null],
    ['call me', 'US'],
    ['+14155552671 or +14155552672', null],
    ['tel: +14155552671', null],
    ['+1 415 555 2671 ext. 12', null],
    ['+', 'US'],
  ])('anything else is not recognised: %j in %s', (text, country) => {
    expect(normalisePhone(text, country)).toBeNull();
  });

  test('the hint is part of what is remembered', () => {
    expect(normalisePhone('0612345678', 'FR')).toBe('+33612345678');
    expect(normalisePhone('0612345678', 'NL')).toBe('+31612345678');
    expect(normalisePhone('0612345678', null)).toBeNull();
  });
});
