import { describe, expect, test } from 'vitest';
import { IMPORT_FIELDS } from './headers/dictionary.ts';
import { suggestedMapping, validateMapping } from './mapping.ts';
import { suggestMapping } from './suggest-mapping.ts';

const suggest = (...headers: string[]): (string | null)[] => suggestMapping(headers, []).map((column) => column.suggestion);

describe('header matching', () => {
  test.each([
    'Email',
    'EMAIL',
    ' e-mail ',
    'E_Mail',
    'Émail',
    'e.mail:',
    'Ｅｍａｉｌ',
    'emailAddress',
    'E-Mail Adresse',
    'Courriel',
    'Correo electrónico',
    'Endereço de e-mail',
  ])('case, spaces, punctuation and diacritics do not matter: %j', (header) => {
    expect(suggest(header)).toEqual(['email']);
  });

  test.each(IMPORT_FIELDS.map((field) => [field]))('the columns of an export map to their fields: %s', (field) => {
    expect(suggest(field)).toEqual([field]);
    expect(suggest(field.replaceAll('_', ' ').toUpperCase())).toEqual([field]);
    expect(suggest(field.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()))).toEqual([field]);
  });

  test.each([
    ['German', 'Vorname Nachname E-Mail Telefon Straße PLZ Land Bundesland Sprache'],
    ['French', 'Prénom Nom Courriel Téléphone Adresse CP Pays Région Langue'],
    ['Spanish', 'Nombre Apellidos Correo Teléfono Dirección C.P. País Provincia Idioma'],
    ['Portuguese', 'Nome Sobrenome E-mail Telefone Endereço CEP País Estado Idioma'],
    ['Italian', 'Nome Cognome E-mail Telefono Indirizzo CAP Paese Provincia Lingua'],
  ])('the usual words in %s', (_, words) => {
    expect(suggest(...words.split(' '))).toEqual([
      ...['first_name', 'last_name', 'email', 'phone', 'address_line_1', 'postcode', 'country', 'state', 'language'],
    ]);
  });

  test.each([
    ...[
      'E-mail 1 - Type',
      'E-mail 1 - Label',
      'Email Opt-in',
      'Email Opt Out',
      'Email Status',
      'Email Marketing Consent',
      'E-mail Type',
      'E-mail Display Name',
    ],
    ...[
      'Phone Type',
      'Phone 1 - Type',
      'Phone Number Consent',
      'Address 1 - Type',
      'Address 1 - Formatted',
      'City',
      'Company',
      'Company Name',
      'Birthday',
      'Contact owner',
    ],
    ...[
      'Nickname',
      'File Name',
      'Account Name',
      'Country Manager',
      'Title Case',
      'Last Email Sent',
      'Secondary Email',
      'Emails sent',
      'Updated At',
      'Tags',
      '',
      '-',
      '123',
    ],
  ])('look-alikes stay unmapped: %j', (header) => {
    expect(suggest('email', header)).toEqual(['email', null]);
  });

  test('each field at most once: the more specific header wins', () => {
    expect(suggest('Title', 'Job Title')).toEqual([null, 'job_title']);
    expect(suggest('Job Title', 'Title')).toEqual(['job_title', null]);
    expect(suggest('Address', 'Address 1')).toEqual([null, 'address_line_1']);
  });

  test('then Phone over Mobile', () => {
    expect(suggest('Mobile', 'Phone')).toEqual([null, 'phone']);
    expect(suggest('Mobile', 'Fax')).toEqual(['phone', null]);
    expect(suggest('Home Phone', 'Business Phone', 'Mobile Phone')).toEqual([null, null, 'phone']);
  });

  test('then the leftmost', () => {
    expect(suggest('E-mail', 'Email', 'email')).toEqual(['email', null, null]);
  });

  test('Name is the full name, or what its neighbours leave', () => {
    expect(suggest('Name', 'Email')).toEqual(['full_name', 'email']);
    expect(suggest('Name', 'Vorname')).toEqual(['last_name', 'first_name']);
    expect(suggest('Name', 'Last name')).toEqual(['first_name', 'last_name']);
    expect(suggest('Name', 'First Name', 'Last name')).toEqual(['full_name', 'first_name', 'last_name']);
    expect(suggest('Name', 'Full name')).toEqual([null, 'full_name']);
  });
});

describe('types and samples', () => {
  const columns = suggestMapping(
    ['Email', 'Points', 'Since', 'Data', 'Phone', 'Nothing', 'Text'],
    [
      ['a@b.co', '1,5', '01/02/2024', '{"a":1}', '+49 170 1234567', '', 'x'],
      ['b@b.co', '2', '2024-01-01 10:00:00', '[]', '(415) 555-2671', ' ', '5'],
    ],
  );

  test('each column has a type and its first values', () => {
    expect(columns.map((column) => column.type)).toEqual(['email', 'number', 'datetime', 'json', 'phone', 'empty', 'string']);
    expect(columns[0]).toEqual({
      index: 0,
      header: 'Email',
      suggestion: 'email',
      confidence: 1,
      type: 'email',
      samples: ['a@b.co', 'b@b.co'],
    });
    expect(columns[5]).toMatchObject({ suggestion: null, confidence: 0, samples: [] });
  });

  test('values that contradict the header halve the confidence, and never overrule it', () => {
    expect(suggestMapping(['email'], [['none'], ['n/a']])[0]).toMatchObject({ suggestion: 'email', confidence: 0.5 });
  });

  test('without a header: from types, an email-shaped column is the email', () => {
    const rows = [
      ['Ada', 'a@b.co', '+442079460958', 'a2@b.co'],
      ['Bob', 'b@b.co', '', 'b2@b.co'],
    ];
    expect(suggestMapping(['', '', '', ''], rows).map((column) => column.suggestion)).toEqual([null, 'email', 'phone', null]);
    expect(suggestMapping(['Who', 'Where'], [['Ada', 'a@b.co']]).map((column) => column.suggestion)).toEqual([null, null]);
  });
});

describe('validateMapping', () => {
  const codes = (mapping: Record<string, string | null>): [string | null, string][] =>
    validateMapping(mapping, 3).map((fault) => [fault.column, fault.code]);

  test('every column can be mapped or ignored by hand', () => {
    expect(codes({ 0: 'custom_json_5', 2: 'email', 1: null })).toEqual([]);
    expect(codes(suggestedMapping(suggestMapping(['email', 'x', 'phone'], [])))).toEqual([]);
  });

  test('no column mapped to email: email_not_mapped', () => {
    expect(codes({})).toEqual([[null, 'email_not_mapped']]);
    expect(codes({ 0: null, 1: 'phone' })).toEqual([[null, 'email_not_mapped']]);
  });

  test('unknown columns, unknown fields, fields mapped twice: every fault is named', () => {
    expect(codes({ 3: 'email', '-1': null, '01': null, x: null })).toEqual([
      ['3', 'unknown_column'],
      ['-1', 'unknown_column'],
      ['01', 'unknown_column'],
      ['x', 'unknown_column'],
    ]);
    expect(codes({ 0: 'email', 1: 'email', 2: 'updated_at' })).toEqual([
      ['1', 'field_mapped_twice'],
      ['2', 'unknown_field'],
    ]);
    expect(codes({ 0: 'email', 1: '__proto__', 2: 'constructor' }).map(([, code]) => code)).toEqual(['unknown_field', 'unknown_field']);
  });
});
