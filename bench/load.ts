import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Job } from './options.js';

/** What a generator saw of one run. Latencies in milliseconds. */
export interface Load {
  readonly requests: number;
  readonly seconds: number;
  readonly failures: number;
  readonly p50: number;
  readonly p99: number;
}

/** What is asked, of whom, by how many at once. */
export interface Order {
  readonly url: string;
  readonly job: Job;
  readonly hello: string;
  readonly connections: number;
  readonly seconds: number;
  readonly freshTokens: boolean;
}

export interface Generator {
  readonly name: string;
  /** Draws users from `ids.txt` and tokens from `tokens.txt`. */
  run(order: Order): Promise<Load>;
}

/** wrk where there is one, for it takes least from the server; else autocannon, which npm brings. */
export function chooseGenerator(folder: string): Generator {
  const hasWrk = spawnSync('wrk', ['-v']).error === undefined;
  const plain = hasWrk ? wrk(folder) : autocannon(folder);
  return { ...plain, run: (order) => (isChain(order.job) ? chains(folder, order) : plain.run(order)) };
}

/** Each request needs what the one before was answered. */
function isChain(job: Job): boolean {
  return job === 'sign-in' || job === 'refresh';
}

let runs = 0;

function wrk(folder: string): Generator {
  return {
    name: 'wrk',
    run: (order) => {
      const script = join(folder, 'load.lua');
      writeFileSync(script, lua(folder, order, (runs += 1)));
      const { connections, seconds, url } = order;
      return output('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '5s', '-s', script, url]);
    },
  };
}

function autocannon(folder: string): Generator {
  return {
    name: 'autocannon',
    run: (order) =>
      output(process.execPath, [
        join(folder, 'bench', 'autocannon.js'),
        folder,
        JSON.stringify(order),
        String((runs += 1)),
      ]),
  };
}

function chains(folder: string, order: Order): Promise<Load> {
  const script = join(folder, 'bench', 'chains.js');
  return output(process.execPath, [script, folder, JSON.stringify(order), String((runs += 1))]);
}

/** The last line of what a program writes, as JSON. */
function output(program: string, parts: readonly string[]): Promise<Load> {
  const child = spawn(program, parts, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (bytes: Buffer) => (text += bytes.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(JSON.parse(text.trimEnd().split('\n').at(-1)!) as Load);
      else reject(new Error(`${program} ended with ${code}`));
    });
  });
}

/** The request is put together by hand: wrk.format would cost the generator more than sending it. */
function lua(folder: string, { job, hello, freshTokens }: Order, run: number): string {
  const tokens = join(folder, freshTokens ? 'fresh-tokens.txt' : 'tokens.txt');
  const head = '" HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nAuthorization: Bearer " .. token()';
  const requests: Record<string, string> = {
    hello: `return "GET ${hello} HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\n\\r\\n"`,
    read: `return "GET /api/v1/users/" .. ids[math.random(#ids)] .. ${head} .. "\\r\\n\\r\\n"`,
    list: `return "GET /api/v1/users?limit=20" .. ${head} .. "\\r\\n\\r\\n"`,
    create: `made = made + 1
  local body = '{"email":"bench.${process.pid}.${run}.' .. made .. '@example.com","name":"Bench Person"}'
  return "POST /api/v1/users" .. ${head} .. "\\r\\nContent-Type: application/json\\r\\nIdempotency-Key: ${process.pid}-${run}-"
    .. made .. "\\r\\nContent-Length: " .. #body .. "\\r\\n\\r\\n" .. body`,
  };
  return `
local function lines(path)
  local all = {}
  for line in io.lines(path) do all[#all + 1] = line end
  return all
end
local ids, tokens
local made, turn = 0, 0

function init()
  math.randomseed(os.time())
  ids = lines("${join(folder, 'ids.txt')}")
  tokens = lines("${tokens}")
end

local function token()
  turn = turn % #tokens + 1
  return tokens[${freshTokens ? 'turn' : 'math.random(#tokens)'}]
end

function request()
  ${requests[job]}
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('\\n{"requests":%d,"seconds":%f,"failures":%d,"p50":%f,"p99":%f}\\n', summary.requests,
    summary.duration / 1e6, errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
`;
}
