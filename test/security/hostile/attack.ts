/** An operation as somebody meets it: its address with real ids in it, a body that would be taken, and who may call it. */
export interface Target {
  readonly operationId: string;
  readonly method: string;
  readonly url: string;
  readonly parameters: ReadonlySet<string>;
  /** The body of the document's example; null where none is taken. */
  readonly body: Readonly<Record<string, unknown>> | null;
  readonly isPublic: boolean;
  readonly isList: boolean;
  readonly token: string;
}

/** One request that means harm; whatever it does not say is as an honest client would. */
export interface Attack {
  readonly method?: string;
  readonly url?: string;
  readonly version?: string;
  /** `Name: value` lines beside Host, and beside Content-Type and Content-Length where there is a body. */
  readonly headers?: readonly string[];
  /** Leaves Host and Authorization to `headers`. */
  readonly bare?: boolean;
  readonly anonymous?: boolean;
  readonly body?: Buffer | string | null;
  readonly type?: string | null;
  /** Sent as it is, in place of the body and of its length. */
  readonly stream?: readonly (Buffer | string)[];
  /** The client goes away in the midst: no answer is waited for. */
  readonly leaves?: boolean;
}

export interface Technique {
  readonly name: string;
  /** The row of the checklist. */
  readonly row: string;
  /** `refuse`: only a 4xx is right. `survive`: whatever is documented is, so long as it is no 5xx. */
  readonly must: 'refuse' | 'survive';
  readonly on: (target: Target) => boolean;
  readonly attacks: (target: Target) => readonly Attack[];
}

export const everywhere = (): boolean => true;
export const withBody = ({ body }: Target): boolean => body !== null;
export const withQuery = ({ isList }: Target): boolean => isList;
export const withId = ({ parameters }: Target): boolean => parameters.has('id');
export const guarded = ({ isPublic }: Target): boolean => !isPublic;

/** The bytes of an attack on a target, in the parts in which they are written. */
export function bytesOf(attack: Attack, target: Target): (Buffer | string)[] {
  const { method = target.method, url = target.url, version = 'HTTP/1.1', headers = [] } = attack;
  const lines = [`${method} ${url} ${version}`];
  if (!attack.bare) lines.push('Host: localhost');
  if (!attack.bare && !attack.anonymous && !target.isPublic) lines.push(`Authorization: Bearer ${target.token}`);
  const body = attack.body === undefined ? exampleBody(target) : attack.body;
  const type = attack.type === undefined ? 'application/json' : attack.type;
  if (attack.stream) return [[...lines, ...headers, '', ''].join('\r\n'), ...attack.stream];
  if (body === null) return [[...lines, ...headers, '', ''].join('\r\n')];
  if (type !== null) lines.push(`Content-Type: ${type}`);
  lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
  return [[...lines, ...headers, '', ''].join('\r\n'), body];
}

function exampleBody({ body }: Target): string | null {
  return body === null ? null : JSON.stringify(body);
}
