import { Config } from '../platform/config/config.js';
import { Logs } from '../platform/logging/logger.js';
import type { Invocation } from './invocation.js';
import { holdPorts } from './ports.js';
import { Stop } from './stop.js';

/** Starts everything, says so, and waits until it is asked to stop. */
export async function serve({ json, showCredentials }: Invocation): Promise<number> {
  const config = Config.load();
  const ports = await holdPorts(config);
  const terminal = process.stdout.isTTY && !json;
  const logs = new Logs({ level: config.values.LOG_LEVEL, pretty: terminal });
  const stop = new Stop(logs, config.values.SHUTDOWN_DELAY + config.values.SHUTDOWN_DEADLINE);
  stop.watch();
  try {
    // Only now: to load the program takes most of the start, and a refusal need not wait for it.
    const { start } = await import('./start.js');
    await start({ config, ports, logs, stop, terminal, visible: terminal || showCredentials });
  } catch (error) {
    // A Ctrl-C reaches initdb too: what fails after it is no failure of the start.
    if (stop.isAsked) logs.of('stop').debug({ err: error }, 'The start did not come to its end');
    else {
      await stop.everything();
      throw error;
    }
  }
  const code = await stop.whenAsked();
  await logs.flush();
  return code;
}
