import { randomBytes } from 'node:crypto';

import { Injectable } from '@nestjs/common';

import { Facts, Followers } from '../events/index.js';
import type { RecordedFact } from '../events/index.js';
import { OUTCOMES, eventTypes } from '../platform/contract/event.js';
import { Database } from '../platform/database/database.js';
import { AuditSigning } from './audit-signing.service.js';
import { AuditRepository } from './audit.repository.js';
import type { ChainHead } from './audit.repository.js';
import { GENESIS, digestOf, hashOf } from './chain.js';
import type { ChainEntry } from './chain.js';
import { COPIED_AT_ONCE } from './signing-rules.js';

export const READER = 'audit';
const SALT_BYTES = 16;

const BEGINNING: ChainHead = { seq: 0, hash: GENESIS, signedSeq: 0, signedAt: null, signedKid: null };

/** Copies facts into the chain: each once, in the order of their commits. */
@Injectable()
export class AuditCopy {
  constructor(
    private readonly db: Database,
    private readonly facts: Facts,
    private readonly entries: AuditRepository,
    private readonly signing: AuditSigning,
    followers: Followers,
  ) {
    followers.add({ name: READER, step: async () => (await this.copyBatch()) === COPIED_AT_ONCE });
  }

  /** Copies the next batch, and says where it stands, in one transaction. @returns how many; none while another process copies */
  copyBatch(): Promise<number> {
    return this.db.transaction(async () => {
      if (!(await this.entries.lockChain())) return 0;
      const head = (await this.entries.head()) ?? BEGINNING;
      const facts = await this.facts.after(await this.facts.positionOf(READER), COPIED_AT_ONCE);
      const chained = chain(head, facts);
      if (chained.length > 0) {
        await this.entries.append(chained);
        await this.facts.advance(READER, facts.at(-1)!);
      }
      await this.signing.sign(head, chained);
      return chained.length;
    });
  }
}

/** The facts as entries, each with the hash of the one before it. */
function chain(head: ChainHead, facts: readonly RecordedFact[]): ChainEntry[] {
  let { seq, hash } = head;
  return facts.map((fact) => {
    const entry = entryOf(fact, (seq += 1), hash);
    ({ hash } = entry);
    return entry;
  });
}

/** Ids stay in the entry; whatever else is private may be personal, and goes where it can be erased. */
function entryOf(fact: RecordedFact, seq: number, previousHash: string): ChainEntry {
  const { actorId = null, onBehalfOf = null, requestId = null, outcome, ...details } = fact.private ?? {};
  const salt = randomBytes(SALT_BYTES).toString('hex');
  const content = {
    id: fact.id,
    seq,
    occurredAt: fact.occurredAt.toISOString(),
    type: fact.type,
    subject: fact.subject,
    subjectVersion: fact.subjectVersion,
    data: fact.data,
    actorId: actorId as string | null,
    onBehalfOf: onBehalfOf as string | null,
    requestId: requestId as string | null,
    // Of its kind only where it was recorded by a version that did not say so.
    outcome: OUTCOMES.find((each) => each === outcome) ?? eventTypes.get(fact.type)?.outcome ?? 'success',
    detailsDigest: digestOf(salt, details),
  };
  return { ...content, previousHash, hash: hashOf(previousHash, content), details, salt, checkpoint: null };
}
