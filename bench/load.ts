import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const CONNECTIONS = 32;

/** What a generator saw of one run. Latencies in milliseconds. */
export interface Load {
  readonly requests: number;
  readonly seconds: number;
  readonly failures: number;
  readonly p50: number;
  readonly p99: number;
}

export interface Generator {
  readonly name: string;
  /** Reads users drawn from `ids.txt` with tokens drawn from `tokens.txt`, over CONNECTIONS connections. */
  run(url: string, seconds: number): Promise<Load>;
}

/** wrk where there is one, for it takes least from the server; else autocannon, which npm brings. */
export function chooseGenerator(folder: string): Generator {
  const hasWrk = spawnSync('wrk', ['-v']).error === undefined;
  return hasWrk ? wrk(folder) : autocannon(folder);
}

function wrk(folder: string): Generator {
  const script = join(folder, 'load.lua');
  writeFileSync(script, lua(folder));
  return {
    name: 'wrk',
    run: (url, seconds) =>
      output('wrk', ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '--timeout', '5s', '-s', script, url]),
  };
}

function autocannon(folder: string): Generator {
  const script = join(folder, 'bench', 'autocannon.js');
  return {
    name: 'autocannon',
    run: (url, seconds) => output(process.execPath, [script, url, String(seconds), folder]),
  };
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
function lua(folder: string): string {
  return `
local function lines(path)
  local all = {}
  for line in io.lines(path) do all[#all + 1] = line end
  return all
end
local ids, tokens

function init()
  math.randomseed(os.time())
  ids = lines("${join(folder, 'ids.txt')}")
  tokens = lines("${join(folder, 'tokens.txt')}")
end

function request()
  return "GET /api/v1/users/" .. ids[math.random(#ids)] .. " HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nAuthorization: Bearer "
    .. tokens[math.random(#tokens)] .. "\\r\\n\\r\\n"
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('\\n{"requests":%d,"seconds":%f,"failures":%d,"p50":%f,"p99":%f}\\n', summary.requests,
    summary.duration / 1e6, errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
`;
}
