/** An event as somebody was told of it, or as it was recorded. */
export interface Told {
  readonly id: string;
  readonly type: string;
  readonly subject: string | null;
  readonly version: number | null;
  /** All that it says, in one spelling. */
  readonly content: string;
}

/** A fact in `roster.events`, in the order of commits. */
export interface RecordedTold extends Told {
  /** Of the request that made it. */
  readonly requestId: string | null;
}

/** A user as the database has them. */
export interface StoredUser {
  readonly id: string;
  readonly version: number;
  readonly deleted: boolean;
  /** The request that last changed the name in `metadata.turn`; null before the first. */
  readonly turn: string | null;
}

/** A change that was answered by 2xx: it is promised. */
export interface Acknowledged {
  readonly requestId: string;
  readonly type: string;
  readonly subject: string;
  /** As the answer tells it; null where it has no body. */
  readonly version: number | null;
}

/** What a key was answered with: the same object, however often it is shown. */
export interface KeyAnswer {
  readonly key: string;
  readonly subject: string;
}

/** Everything that clients hold, and what the database says of it. */
export interface Evidence {
  readonly facts: readonly RecordedTold[];
  readonly users: readonly StoredUser[];
  readonly acknowledged: readonly Acknowledged[];
  /** Requests that were refused by 4xx: nothing may have come of them. */
  readonly refused: readonly string[];
  readonly keys: readonly KeyAnswer[];
  /** What each reader was told, in the order in which it was. */
  readonly readers: Readonly<Record<string, readonly Told[]>>;
  /** The fact from which on the readers read: those after it are owed to them. Null: all are. */
  readonly mark: string | null;
}

export interface ReaderVerdict {
  readonly received: number;
  readonly distinct: number;
  readonly duplicates: number;
  /** Ids of facts that never came. */
  readonly missing: readonly string[];
  /** Ids that came, and are no facts. */
  readonly phantom: readonly string[];
  /** Ids that first came after a later version of their subject. */
  readonly outOfOrder: readonly string[];
  /** Ids that came with another content than that of the fact. */
  readonly altered: readonly string[];
}

export interface Verdict {
  /** Promised, and not there. */
  readonly lost: readonly string[];
  /** One request, more than one change. */
  readonly doubled: readonly string[];
  /** A row without its fact, or a fact without its row. */
  readonly halfWritten: readonly string[];
  /** Refused, and done all the same. */
  readonly doneThoughRefused: readonly string[];
  /** Keys that were answered by different objects. */
  readonly unlike: readonly string[];
  readonly readers: Readonly<Record<string, ReaderVerdict>>;
}

/** Judges by what clients hold alone: it knows nothing of how the product works. */
export function judge(evidence: Evidence): Verdict {
  const { facts, readers, mark, refused, keys } = evidence;
  const owed = mark === null ? facts : facts.slice(facts.findIndex(({ id }) => id === mark) + 1);
  const requests = new Map(ofUsers(facts).map((fact) => [fact.requestId, fact]));
  return {
    lost: lostOf(evidence),
    doubled: doubledOf(facts),
    halfWritten: halfWrittenOf(evidence),
    doneThoughRefused: refused.filter((requestId) => requests.has(requestId)),
    unlike: unlikeOf(keys),
    readers: Object.fromEntries(Object.entries(readers).map(([name, told]) => [name, judgeReader(told, facts, owed)])),
  };
}

/** What is wrong, in words; nothing, if all is well. */
export function findingsOf({ readers, ...writes }: Verdict): string[] {
  const count = (where: string, found: object): string[] =>
    Object.entries(found).flatMap(([what, ids]) =>
      Array.isArray(ids) && ids.length > 0 ? [`${where}: ${ids.length} ${what} (${ids.slice(0, 3).join(', ')})`] : [],
    );
  return [...count('writes', writes), ...Object.entries(readers).flatMap(([name, reader]) => count(name, reader))];
}

