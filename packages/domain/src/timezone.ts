/**
 * Time zones by `Intl.DateTimeFormat`, which knows every IANA name and its links (`supportedValuesOf` lists only some of them).
 *
 * Creating a formatter costs ~50 µs and ~10 kB, so one is kept per zone; names come from producers, so every cache is bounded.
 */

const DAY_MS = 86_400_000;
/** Wider than any offset ever in force (local mean times reach ±15:56). */
const WIDEST_OFFSET_MS = 16 * 3_600_000;

const MAX_ZONES = 1_000;
const MAX_UNKNOWN = 5_000;
const MAX_DAYS = 20_000;

type Zone = { name: string; format: Intl.DateTimeFormat; utc: boolean; dayStarts: Map<string, number> };

const zones = new Map<string, Zone>();
const unknownNames = new Set<string>();

/** Names are letters, digits and `_ + - /`; bare offsets (`+02:00`), which newer engines accept, are not IANA names. */
const ZONE_NAME = /^[A-Za-z][A-Za-z0-9_+\-/]*$/;

function zoneOf(name: string): Zone | null {
  const known = zones.get(name);
  if (known !== undefined) return known;
  if (unknownNames.has(name)) return null;
  const zone = ZONE_NAME.test(name) ? createZone(name) : null;
  if (zone === null) {
    if (unknownNames.size >= MAX_UNKNOWN) unknownNames.clear();
    unknownNames.add(name);
    return null;
  }
  if (zones.size >= MAX_ZONES) zones.clear();
  zones.set(name, zone);
  return zone;
}

function createZone(name: string): Zone | null {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
  } catch (error) {
    // RangeError is how Intl says "no such zone"; anything else is a fault of ours.
    if (error instanceof RangeError) return null;
    throw error;
  }
  const resolved = format.resolvedOptions().timeZone;
  // Engines resolve links to names of their own choice (Asia/Kolkata to Asia/Calcutta): only letter case is taken from them.
  const cased = resolved.toLowerCase() === name.toLowerCase() ? resolved : name;
  return { name: cased, format, utc: resolved === 'UTC', dayStarts: new Map() };
}

/** Whether `name` is an IANA time zone (letter case does not matter). */
export function isTimeZone(name: string): boolean {
  return zoneOf(name) !== null;
}

/** The zone's name in its usual letter case (`europe/berlin` → `Europe/Berlin`; links stay as given), or null when unknown. */
export function canonicalTimeZone(name: string): string | null {
  return zoneOf(name)?.name ?? null;
}

/**
 * What local clocks are ahead of UTC at an instant, in ms.
 *
 * @throws RangeError when `zone` is not a time zone
 */
export function zoneOffsetMs(zone: string, instantMs: number): number {
  return offsetAt(mustHave(zone), instantMs);
}

/** The local calendar day (`YYYY-MM-DD`) of an instant. @throws RangeError when `zone` is not a time zone */
export function localDayOf(zone: string, instantMs: number): string {
  return new Date(instantMs + offsetAt(mustHave(zone), instantMs)).toISOString().slice(0, 10);
}

/**
 * First instant of a local day, in ms since the epoch.
 *
 * Where DST skips midnight it is the first instant that day has; where midnight comes twice, the first one; a day that a zone
 * skipped altogether (Samoa, 2011-12-30) starts when the next one does.
 *
 * @param day `YYYY-MM-DD`, an existing date
 * @throws RangeError when `zone` is not a time zone or `day` not a date
 */
export function localDayStart(zone: string, day: string): number {
  const entry = mustHave(zone);
  const cached = entry.dayStarts.get(day);
  if (cached !== undefined) return cached;
  const midnight = Date.parse(`${day}T00:00:00.000Z`);
  if (Number.isNaN(midnight)) throw new RangeError('not a date: expected YYYY-MM-DD');
  const start = entry.utc ? midnight : findDayStart(entry, midnight);
  if (entry.dayStarts.size >= MAX_DAYS) entry.dayStarts.clear();
  entry.dayStarts.set(day, start);
  return start;
}

/** The day after `day`, both `YYYY-MM-DD`. */
export function nextDay(day: string): string {
  return new Date(Date.parse(`${day}T00:00:00.000Z`) + DAY_MS).toISOString().slice(0, 10);
}

/** `midnight` is the wall-clock time, written as if it were UTC. */
function findDayStart(zone: Zone, midnight: number): number {
  let low = midnight - WIDEST_OFFSET_MS;
  let high = midnight + WIDEST_OFFSET_MS;
  const before = offsetAt(zone, low);
  const after = offsetAt(zone, high);
  // The larger offset gives the earlier instant: of two midnights the first one counts.
  const first = midnight - Math.max(before, after);
  if (first + offsetAt(zone, first) === midnight) return first;
  const second = midnight - Math.min(before, after);
  if (second + offsetAt(zone, second) === midnight) return second;
  // No local midnight: the day starts at the jump. Find the first instant whose local time has passed it.
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (middle + offsetAt(zone, middle) >= midnight) high = middle;
    else low = middle;
  }
  return high;
}

function offsetAt(zone: Zone, instantMs: number): number {
  if (zone.utc) return 0;
  const whole = Math.floor(instantMs / 1000) * 1000;
  // en-US with two-digit fields: "MM/DD/YYYY, HH:MM:SS"
  const text = zone.format.format(whole);
  const local = Date.UTC(
    Number(text.slice(6, 10)),
    Number(text.slice(0, 2)) - 1,
    Number(text.slice(3, 5)),
    Number(text.slice(12, 14)),
    Number(text.slice(15, 17)),
    Number(text.slice(18, 20)),
  );
  return local - whole;
}

function mustHave(name: string): Zone {
  const zone = zoneOf(name);
  if (zone === null) throw new RangeError('not an IANA time zone');
  return zone;
}
