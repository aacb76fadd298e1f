import { readdirSync, readFileSync } from 'node:fs';
import { normaliseContact } from '@muster/domain';
import { describe, expect, test } from 'vitest';
import { compileRow, detectFormats, readRecords, type Sniffed, sniff, suggestedMapping, suggestMapping, validateMapping } from './index.ts';

const FILES = new URL('../fixtures/exports/', import.meta.url);

type Expected = { encoding?: string; delimiter?: string; mapping: Record<string, string>; second: Record<string, unknown> };

const NAMES = { 'First Name': 'first_name', 'Last Name': 'last_name' };
const GRACE = { email: 'grace@example.org', first_name: 'Grace', last_name: 'Hopper' };

/** Per file the headers that are mapped, in the order of the columns, and its second contact in part. */
const EXPECTED: Record<string, Expected> = {
  'mailchimp.csv': {
    mapping: {
      'Email Address': 'email',
      ...NAMES,
      Address: 'address_line_1',
      'Phone Number': 'phone',
      TIMEZONE: 'timezone',
      CC: 'country',
      REGION: 'state',
    },
    second: { ...GRACE, timezone: 'America/New_York', country: 'US', state: 'NY', phone: '+14155552671' },
  },
  'hubspot.csv': {
    mapping: {
      'Record ID': 'external_id',
      ...NAMES,
      Email: 'email',
      'Phone Number': 'phone',
      'Job Title': 'job_title',
      'Street Address': 'address_line_1',
      'State/Region': 'state',
      'Postal Code': 'postcode',
      'Country/Region': 'country',
      'Preferred language': 'language',
      'Time Zone': 'timezone',
      'Create Date': 'created_at',
    },
    second: { ...GRACE, external_id: '10152', country: 'US', created_at: '2023-06-01T07:00:00.000Z' },
  },
  'klaviyo.csv': {
    mapping: {
      Email: 'email',
      ...NAMES,
      Title: 'job_title',
      'Phone Number': 'phone',
      Address: 'address_line_1',
      'Address 2': 'address_line_2',
      'State / Region': 'state',
      Country: 'country',
      'Zip Code': 'postcode',
      'Date Added': 'created_at',
    },
    second: { ...GRACE, job_title: 'Rear Admiral', postcode: '10001' },
  },
  'brevo.csv': {
    delimiter: ';',
    mapping: {
      EMAIL: 'email',
      FIRSTNAME: 'first_name',
      LASTNAME: 'last_name',
      SMS: 'phone',
      EXT_ID: 'external_id',
      JOB_TITLE: 'job_title',
      ADDED_TIME: 'created_at',
    },
    second: { first_name: 'Zoé', external_id: 'cus_18', job_title: 'Chef; cuisine', created_at: '2023-06-13T07:00:00.000Z' },
  },
  'salesforce.csv': {
    mapping: {
      ...NAMES,
      Title: 'job_title',
      'Mailing Street': 'address_line_1',
      'Mailing State/Province': 'state',
      'Mailing Zip/Postal Code': 'postcode',
      'Mailing Country': 'country',
      Phone: 'phone',
      Email: 'email',
      'Contact ID': 'external_id',
      'Created Date': 'created_at',
    },
    second: { ...GRACE, phone: '+14155552671', created_at: '2023-06-12T22:00:00.000Z' },
  },
  'google-contacts.csv': {
    mapping: {
      Name: 'full_name',
      'Given Name': 'first_name',
      'Family Name': 'last_name',
      Language: 'language',
      'E-mail 1 - Value': 'email',
      'Phone 1 - Value': 'phone',
      'Address 1 - Street': 'address_line_1',
      'Address 1 - Region': 'state',
      'Address 1 - Postal Code': 'postcode',
      'Address 1 - Country': 'country',
      'Address 1 - Extended Address': 'address_line_2',
      'Organization 1 - Title': 'job_title',
    },
    second: { ...GRACE, full_name: 'Grace Hopper', job_title: 'Rear Admiral' },
  },
  'google-contacts-2024.csv': {
    mapping: {
      ...NAMES,
      'Organization Title': 'job_title',
      'E-mail 1 - Value': 'email',
      'Phone 1 - Value': 'phone',
      'Address 1 - Country': 'country',
      'Address 1 - Street': 'address_line_1',
      'Address 1 - Region': 'state',
      'Address 1 - Postal Code': 'postcode',
    },
    second: { email: 'zoe@example.org', first_name: 'Zoë', phone: '+4930901820', country: 'DE' },
  },
  'outlook.csv': {
    encoding: 'windows-1252',
    mapping: {
      ...NAMES,
      'Job Title': 'job_title',
      'Business Street': 'address_line_1',
      'Business Street 2': 'address_line_2',
      'Business State': 'state',
      'Business Postal Code': 'postcode',
      'Business Country/Region': 'country',
      'Primary Phone': 'phone',
      'E-mail Address': 'email',
      Language: 'language',
    },
    second: { ...GRACE, job_title: 'Rear Admiral', state: 'NY' },
  },
  'outlook-de.csv': {
    encoding: 'windows-1252',
    delimiter: ';',
    mapping: {
      Vorname: 'first_name',
      Nachname: 'last_name',
      Position: 'job_title',
      'Straße geschäftlich': 'address_line_1',
      'Postleitzahl geschäftlich': 'postcode',
      'Land/Region geschäftlich': 'country',
      Mobiltelefon: 'phone',
      'E-Mail-Adresse': 'email',
      Sprache: 'language',
    },
    second: { first_name: 'Jörg', last_name: 'Groß', job_title: 'Bäcker', postcode: '50667' },
  },
  'activecampaign.csv': {
    mapping: { Email: 'email', ...NAMES, Phone: 'phone', 'Job Title': 'job_title', 'Date Created': 'created_at' },
    second: { ...GRACE, job_title: 'Rear Admiral', created_at: '2023-06-01T07:00:00.000Z' },
  },
  'constant-contact.csv': {
    mapping: {
      'Email address': 'email',
      'First name': 'first_name',
      'Last name': 'last_name',
      'Job title': 'job_title',
      'Phone - mobile': 'phone',
      'Street address line 1 - Home': 'address_line_1',
      'State/Province - Home': 'state',
      'Zip/Postal Code - Home': 'postcode',
      'Country - Home': 'country',
      'Created At': 'created_at',
    },
    second: { ...GRACE, postcode: '10001', created_at: '2023-06-01T13:00:00.000Z' },
  },
  'zoho.csv': {
    mapping: {
      'Record Id': 'external_id',
      ...NAMES,
      Email: 'email',
      Title: 'job_title',
      Phone: 'phone',
      'Created Time': 'created_at',
      'Full Name': 'full_name',
      'Mailing Street': 'address_line_1',
      'Mailing State': 'state',
      'Mailing Zip': 'postcode',
      'Mailing Country': 'country',
    },
    second: { ...GRACE, external_id: 'zcrm_4876876000000333002', full_name: 'Grace Hopper' },
  },
  'pipedrive.csv': {
    mapping: {
      'Person - ID': 'external_id',
      'Person - Name': 'full_name',
      'Person - First name': 'first_name',
      'Person - Last name': 'last_name',
      'Person - Phone - Mobile': 'phone',
      'Person - Email - Work': 'email',
      'Person - Person created': 'created_at',
      'Person - Job title': 'job_title',
    },
    second: { ...GRACE, external_id: '2', job_title: 'Rear Admiral' },
  },
  'shopify.csv': {
    mapping: {
      'Customer ID': 'external_id',
      ...NAMES,
      Email: 'email',
      'Default Address Address1': 'address_line_1',
      'Default Address Address2': 'address_line_2',
      'Default Address Province Code': 'state',
      'Default Address Country Code': 'country',
      'Default Address Zip': 'postcode',
      Phone: 'phone',
    },
    second: { ...GRACE, external_id: '7203945480426', postcode: '10001', country: 'US' },
  },
  'excel-unicode-text.txt': {
    encoding: 'utf-16le',
    delimiter: '\t',
    mapping: {
      'E-mail': 'email',
      Prénom: 'first_name',
      Nom: 'last_name',
      Téléphone: 'phone',
      'Code postal': 'postcode',
      Pays: 'country',
    },
    second: { email: 'jean@example.fr', first_name: 'Jean', last_name: 'Dupont', country: 'FR' },
  },
  'excel-sep.csv': {
    encoding: 'windows-1252',
    delimiter: ';',
    mapping: {
      Nome: 'first_name',
      Cognome: 'last_name',
      'Indirizzo e-mail': 'email',
      Cellulare: 'phone',
      CAP: 'postcode',
      Provincia: 'state',
    },
    second: { email: 'gianni@example.it', first_name: 'Gianni', postcode: '20121', state: 'MI' },
  },
};

