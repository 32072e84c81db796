import Handlebars from 'handlebars';

import { LANGUAGES, htmlParagraph, htmlPart, languageOf, textParagraph, textPart } from './layout.js';
import type { Language } from './layout.js';

/** What one mail says in one language. `{{value}}` stands for a value, anywhere. */
export interface MailWords {
  readonly subject: string;
  /** One that is exactly `{{code}}` is shown large; one that is exactly `{{link}}` is where the button stands, by default the end. */
  readonly paragraphs: readonly string[];
  /** What the button to the value `link` says. */
  readonly action?: string;
}

/** A mail as it will be written: the HTML part escapes its values, the others are plain text. */
export interface MailTemplate<V extends object> {
  readonly name: string;
  readonly render: (values: V, locale: string, host: string) => RenderedMail;
}

export interface RenderedMail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

const templates = new Map<string, MailTemplate<never>>();

/** Compiles a mail once, at start, in every language; both must name the same values, so that neither lacks one. */
export function defineMail<V extends object>(
  name: string,
  words: Readonly<Record<Language, MailWords>>,
): MailTemplate<V> {
  if (templates.has(name)) throw new Error(`The mail "${name}" is defined twice`);
  const [first, ...others] = LANGUAGES.map((language) => valuesIn(name, words[language]));
  if (others.some((other) => other !== first))
    throw new Error(`The mail "${name}" names other values in each language`);
  const compiled = { en: compile<V>(words.en, 'en'), de: compile<V>(words.de, 'de') };
  const template: MailTemplate<V> = {
    name,
    render: (values, locale, host) => compiled[languageOf(locale)](oneLined(values), host),
  };
  templates.set(name, template as MailTemplate<never>);
  return template;
}

export function templateOf(name: string): MailTemplate<never> {
  const template = templates.get(name);
  if (!template) throw new Error(`There is no mail "${name}"`);
  return template;
}

const PLAIN = { strict: true, noEscape: true };

function compile<V extends object>(words: MailWords, language: Language): (values: V, host: string) => RenderedMail {
  const paragraphs = withButton(words);
  const subject = Handlebars.compile<V>(words.subject, PLAIN);
  const texts = paragraphs.map((paragraph) => textParagraph(paragraph, words.action));
  const text = Handlebars.compile<V>(texts.join('\n\n'), PLAIN);
  const blocks = paragraphs.map((paragraph) => htmlParagraph(paragraph, words.action, language));
  const html = Handlebars.compile<V>(blocks.join('\n'), { strict: true });
  return (values, host) => {
    const title = subject(values);
    return {
      subject: title,
      text: textPart(text(values), language, host),
      html: htmlPart(title, html(values), language, host),
    };
  };
}

function withButton({ paragraphs, action }: MailWords): readonly string[] {
  return action === undefined || paragraphs.includes('{{link}}') ? paragraphs : [...paragraphs, '{{link}}'];
}

/** The names of the values, sorted. @throws Error for anything else of Handlebars: the words would not be escaped then */
function valuesIn(name: string, words: MailWords): string {
  const source = [words.subject, words.action ?? '', ...withButton(words)].join('\n');
  const places = source.match(/\{\{[a-z][a-zA-Z]*\}\}/g) ?? [];
  if (places.join('') !== (source.match(/\{\{.*?\}\}+|\{\{|\}\}/g) ?? []).join(''))
    throw new Error(`The mail "${name}" may hold {{value}} and nothing else of Handlebars`);
  if (words.action === undefined && words.paragraphs.includes('{{link}}'))
    throw new Error(`The mail "${name}" has a button that says nothing`);
  return [...new Set(places)].sort().join(' ');
}

/** A line break in a value must become neither a header of its own nor a paragraph that we did not write. */
function oneLined<V extends object>(values: V): V {
  const oneLine = (value: unknown): unknown =>
    typeof value === 'string' ? value.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ') : value;
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, oneLine(value)])) as V;
}
