import Handlebars from 'handlebars';

import { PAGE_POLICY } from '../platform/pages/page.js';

interface Outbox {
  readonly messages: readonly object[];
}

/** The frames of the page show the mails. */
export const OUTBOX_POLICY = `${PAGE_POLICY}; frame-src 'self'`;

/** A mail is styled inline and fetches nothing; in its sandbox it can neither run a script nor be of our origin. */
export const MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox";

export const OUTBOX_PAGE = Handlebars.compile<Outbox>(`
<h1>Development outbox</h1>
<p>Mail that was not sent, because no mail server is set (<code>SMTP_URL</code>). Newest first; also as JSON at <a href="/dev/mail/messages">/dev/mail/messages</a>.</p>
{{#each messages}}
<article>
  <h2>{{subject}}</h2>
  <p>to {{to}} · {{createdAt}} · <a href="/dev/mail/messages/{{id}}/html">HTML alone</a></p>
  <pre>{{text}}</pre>
  <iframe sandbox src="/dev/mail/messages/{{id}}/html" title="The HTML of “{{subject}}”" loading="lazy" width="100%" height="420"></iframe>
</article>
{{else}}
<p>Nothing yet.</p>
{{/each}}
`);
