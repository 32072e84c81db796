import Handlebars from 'handlebars';

interface Outbox {
  readonly messages: readonly object[];
}

export const OUTBOX_PAGE = Handlebars.compile<Outbox>(`
<h1>Development outbox</h1>
<p>Mail that was not sent, because no mail server is set. Newest first; also as JSON at <a href="/dev/mail/messages">/dev/mail/messages</a>.</p>
{{#each messages}}
<article>
  <h2>{{subject}}</h2>
  <p>to {{to}} · {{createdAt}}</p>
  <pre>{{text}}</pre>
</article>
{{else}}
<p>Nothing yet.</p>
{{/each}}
`);
