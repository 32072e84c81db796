import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';

import { Database, statement } from '../platform/database/database.js';

/** A migration that this program knows or that the database has seen. */
export interface MigrationState {
  readonly name: string;
  readonly known: boolean;
  readonly ran: boolean;
}

const RAN = statement('migrations_ran', 'SELECT name FROM roster.migrations ORDER BY timestamp');

@Injectable()
export class MigrationsRepository {
  private readonly known: readonly string[];

  constructor(
    private readonly db: Database,
    source: DataSource,
  ) {
    this.known = source.migrations.map((migration) => migration.name ?? migration.constructor.name);
  }

  /** Those of this program, oldest first, and after them those that only a newer program knows. */
  async all(): Promise<MigrationState[]> {
    const ran = (await this.db.rows<{ name: string }>(RAN)).map(({ name }) => name);
    const foreign = ran.filter((name) => !this.known.includes(name));
    return [
      ...this.known.map((name) => ({ name, known: true, ran: ran.includes(name) })),
      ...foreign.map((name) => ({ name, known: false, ran: true })),
    ];
  }
}
