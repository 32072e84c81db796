import { Injectable } from '@nestjs/common';

import { Events } from '../events/index.js';
import { Jobs, defineJob } from '../jobs/index.js';
import { Clock } from '../platform/clock/clock.js';
import { hashToken, newId, randomToken } from '../platform/crypto/tokens.js';
import { Database } from '../platform/database/database.js';
import type { Versions } from '../platform/http/parameters.js';
import { currentRequest } from '../platform/logging/request-context.js';
import { deviceOf } from '../sessions/index.js';
import { Users } from '../users/index.js';
import { CredentialLetters } from './credential-letters.service.js';

import { DeviceNotFound, TrustedDeviceAdded, TrustedDeviceRemoved } from './mfa.contract.js';
import { TrustedDevicesRepository } from './trusted-devices.repository.js';
import type { TrustedDevice, TrustedDeviceRow } from './trusted-device.entity.js';
import { refuseStale } from './versions.js';

const DAY = 24 * 3_600_000;
const TRUSTED_FOR = 30 * DAY;
/** Whoever trusts one more stops trusting the oldest. */
const MOST_DEVICES = 20;
/** Nobody changes a device: it has one version as long as it is there. */
const ONLY_VERSION = 1;

const PruneTrustedDevices = defineJob('trusted_devices.prune', { maxAttempts: 3 });

export interface Trust {
  /** Shown once; the device gives it back. */
  readonly token: string;
  readonly expiresAt: Date;
}

/** Devices on which a second factor was shown lately. */
@Injectable()
export class TrustedDevices {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly users: Users,
    private readonly devices: TrustedDevicesRepository,
    private readonly letters: CredentialLetters,
    jobs: Jobs,
  ) {
    jobs.work(PruneTrustedDevices, () => devices.deleteExpired(clock.now()), { cron: '29 3 * * *' });
  }

  list(userId: string): Promise<TrustedDeviceRow[]> {
    return this.devices.ofUser(userId, this.clock.now());
  }

  recognise(userId: string, token: string): Promise<boolean> {
    return this.devices.recognise(hashToken(token), userId, this.clock.now());
  }

  /** Trusts the device that asks, for 30 days. */
  trust(userId: string): Promise<Trust> {
    return this.db.transaction(async () => {
      const owner = await this.users.lock(userId);
      const token = randomToken();
      const device = this.make(userId, token);
      await this.devices.insert(device);
      const { id: deviceId, expiresAt } = device;
      const circumstances = { subject: `users/${userId}`, actorId: userId };
      this.events.record(TrustedDeviceAdded, { userId, deviceId, expiresAt }, circumstances);
      await this.removeAllBut(userId, MOST_DEVICES);
      await this.letters.tell(owner, 'device_added');
      return { token, expiresAt };
    });
  }

  /** @throws DeviceNotFound, PreconditionFailed */
  async remove(userId: string, id: string, expected: Versions): Promise<void> {
    await this.db.transaction(async () => {
      const owner = await this.users.lock(userId);
      if (!(await this.devices.delete(id, userId))) throw new DeviceNotFound();
      refuseStale(ONLY_VERSION, expected);
      this.recordRemoved(userId, [id]);
      await this.letters.tell(owner, 'devices_removed');
    });
  }

  /** Ends the trust in every device of the user. */
  async removeAll(userId: string): Promise<void> {
    await this.db.transaction(async () => {
      const owner = await this.users.lock(userId);
      if ((await this.removeAllBut(userId, 0)) > 0) await this.letters.tell(owner, 'devices_removed');
    });
  }

  /** All but so many of the newest; part of the transaction of a caller who has locked the user. @returns how many */
  async removeAllBut(userId: string, kept: number): Promise<number> {
    const removed = await this.devices.deleteOldestOf(userId, kept);
    this.recordRemoved(userId, removed);
    return removed.length;
  }

  private recordRemoved(userId: string, ids: readonly string[]): void {
    for (const deviceId of ids)
      this.events.record(TrustedDeviceRemoved, { userId, deviceId }, { subject: `users/${userId}` });
  }

  private make(userId: string, token: string): TrustedDevice {
    const request = currentRequest();
    const now = this.clock.now();
    return {
      id: newId(),
      userId,
      tokenHash: hashToken(token),
      name: deviceOf(request?.userAgent ?? null) ?? 'Unknown device',
      ip: request?.ip ?? null,
      userAgent: request?.userAgent ?? null,
      createdAt: now,
      expiresAt: new Date(now.getTime() + TRUSTED_FOR),
      lastUsedAt: null,
    };
  }
}
