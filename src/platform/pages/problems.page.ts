import Handlebars from 'handlebars';

import { renderPage } from './page.js';

/** What a page says about one problem. */
export interface ExplainedProblem {
  readonly code: string;
  readonly status: number;
  readonly title: string;
  readonly cause: string;
  readonly mend: string;
  readonly example: object;
}

/** Sentences with \`code\` in them: escaped first, then set. */
function sentence(text: string): Handlebars.SafeString {
  return new Handlebars.SafeString(Handlebars.escapeExpression(text).replace(/&#x60;(.+?)&#x60;/g, '<code>$1</code>'));
}

const own = Handlebars.create();
own.registerHelper('sentence', sentence);

const LIST = own.compile<{ problems: readonly ExplainedProblem[] }>(`
<main>
<h1>Problems</h1>
<p>Every failure is answered as <code>application/problem+json</code>
(<a href="https://www.rfc-editor.org/rfc/rfc9457">RFC 9457</a>), with one of these codes. A code never changes its
name or its meaning; the words beside it may.</p>
<table>
<thead><tr><th scope="col">Status</th><th scope="col">Code</th><th scope="col">What it is</th></tr></thead>
<tbody>
{{#each problems}}
<tr><td>{{status}}</td><td><a href="/problems/{{code}}"><code>{{code}}</code></a></td><td class="what">{{title}}</td></tr>
{{/each}}
</tbody>
</table>
</main>
`);

const ONE = own.compile<ExplainedProblem & { body: string; before?: string; after?: string }>(`
<nav><a href="/problems">All problems</a></nav>
<main>
<h1>{{title}}</h1>
<p class="quiet"><code>{{code}}</code>, answered with the status {{status}}</p>
<h2>Why it happens</h2>
<p>{{sentence cause}}</p>
<h2>What you can do</h2>
<p>{{sentence mend}}</p>
<h2>What it looks like</h2>
<pre class="example"><code>{{body}}</code></pre>
</main>
<nav class="quiet">
{{#if before}}Before it: <a rel="prev" href="/problems/{{before}}"><code>{{before}}</code></a>{{/if}}
{{#if after}}After it: <a rel="next" href="/problems/{{after}}"><code>{{after}}</code></a>{{/if}}
</nav>
`);

const NONE = own.compile<{ code: string }>(`
<nav><a href="/problems">All problems</a></nav>
<main>
<h1>There is no such problem</h1>
<p>No failure of this server has the code <code>{{code}}</code>.</p>
</main>
`);

export function problemsPage(problems: readonly ExplainedProblem[]): string {
  return renderPage('Problems', LIST({ problems }));
}

/** @param all in the order of the list, for the links to its neighbours */
export function problemPage(problem: ExplainedProblem, all: readonly ExplainedProblem[]): string {
  const place = all.findIndex(({ code }) => code === problem.code);
  const body = JSON.stringify(problem.example, null, 2);
  return renderPage(
    problem.title,
    ONE({ ...problem, body, before: all[place - 1]?.code, after: all[place + 1]?.code }),
  );
}

export function noProblemPage(code: string): string {
  return renderPage('There is no such problem', NONE({ code }));
}
