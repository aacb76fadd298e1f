/** Where a file goes: absolute URLs, as the client reaches this API. */
import type { ImportRow } from '@muster/postgres';
import type { ApiDeps } from '../deps.ts';
import type { ApiRequest } from '../http/endpoint.ts';

export const UPLOAD_PATH = '/api/imports.upload';
export const TUS_PATH = '/api/imports.tus';

const HOST = /^[A-Za-z0-9.\-_:[\]]{1,255}$/;

export function uploadUrls(deps: ApiDeps, request: ApiRequest, row: ImportRow): { upload_url: string; tus_url: string } {
  const base = baseUrl(deps, request);
  return { upload_url: `${base}${UPLOAD_PATH}?id=${row.import_id}`, tus_url: `${base}${TUS_PATH}?id=${row.import_id}` };
}

/** The configured address, else the one that the client, or the proxy before us, asked for. */
function baseUrl({ config }: ApiDeps, { c }: ApiRequest): string {
  if (config.MUSTER_PUBLIC_URL !== undefined) return config.MUSTER_PUBLIC_URL.replace(/\/+$/, '');
  const first = (name: string) => c.req.header(name)?.split(',')[0]?.trim();
  const proto = first('x-forwarded-proto') === 'https' ? 'https' : 'http';
  const host = [first('x-forwarded-host'), c.req.header('host')].find((h) => h !== undefined && HOST.test(h));
  return `${proto}://${host ?? `${config.MUSTER_API_HOST}:${config.MUSTER_API_PORT}`}`;
}