describe('real export headers of the common contact tools map by themselves', () => {
  test('every file has its expectation', () => {
    expect(readdirSync(FILES).sort()).toEqual(Object.keys(EXPECTED).sort());
  });

  test.each(Object.entries(EXPECTED))('%s', async (name, { encoding = 'utf-8', delimiter = ',', mapping, second }) => {
    const file = readFileSync(new URL(name, FILES));
    const sniffed = mustSniff(sniff(file, { complete: true }));
    expect(sniffed.dialect).toMatchObject({ encoding, delimiter, header: true });

    const samples = sniffed.rows.map((row) => row.cells);
    const columns = suggestMapping(sniffed.headers, samples);
    const mapped = columns.filter((column) => column.suggestion !== null);
    expect(Object.fromEntries(mapped.map((column) => [column.header, column.suggestion]))).toEqual(mapping);
    expect(mapped.every((column) => column.confidence > 0.3)).toBe(true);

    const suggested = suggestedMapping(columns);
    expect(validateMapping(suggested, columns.length)).toEqual([]);
    const formats = detectFormats(columns.map((_, i) => samples.map((cells) => cells[i] ?? '')));
    const compiled = compileRow(suggested, { empty_cells: 'keep', timezone: 'Europe/Berlin', column_formats: formats });
    const contacts: unknown[] = [];
    for await (const batch of readRecords([file], sniffed.dialect)) {
      for (const row of batch) {
        expect(row.fault).toBeNull();
        const read = compiled.read(row.cells);
        // The first contact of one file has the ambiguous date that the second settles.
        const result = read.ok ? normaliseContact(read.contact, { timezone: 'Europe/Berlin', country: 'US' }) : read;
        contacts.push(result.ok ? { email: result.patch.email, ...identity(result.patch), ...result.patch.fields } : result);
      }
    }
    expect(contacts).toHaveLength(2);
    expect(contacts[1]).toMatchObject(second);
  });
});

function mustSniff(sniffed: Sniffed): Extract<Sniffed, { ok: true }> {
  if (!sniffed.ok) throw new Error(sniffed.fault.message);
  return sniffed;
}

function identity({ external_id, created_at }: { external_id?: string | null; created_at?: string }): Record<string, unknown> {
  return { external_id, created_at };
}
