import Handlebars from 'handlebars';

/** Page styles are inline and scripts do not exist, so that a page needs nothing but itself. */
const FRAME = Handlebars.compile<{ title: string; content: string }>(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{title}} · Roster</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1f; background: #fff }
  article { border: 1px solid #d5d5dc; border-radius: 8px; padding: 0 1rem; margin: 1rem 0 }
  pre { white-space: pre-wrap; font: 14px/1.5 ui-monospace, monospace }
  @media (prefers-color-scheme: dark) { body { color: #e6e6ea; background: #1b1b1f } article { border-color: #44444c } a { color: #9db8ff } }
</style>
</head>
<body>{{{content}}}</body>
</html>
`);

/** A whole HTML page. @param content HTML that was escaped already, by a template */
export function renderPage(title: string, content: string): string {
  return FRAME({ title, content });
}

/** The policy of such pages (CSP 3). */
export const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
