import { Injectable } from '@nestjs/common';

import { Database } from './database.js';

@Injectable()
export class SettingsRepository {
  constructor(private readonly db: Database) {}

  /** The value that was settled first, by whichever process. */
  async settle(name: string, value: string): Promise<string> {
    await this.db.change('INSERT INTO roster.settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING', [
      name,
      value,
    ]);
    return (await this.db.row<{ value: string }>('SELECT value FROM roster.settings WHERE name = $1', [name]))!.value;
  }
}
