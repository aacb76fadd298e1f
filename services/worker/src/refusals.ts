/** Why an accepted item can still end as a rejection: what only the data can tell. Codes are stable; messages never hold a value. */
export type Refusal = { field: string; code: string; message: string };

export const refusals = {
  externalIdTaken: {
    field: 'external_id',
    code: 'external_id_taken',
    message: 'Another contact has this external_id. Leave the field out, or send identify_by: "external_id" to mean that contact.',
  },
  emailTaken: { field: 'email', code: 'email_taken', message: 'Another contact has this address; it cannot be given to this one.' },
  externalIdMismatch: {
    field: 'external_id',
    code: 'external_id_mismatch',
    message: 'The contact with this address has another external_id. Change that one first, or leave identify_by out.',
  },
  externalIdRequired: { field: 'external_id', code: 'required', message: 'identify_by: "external_id" needs an external_id.' },
  contactNotFound: {
    field: 'email',
    code: 'contact_not_found',
    message: 'There is no such contact. Create it with contacts.upsert first.',
  },
  listGone: { field: 'list_ids', code: 'list_gone', message: 'The list was deleted after the request was accepted.' },
  crashedWorker: { field: '', code: 'crashed_worker', message: 'Processing this item ended the worker twice, so it was set aside.' },
  refusedByStore: { field: '', code: 'refused_by_store', message: 'This item cannot be processed for what it holds.' },
  invalidPayload: { field: '', code: 'invalid_payload', message: 'The queued item is not readable.' },
  expiredJob: {
    field: '',
    code: 'expired_job',
    message: 'The item was queued for longer than the ledger remembers; send it again if it still holds.',
  },
  unknownExternalId: {
    field: 'external_id',
    code: 'unknown_external_id',
    message: 'No contact got this external_id within the time that items are parked.',
  },
} satisfies Record<string, Refusal>;
