import { createHash } from 'node:crypto';

import Handlebars from 'handlebars';

const STYLE = `
  :root { color-scheme: light dark; --ink: #1b1b1f; --quiet: #5b5b66; --line: #d5d5dc; --paper: #fff; --box: #f5f6f8; --link: #1a56c4 }
  @media (prefers-color-scheme: dark) { :root { --ink: #e6e6ea; --quiet: #a5a5b2; --line: #44444c; --paper: #1b1b1f; --box: #26262c; --link: #9db8ff } }
  body { font: 16px/1.55 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: var(--ink); background: var(--paper) }
  h1 { line-height: 1.25 }
  a { color: var(--link) }
  :focus-visible { outline: 3px solid var(--link); outline-offset: 2px }
  article { border: 1px solid var(--line); border-radius: 8px; padding: 0 1rem; margin: 1rem 0 }
  pre, code { font-family: ui-monospace, monospace; font-size: .875em }
  pre { white-space: pre-wrap; overflow-wrap: anywhere }
  .example { background: var(--box); border-radius: 8px; padding: 1rem }
  code { background: var(--box); border-radius: 4px; padding: .1em .3em }
  pre code, td code { background: none; padding: 0 }
  table { border-collapse: collapse; width: 100% }
  th, td { text-align: left; vertical-align: top; padding: .5rem .75rem .5rem 0; border-bottom: 1px solid var(--line) }
  td code { overflow-wrap: anywhere }
  input { font: inherit; padding: .5rem; width: min(100%, 24rem); box-sizing: border-box; color: inherit; background: var(--box); border: 1px solid var(--line); border-radius: 6px }
  button { font: inherit; padding: .6rem 1.2rem; color: #fff; background: #1a56c4; border: 0; border-radius: 6px; cursor: pointer }
  .quiet { color: var(--quiet) }
  @media (max-width: 34rem) { thead { display: none } tr { display: grid; grid-template-columns: 3.5rem 1fr; padding: .5rem 0; border-bottom: 1px solid var(--line) } td { padding: 0; border: 0 } td.what { grid-column: 2 } }
`;

/** The style is inline, under its digest in the policy; most pages need nothing but themselves. */
const FRAME = Handlebars.compile<{
  title: string;
  style: string;
  content: string;
  language: string;
  script: string | null;
}>(`<!doctype html>
<html lang="{{language}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{title}} · Roster</title>
<link rel="icon" href="data:,">
<style>{{{style}}}</style>
{{#if script}}<script type="module" src="{{script}}"></script>
{{/if}}</head>
<body>{{{content}}}</body>
</html>
`);

/**
 * A whole HTML page.
 * @param content HTML that was escaped already, by a template
 * @param script the address of a module of this server, for pages under SCRIPTED_PAGE_POLICY
 */
export function renderPage(
  title: string,
  content: string,
  { script = null, language = 'en' }: { readonly script?: string | null; readonly language?: string } = {},
): string {
  return FRAME({ title, style: STYLE, content, script, language });
}

const digest = createHash('sha256').update(STYLE).digest('base64');

/** The policy of such pages (CSP 3). */
export const PAGE_POLICY = `default-src 'none'; style-src 'sha256-${digest}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** The policy of pages that send what is typed into them, by a script of this server. */
export const SCRIPTED_PAGE_POLICY = `${PAGE_POLICY}; script-src 'self'; connect-src 'self'`;
