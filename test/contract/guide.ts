/** What a page of docs/guide promises: a command, and what is answered to it. */
export interface Example {
  readonly page: string;
  readonly command: string;
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
  readonly expected: { readonly status: number; readonly headers: [string, string][]; readonly body?: unknown };
}

/** Each ```sh block of one curl that an ```http block follows. */
export function examplesOf(page: string, text: string): ((variables: Record<string, string>) => Example)[] {
  const pairs = text.matchAll(/```sh\n(curl [^`]*?)\n```\n+```http\n([^`]*?)\n```/g);
  return [...pairs].map(([, command, answer]) => (variables) => ({
    page,
    command: command!,
    ...requestOf(command!, variables),
    expected: answerOf(answer!),
  }));
}

function requestOf(
  command: string,
  variables: Record<string, string>,
): Pick<Example, 'method' | 'url' | 'headers' | 'body'> {
  const [, ...words] = wordsOf(command, variables);
  const headers: Record<string, string> = {};
  const data: string[] = [];
  let method: string | undefined;
  let inQuery = false;
  let url = '';
  for (let place = 0; place < words.length; place += 1) {
    const word = words[place]!;
    const next = (): string => words[(place += 1)]!;
    if (word === '-i') continue;
    else if (word === '-iG') inQuery = true;
    else if (word === '-X') method = next();
    else if (word === '-H') {
      const [name, ...value] = next().split(': ');
      headers[name!.toLowerCase()] = value.join(': ');
    } else if (word === '-d') data.push(next());
    else if (word === '--data-urlencode') {
      const [name, ...value] = next().split('=');
      data.push(`${name}=${encodeURIComponent(value.join('='))}`);
    } else if (word.startsWith('http://127.0.0.1:3000/')) url = word.slice('http://127.0.0.1:3000'.length);
    else throw new Error(`The test does not know "${word}" of: ${command}`);
  }
  if (inQuery) return { method: method ?? 'GET', url: data.length ? `${url}?${data.join('&')}` : url, headers };
  const body = data.length ? data.join('&') : undefined;
  return { method: method ?? (body === undefined ? 'GET' : 'POST'), url, headers, body };
}

/** The words as a shell reads them: quotes, variables, escaped quotes and line ends. */
function wordsOf(command: string, variables: Record<string, string>): string[] {
  const fill = (text: string): string =>
    text.replace(/\$([A-Z]+)/g, (_, name: string) => {
      if (variables[name] === undefined) throw new Error(`No page before has told what $${name} is`);
      return variables[name];
    });
  const parts = command.replace(/\\\n\s*/g, ' ').matchAll(/(?:'([^']*)'|"((?:\\.|[^"\\])*)"|([^\s'"]+))(\s|$)/g);
  return [...parts].map(([, single, double, bare]) => single ?? fill(double?.replace(/\\(.)/g, '$1') ?? bare!));
}

function answerOf(text: string): Example['expected'] {
  const [head, ...rest] = text.split('\n\n');
  const [first, ...lines] = head!.split('\n');
  const body = rest.join('\n\n').trim();
  return {
    status: Number(first!.split(' ')[1]),
    headers: lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
    // JSON by its members; any other text, such as CSV, as it stands.
    body: body.startsWith('{') ? JSON.parse(body) : body || undefined,
  };
}

/** What Jest compares with: `…` stands for anything, members that are not named may be there. */
export function pattern(value: unknown): unknown {
  if (typeof value === 'string' && value.includes('…'))
    return expect.stringMatching(new RegExp(`^${value.split('…').map(literally).join('.+')}$`, 's'));
  if (Array.isArray(value)) return value.map(pattern);
  if (typeof value !== 'object' || value === null) return value;
  return expect.objectContaining(
    Object.fromEntries(Object.entries(value).map(([name, member]) => [name, pattern(member)])),
  );
}

const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** What the reader keeps of an answer for the commands that follow. */
export function kept(body: unknown): Record<string, string> {
  const { accessToken, refreshToken, id, page } = (body ?? {}) as {
    accessToken?: string;
    refreshToken?: string;
    id?: string;
    page?: { nextCursor: string | null };
  };
  const all = { TOKEN: accessToken, REFRESH: refreshToken, ID: id, CURSOR: page?.nextCursor ?? undefined };
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