function lostOf({ facts, users, acknowledged }: Evidence): string[] {
  const rows = new Map(users.map((user) => [`users/${user.id}`, user]));
  const known = new Map(ofUsers(facts).map((fact) => [fact.requestId, fact]));
  const isThere = ({ requestId, type, subject, version }: Acknowledged): boolean => {
    const fact = known.get(requestId);
    const row = rows.get(subject);
    if (!fact || !row || fact.type !== type || fact.subject !== subject) return false;
    return row.version >= fact.version! && (version === null || fact.version === version);
  };
  return acknowledged.filter((each) => !isThere(each)).map(({ requestId, type }) => `${type} ${requestId}`);
}

function doubledOf(facts: readonly RecordedTold[]): string[] {
  const seen = new Set<string>();
  return ofUsers(facts).flatMap(({ requestId, type }) => {
    if (requestId === null) return [];
    if (seen.has(requestId)) return [`${type} ${requestId}`];
    seen.add(requestId);
    return [];
  });
}

/** Each user has one fact for each of their versions, and looks as the last of them say. */
function halfWrittenOf({ facts, users }: Evidence): string[] {
  const told = Map.groupBy(ofUsers(facts), ({ subject }) => subject!);
  const wrong = users.flatMap((user) => {
    const subject = `users/${user.id}`;
    const own = told.get(subject) ?? [];
    told.delete(subject);
    return wrongWith(user, own).map((what) => `${subject}: ${what}`);
  });
  return [...wrong, ...[...told.keys()].map((subject) => `${subject}: facts without a row`)];
}

function wrongWith({ version, deleted, turn }: StoredUser, own: readonly RecordedTold[]): string[] {
  const versions = own.map((fact) => fact.version!).sort((a, b) => a - b);
  const expected = Array.from({ length: version }, (_, at) => at + 1);
  const standing = own.findLast(({ type }) => type === 'user.deleted' || type === 'user.restored');
  const update = own.findLast(({ type }) => type === 'user.updated');
  return [
    versions.join() === expected.join() ? '' : `version ${version}, facts of ${versions.join()}`,
    deleted === (standing?.type === 'user.deleted') ? '' : `deleted is ${deleted}, the last fact ${standing?.type}`,
    turn === (update?.requestId ?? null) ? '' : `its content is of ${turn}, the last fact of ${update?.requestId}`,
  ].filter((what) => what !== '');
}

function unlikeOf(keys: readonly KeyAnswer[]): string[] {
  const subjects = Map.groupBy(keys, ({ key }) => key);
  return [...subjects].flatMap(([key, all]) => (all.some(({ subject }) => subject !== all[0]!.subject) ? [key] : []));
}

function judgeReader(
  told: readonly Told[],
  facts: readonly RecordedTold[],
  owed: readonly RecordedTold[],
): ReaderVerdict {
  const known = new Map(facts.map((fact) => [fact.id, fact]));
  const first = new Map<string, Told>();
  for (const each of told) if (!first.has(each.id)) first.set(each.id, each);
  const isAltered = ({ id, content }: Told): boolean =>
    content !== first.get(id)!.content || (known.has(id) && known.get(id)!.content !== content);
  return {
    received: told.length,
    distinct: first.size,
    duplicates: told.length - first.size,
    missing: owed.filter(({ id }) => !first.has(id)).map(({ id }) => id),
    phantom: [...first.keys()].filter((id) => !known.has(id)),
    outOfOrder: outOfOrder([...first.values()]),
    altered: [...new Set(told.filter(isAltered).map(({ id }) => id))],
  };
}

function outOfOrder(told: readonly Told[]): string[] {
  const highest = new Map<string, number>();
  return told.flatMap(({ id, subject, version }) => {
    if (subject === null || version === null) return [];
    const before = highest.get(subject) ?? 0;
    highest.set(subject, Math.max(before, version));
    return version < before ? [id] : [];
  });
}

/** The facts of what happens to users: the others are of those who write, and of the readers themselves. */
function ofUsers(facts: readonly RecordedTold[]): RecordedTold[] {
  return facts.filter(
    ({ type, subject, version }) => type.startsWith('user.') && subject?.startsWith('users/') && version !== null,
  );
}
