const RFC3339 = /^(\d{4}-\d{2}-(\d{2})T\d{2}:\d{2}:\d{2})(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/i;

/**
 * A moment of RFC 3339 (§5.6: a zone is obligatory) as UTC text at its full precision, `2026-01-01T00:00:00.123456Z`, which
 * PostgreSQL reads alike under any DateStyle; a JavaScript Date would cut it to milliseconds.
 * Null for anything else: days that do not exist, leap seconds (nothing here is recorded at one), years outside 1900 to 9999.
 */
export function momentText(text: string): string | null {
  const [, local, day, fraction = '', zone] = RFC3339.exec(text) ?? [];
  if (!local || !zone) return null;
  const clock = new Date(`${local.toUpperCase()}Z`);
  // Date reads 30 February as 2 March, and 24:00 as the next day.
  if (Number.isNaN(clock.getTime()) || clock.getUTCDate() !== Number(day)) return null;
  const offset = minutesOf(zone);
  if (offset === null) return null;
  const utc = new Date(clock.getTime() - offset * 60_000);
  const year = utc.getUTCFullYear();
  return year >= 1900 && year <= 9999 ? `${utc.toISOString().slice(0, 19)}${fraction}Z` : null;
}

function minutesOf(zone: string): number | null {
  if (zone.toUpperCase() === 'Z') return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(4));
  if (hours > 23 || minutes > 59) return null;
  return (hours * 60 + minutes) * (zone.startsWith('-') ? -1 : 1);
}
