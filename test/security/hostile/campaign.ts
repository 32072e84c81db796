import { abreast } from '../../harness/abreast.js';
import type { TestApp } from '../../harness/app.js';
import { patiently } from '../../harness/patience.js';
import type { Person } from '../../harness/people.js';
import { addressOf } from '../../harness/scenes.js';
import { operationsOf } from '../../../src/platform/http/document.js';
import type { DocumentedOperation } from '../../../src/platform/http/documented.js';
import { bytesOf } from './attack.js';
import type { Attack, Target, Technique } from './attack.js';
import { exchange } from './exchange.js';
import type { Exchanged } from './exchange.js';

export interface Finding {
  readonly operationId: string;
  readonly technique: string;
  readonly fault: string;
}

interface Documented {
  readonly path: string;
  readonly method: string;
  readonly operation: DocumentedOperation;
}

/** What one technique met, over all operations. */
export interface Row {
  readonly technique: Technique;
  operations: number;
  attacks: number;
  readonly statuses: Map<number, number>;
}

/** Words that only the inside of the house uses. */
const LEAK =
  /\bat \S+ \(|\bat .+:\d+:\d+|node_modules|SELECT |INSERT |roster\.[a-z]|\.ts\b|\.js\b|FST_|HPE_|[A-Z]\w+Error\b/;

/** Of which nothing is done. */
const SAFE = ['GET', 'HEAD', 'OPTIONS'];

/** Runs techniques against every operation of an application's document that is named by `only`. */
export class Campaign {
  readonly findings: Finding[] = [];
  readonly rows = new Map<Technique, Row>();
  private readonly cast = new Map<string, { admin: Person; victim: Person }>();

  constructor(
    private readonly app: TestApp,
    private readonly port: number,
    /** The longest that an answer may take, in milliseconds. */
    private readonly patience = 30_000,
  ) {}

  /** @param width how many operations are attacked at a time: each has people of its own */
  async run(
    techniques: readonly Technique[],
    { only = () => true, width = 1 }: { only?: (operationId: string) => boolean; width?: number } = {},
  ): Promise<void> {
    const operations = operationsOf(this.app.app.document).filter(({ operation }) => only(operation.operationId));
    await abreast(width, operations, async (documented) => {
      for (const technique of techniques) await this.attack(technique, documented);
    });
  }

  private async attack(technique: Technique, documented: Documented): Promise<void> {
    let target = await this.targetOf(documented);
    if (!technique.on(target)) return;
    const row = this.rowOf(technique);
    row.operations += 1;
    let attacks = technique.attacks(target);
    for (let at = 0; at < attacks.length; at += 1) {
      const attack = attacks[at]!;
      const met = await this.send(attack, target);
      row.attacks += 1;
      row.statuses.set(met.status, (row.statuses.get(met.status) ?? 0) + 1);
      const fault = faultOf(technique, attack, met, this.patience);
      if (fault)
        this.findings.push({
          operationId: target.operationId,
          technique: technique.name,
          fault: `${fault} · ${told(attack)}`,
        });
      if (met.status >= 400 || SAFE.includes(attack.method ?? target.method)) continue;
      // What was done is done: the next attack finds somebody else.
      this.cast.delete(target.operationId);
      target = await this.targetOf(documented);
      attacks = technique.attacks(target);
    }
  }

  private send(attack: Attack, target: Target): Promise<Exchanged> {
    const head = (attack.method ?? target.method) === 'HEAD';
    const options = { head, leaves: attack.leaves, patience: this.patience + 5000 };
    return patiently(
      () => exchange(this.port, bytesOf(attack, target), options),
      ({ headers }) => headers.get('retry-after'),
    );
  }

  private async targetOf({ path, method, operation }: Documented): Promise<Target> {
    const { admin, victim } = await this.castOf(operation.operationId);
    const media = operation.requestBody?.content['application/json'];
    const example = media?.example ?? Object.values(media?.examples ?? {})[0]?.value;
    const parameters = new Set((operation.parameters ?? []).map(({ name }) => name));
    return {
      operationId: operation.operationId,
      method: method.toUpperCase(),
      url: addressOf(path, { parameters: { code: 'not_found' } }, victim.id),
      parameters,
      // A file is read as it comes, whatever is in it: test/imports/hostile.
      body:
        operation.requestBody && !operation['x-streamed-body'] ? ((example ?? {}) as Record<string, unknown>) : null,
      isPublic: operation['x-permission'] === 'public',
      isList: parameters.has('cursor'),
      token: admin.token,
    };
  }

  private async castOf(operationId: string): Promise<{ admin: Person; victim: Person }> {
    let cast = this.cast.get(operationId);
    if (!cast) {
      cast = { admin: await this.app.people.admin(), victim: await this.app.people.person() };
      this.cast.set(operationId, cast);
    }
    return cast;
  }

  private rowOf(technique: Technique): Row {
    let row = this.rows.get(technique);
    if (!row) this.rows.set(technique, (row = { technique, operations: 0, attacks: 0, statuses: new Map() }));
    return row;
  }
}

function faultOf(technique: Technique, attack: Attack, met: Exchanged, patience: number): string | null {
  if (({} as { polluted?: unknown }).polluted !== undefined) return 'polluted Object.prototype';
  if (!met.usable) return 'afterwards the server did not answer';
  if (attack.leaves) return null;
  if (met.status === 0) return 'the connection was closed without an answer';
  if (met.milliseconds > patience) return `took ${Math.round(met.milliseconds)} ms`;
  if (met.status >= 500) return `answered ${met.status}`;
  if (technique.must === 'refuse' && met.status < 400) return `was not refused: ${met.status}`;
  if (met.status < 400) return null;
  if (!met.headers.has('x-request-id')) return 'an answer without a request id';
  if ((attack.method ?? '') === 'HEAD') return null;
  if (!/^application\/problem\+(json|xml)/.test(met.headers.get('content-type') ?? ''))
    return `${met.status} in another shape`;
  const leak = LEAK.exec(met.text);
  return leak ? `leaks "${leak[0]}"` : null;
}

function told({ method, url, headers, body, type }: Attack): string {
  return JSON.stringify({ method, url, headers, type, body: typeof body === 'string' ? body : undefined }).slice(
    0,
    160,
  );
}

/** One line a technique: its row of the checklist, how much was tried, and what came of it. */
export function matrixOf(campaign: Campaign): string {
  const lines = [...campaign.rows.values()].map(({ technique, operations, attacks, statuses }) => {
    const met = [...statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${status || 'gone'}×${count}`);
    return `${technique.row.padEnd(4)} ${technique.name.padEnd(44)} ${String(operations).padStart(3)} operations ${String(attacks).padStart(5)} attacks  ${met.join(' ')}`;
  });
  const attacks = [...campaign.rows.values()].reduce((sum, row) => sum + row.attacks, 0);
  return `${lines.join('\n')}\n${campaign.rows.size} techniques, ${attacks} attacks, ${campaign.findings.length} findings\n`;
}
