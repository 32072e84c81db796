import Handlebars from 'handlebars';

/** A mail as it will be written: the HTML part escapes its values, the others are plain text. */
export interface MailTemplate<V extends object> {
  readonly name: string;
  readonly render: (values: V) => RenderedMail;
}

export interface RenderedMail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

export interface MailParts {
  readonly subject: string;
  readonly paragraphs: readonly string[];
}

const templates = new Map<string, MailTemplate<never>>();

/** Compiles a mail once, at start; `{{value}}` stands in every part. */
export function defineMail<V extends object>(name: string, parts: MailParts): MailTemplate<V> {
  if (templates.has(name)) throw new Error(`The mail "${name}" is defined twice`);
  const strict = { strict: true, noEscape: true };
  const subject = Handlebars.compile<V>(parts.subject, strict);
  const text = Handlebars.compile<V>(`${parts.paragraphs.join('\n\n')}\n`, strict);
  const html = Handlebars.compile<V>(parts.paragraphs.map((paragraph) => `<p>${paragraph}</p>`).join('\n'), {
    strict: true,
  });
  // A line break in a value must not become a header of its own.
  const oneLine = (line: string): string => line.replace(/[\r\n\u2028\u2029]+/g, ' ');
  const template: MailTemplate<V> = {
    name,
    render: (values) => ({ subject: oneLine(subject(values)), text: text(values), html: html(values) }),
  };
  templates.set(name, template as MailTemplate<never>);
  return template;
}

export function templateOf(name: string): MailTemplate<never> {
  const template = templates.get(name);
  if (!template) throw new Error(`There is no mail "${name}"`);
  return template;
}
