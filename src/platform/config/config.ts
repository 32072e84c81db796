import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { OperatorFault } from './operator-fault.js';
import { settings } from './settings.js';
import type { Setting, SettingName, Values } from './settings.js';

/** Everything that is wrong with the environment, at once: one sentence a fault, each naming its variable. */
export class ConfigurationInvalid extends OperatorFault {
  constructor(readonly faults: readonly string[]) {
    super(
      `The configuration is wrong in ${faults.length} ${faults.length === 1 ? 'place' : 'places'}:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`,
    );
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The settings of this process: read once, checked as a whole, never changed. Nothing else reads the environment. */
export class Config {
  readonly production: boolean;
  readonly test: boolean;
  /** True when the operator chose the port: then a taken one is an error rather than a reason to move. */
  readonly portGiven: boolean;
  readonly managementPortGiven: boolean;
  readonly dataDir: string;
  readonly embeddedDatabase: boolean;

  private constructor(
    readonly values: Readonly<Values>,
    given: ReadonlySet<string>,
  ) {
    this.production = values.NODE_ENV === 'production';
    this.test = values.NODE_ENV === 'test';
    this.portGiven = given.has('PORT');
    this.managementPortGiven = given.has('MANAGEMENT_PORT');
    this.dataDir = resolve(values.DATA_DIR);
    this.embeddedDatabase = values.DATABASE_URL === '';
    Object.freeze(this);
  }

  /**
   * Reads and checks the whole environment. A variable `NAME` may come from the file that `NAME_FILE` names.
   * @throws ConfigurationInvalid with every fault
   */
  static load(environment: Environment = process.env): Config {
    const faults: string[] = [];
    const values: Partial<Record<SettingName, unknown>> = {};
    const given = new Set<string>();
    for (const [name, setting] of Object.entries(settings) as [SettingName, Setting<unknown>][]) {
      if (environment[name] || environment[`${name}_FILE`]) given.add(name);
      const text = textOf(name, environment, faults);
      values[name] = text === undefined ? setting.fallback : valueOf(name, setting, text, faults);
    }
    const complete = values as Values;
    faults.push(...contradictions(complete, given));
    if (faults.length > 0) throw new ConfigurationInvalid(faults);
    return new Config(Object.freeze(complete), given);
  }
}

/** The environment of a command beside the server: it answers no requests, and leaves the jobs to others. */
export function commandEnvironment(different: Environment = {}): Environment {
  return { ...process.env, ROLE: 'api', ...different };
}

function textOf(name: SettingName, environment: Environment, faults: string[]): string | undefined {
  const direct = environment[name];
  const file = environment[`${name}_FILE`];
  if (!file) return direct === '' ? undefined : direct;
  if (direct) {
    faults.push(`${name} and ${name}_FILE are both set: keep one`);
    return undefined;
  }
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    faults.push(`${name}_FILE cannot be read (${(error as NodeJS.ErrnoException).code})`);
    return undefined;
  }
}

function valueOf(name: SettingName, setting: Setting<unknown>, text: string, faults: string[]): unknown {
  try {
    return setting.read(text);
  } catch {
    // The value itself is not repeated: it may be a secret that was put under the wrong name.
    faults.push(`${name} must be ${setting.expects}`);
    return setting.fallback;
  }
}

/** What does not go together. It asks what was given, not what it says: one wrong value is one fault, not two. */
function contradictions(values: Values, given: ReadonlySet<string>): string[] {
  const faults: string[] = [];
  if (given.has('ADMIN_PASSWORD') && !given.has('ADMIN_EMAIL'))
    faults.push('ADMIN_PASSWORD needs ADMIN_EMAIL beside it');
  if (given.has('DATABASE_MIGRATION_URL') && !given.has('DATABASE_URL'))
    faults.push('DATABASE_MIGRATION_URL needs DATABASE_URL beside it');
  if (given.has('NATS_CREDS') && (!given.has('NATS_URL') || values.NATS_URL?.auth))
    faults.push('NATS_CREDS needs NATS_URL beside it, without a user or a token in it');
  // A port that was not given moves out of the way by itself.
  if (given.has('PORT') && given.has('MANAGEMENT_PORT') && values.PORT !== 0 && values.PORT === values.MANAGEMENT_PORT)
    faults.push('PORT and MANAGEMENT_PORT must differ');
  if (values.NODE_ENV !== 'production') return faults;
  if (!given.has('SECRET_KEY'))
    faults.push(
      'SECRET_KEY must be set in production (a generated one is only for trying out): 32 bytes in base64, for example from `openssl rand -base64 32`',
    );
  if (!given.has('DATABASE_URL') && values.ALLOW_EMBEDDED_DATABASE !== '1')
    faults.push('DATABASE_URL must be set in production (or ALLOW_EMBEDDED_DATABASE=1 to keep the embedded database)');
  return faults;
}
