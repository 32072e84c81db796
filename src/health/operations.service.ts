import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { Injectable, RequestMethod } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';

import { QueueLook } from '../jobs/index.js';
import { Config } from '../platform/config/config.js';
import { settings } from '../platform/config/settings.js';
import type { SettingName } from '../platform/config/settings.js';
import { Database } from '../platform/database/database.js';
import { policyOf } from '../platform/http/policy.js';
import { PublicUrl } from '../platform/http/public-url.js';
import { Outgoing } from '../platform/outgoing/outgoing.js';
import { VERSION } from '../platform/telemetry/version.js';

/** What operators may see of a running process; nothing here is a secret. */
@Injectable()
export class Operations {
  constructor(
    private readonly config: Config,
    private readonly db: Database,
    private readonly publicUrl: PublicUrl,
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly queue: QueueLook,
    private readonly calls: Outgoing,
  ) {}

  info(): object {
    return {
      name: 'roster',
      version: VERSION,
      node: process.versions.node,
      role: this.config.values.ROLE,
      production: this.config.production,
      embeddedDatabase: this.config.embeddedDatabase,
      publicUrl: this.publicUrl.value,
      pid: process.pid,
      uptime: Math.round(process.uptime()),
    };
  }

  /** Every setting with its value; of a secret only whether it is set. */
  settings(): object[] {
    const { values } = this.config;
    return (Object.keys(settings) as SettingName[]).map((name) => {
      const { secret, about } = settings[name];
      const value = values[name];
      return { name, value: secret ? (value ? '[set]' : null) : value, about };
    });
  }

  pool(): object {
    const { total, idle, waiting } = this.db.connections();
    return { max: this.config.values.DATABASE_POOL_MAX, total, idle, used: total - idle, waiting };
  }

  /** The queue of jobs at a glance, and the processes that run them. */
  jobs(): Promise<object> {
    return this.queue.whole();
  }

  /** How the calls to others go. */
  outgoing(): object[] {
    return this.calls.report();
  }

  /** Every route that a controller serves, and who may call it. */
  routes(): object[] {
    return this.discovery.getControllers().flatMap(({ instance, metatype }) => {
      const prefix = metatype ? pathsOf(metatype) : [];
      const prototype = Object.getPrototypeOf(instance) as Record<string, object>;
      return this.scanner.getAllMethodNames(prototype).flatMap((name) => {
        const deed = prototype[name]!;
        const method = Reflect.getMetadata(METHOD_METADATA, deed) as RequestMethod | undefined;
        if (method === undefined) return [];
        return pathsOf(deed).map((end) => ({
          method: RequestMethod[method],
          path: `/${[...prefix, end].filter((part) => part !== '').join('/')}`,
          policy: policyOf(deed),
        }));
      });
    });
  }
}

/** A route may have several. */
function pathsOf(target: object): string[] {
  return [Reflect.getMetadata(PATH_METADATA, target) as string | string[]]
    .flat()
    .map((path) => path.replace(/^\/|\/$/g, ''));
}
