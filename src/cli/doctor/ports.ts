import type { Config } from '../../platform/config/config.js';
import { OperatorFault } from '../../platform/config/operator-fault.js';
import { holdPorts, reachable } from '../ports.js';
import { fault, ok, warning } from './finding.js';
import type { Finding } from './finding.js';

/** Whether a start could listen; Roster itself may be what listens already. */
export async function examinePorts(config: Config): Promise<Finding[]> {
  const { HOST, PORT } = config.values;
  const running = await rosterAt(`${reachable(HOST, PORT)}/health/live`);
  if (running) return [ok('ports', `Roster runs already: ${running}`)];
  try {
    const { api, management } = await holdPorts(config);
    await Promise.all([api.letGo(), management.letGo()]);
    return [api, management].map(({ port, note }, index) => {
      const about = index === 0 ? 'PORT' : 'MANAGEMENT_PORT';
      return note ? warning(about, note) : ok(about, `${port} is free`);
    });
  } catch (error) {
    if (error instanceof OperatorFault) return [fault('ports', error.message)];
    throw error;
  }
}

async function rosterAt(url: string): Promise<string | null> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2000) });
    const roster = answer.headers.get('content-type')?.startsWith('application/health+json') ?? false;
    return roster ? `${url} answers ${answer.status}` : null;
  } catch {
    // Nobody listens, or nobody who speaks HTTP with us: the attempt to listen will tell which.
    return null;
  }
}
