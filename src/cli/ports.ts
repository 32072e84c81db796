import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

import type { Config } from '../platform/config/config.js';
import { OperatorFault } from '../platform/config/operator-fault.js';

/** How many ports above the usual one are tried. */
const TRIES = 20;

/** A port that nobody else can take until it is let go, right before the server listens on it. */
export interface HeldPort {
  readonly port: number;
  /** Said when it is not the one that was wanted. */
  readonly note: string | null;
  letGo(): Promise<void>;
}

export interface HeldPorts {
  readonly api: HeldPort;
  readonly management: HeldPort;
}

interface WantedPort {
  /** The setting that chooses it. */
  readonly name: 'PORT' | 'MANAGEMENT_PORT';
  /** 0 is any. */
  readonly port: number;
  readonly host: string;
  /** The operator chose it: then another will not do. */
  readonly given: boolean;
}

/**
 * Takes both ports before anything is started: a taken one is known at once, and the URLs that are kept from the first
 * start name the real one. What the operator chose comes first, so that the other gives way to it.
 * @throws OperatorFault
 */
export async function holdPorts({ values, portGiven, managementPortGiven }: Config): Promise<HeldPorts> {
  const { PORT, HOST, MANAGEMENT_PORT, MANAGEMENT_HOST } = values;
  const wantedApi = { name: 'PORT', port: PORT, host: HOST, given: portGiven } as const;
  const early = portGiven ? await holdPort(wantedApi) : null;
  const management = await holdPort({
    name: 'MANAGEMENT_PORT',
    port: MANAGEMENT_PORT,
    host: MANAGEMENT_HOST,
    given: managementPortGiven,
  });
  return { management, api: early ?? (await holdPort(wantedApi)) };
}

/** The URL by which this machine reaches what listens there. */
export function reachable(host: string, port: number): string {
  const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

async function holdPort(wanted: WantedPort): Promise<HeldPort> {
  const last = wanted.given ? wanted.port : Math.min(wanted.port + TRIES, 65_535);
  for (let port = wanted.port; port <= last; port += 1) {
    const letGo = await hold(port, wanted);
    if (letGo) return letGo;
  }
  throw new OperatorFault(
    wanted.given
      ? `${wanted.name}=${wanted.port} is taken on ${wanted.host}: end what listens there, or choose another port.`
      : `The ports ${wanted.port} to ${last} are all taken on ${wanted.host}: choose one by ${wanted.name}.`,
  );
}

async function hold(port: number, wanted: WantedPort): Promise<HeldPort | null> {
  const { host, name } = wanted;
  // Whoever asks before the start is over is turned away, not kept waiting.
  const server = createServer((socket) => socket.destroy());
  try {
    server.listen({ port, host });
    await once(server, 'listening');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') return null;
    if (code === 'EACCES') throw new OperatorFault(`${name}=${port} may not be used by this user (EACCES).`);
    throw new OperatorFault(`Nothing can listen on ${host}, port ${port} (${code}): check the setting of the host.`);
  }
  const got = (server.address() as AddressInfo).port;
  const moved = port !== wanted.port;
  return {
    port: got,
    note: moved ? `Port ${wanted.port} is taken: ${got} is used in its place (${name} chooses)` : null,
    letGo: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}
