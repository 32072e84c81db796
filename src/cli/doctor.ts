import { Config, ConfigurationInvalid, commandEnvironment } from '../platform/config/config.js';
import { OperatorFault } from '../platform/config/operator-fault.js';
import { withDatabase } from './application.js';
import { examineDatabase } from './doctor/database.js';
import { fault } from './doctor/finding.js';
import type { Finding } from './doctor/finding.js';
import { examinePorts } from './doctor/ports.js';
import { examineSettings } from './doctor/settings.js';
import type { Invocation } from './invocation.js';

/** How long the doctor waits for a database that does not answer. Milliseconds. */
const PATIENCE = 5000;

/**
 * Looks at everything that a start depends on, and changes nothing but what a start would make: the embedded database
 * is joined or started for as long as it takes.
 * @returns 1 if anything is at fault; warnings do not count
 */
export async function examine({ answer, production }: Invocation): Promise<number> {
  const findings = await examineAll(production);
  const faults = findings.filter(({ verdict }) => verdict === 'fault').length;
  answer([...findings.map(line), '', summary(findings)].join('\n'), { healthy: faults === 0, findings });
  return faults > 0 ? 1 : 0;
}

async function examineAll(production: boolean): Promise<Finding[]> {
  const environment = commandEnvironment(production ? { NODE_ENV: 'production' } : {});
  const config = readable(environment);
  if (Array.isArray(config)) return config;
  return [...examineSettings(config), ...(await examinePorts(config)), ...(await reachDatabase(environment))];
}

function readable(environment: ReturnType<typeof commandEnvironment>): Config | Finding[] {
  try {
    return Config.load(environment);
  } catch (error) {
    if (error instanceof ConfigurationInvalid) return error.faults.map((detail) => fault('configuration', detail));
    throw error;
  }
}

async function reachDatabase(environment: ReturnType<typeof commandEnvironment>): Promise<Finding[]> {
  try {
    return await withDatabase(examineDatabase, { environment, patience: PATIENCE });
  } catch (error) {
    if (error instanceof OperatorFault) return [fault('database', error.message)];
    throw error;
  }
}

const SIGNS = { ok: '✓', warning: '!', fault: '✗' } as const;

function line({ verdict, about, detail }: Finding): string {
  return `${SIGNS[verdict]} ${about.padEnd(18)}${detail}`;
}

function summary(findings: readonly Finding[]): string {
  const count = (verdict: Finding['verdict']): number => findings.filter((each) => each.verdict === verdict).length;
  const [faults, warnings] = [count('fault'), count('warning')];
  if (faults > 0) return `${faults} at fault, ${warnings} to think about.`;
  return warnings > 0 ? `Well, with ${warnings} to think about.` : 'All is well.';
}
