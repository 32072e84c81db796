import Handlebars from 'handlebars';

/** The languages that mail is written in; the first is for whoever reads none of them. */
export const LANGUAGES = ['en', 'de'] as const;
export type Language = (typeof LANGUAGES)[number];

/** By a BCP 47 tag such as `de-AT`. */
export function languageOf(locale: string): Language {
  return LANGUAGES.find((language) => new RegExp(`^${language}(-|$)`, 'i').test(locale)) ?? LANGUAGES[0];
}

interface Frame {
  readonly host: string;
}

const WORDS = {
  en: {
    instead: 'Or open this address:',
    footer: ['Roster at {{host}}', 'This message was sent automatically; replies are not read.'],
  },
  de: {
    instead: 'Oder öffnen Sie diese Adresse:',
    footer: ['Roster auf {{host}}', 'Diese Nachricht wurde automatisch versendet; Antworten werden nicht gelesen.'],
  },
} as const;

/** The source of one paragraph: `{{code}}` alone is shown large, `{{link}}` alone is a button. The words are escaped. */
export function htmlParagraph(paragraph: string, action: string | undefined, language: Language): string {
  if (paragraph === '{{code}}') return `<p style="${CODE}">{{code}}</p>`;
  if (paragraph !== '{{link}}') return `<p style="${PARAGRAPH}">${Handlebars.escapeExpression(paragraph)}</p>`;
  const label = Handlebars.escapeExpression(action ?? '');
  return `<p style="${PARAGRAPH}"><a href="{{link}}" style="${BUTTON}">${label}</a></p>
<p style="${SMALL}">${WORDS[language].instead}<br><a href="{{link}}" style="${ADDRESS}">{{link}}</a></p>`;
}

/** The same for the plain part; a link has a line to itself, so that every reader finds its end. */
export function textParagraph(paragraph: string, action: string | undefined): string {
  return paragraph === '{{link}}' ? `${action}:\n{{link}}` : paragraph;
}

// Colours are left to the reader's own light or dark theme, but for the button, which says both of its two.
const BODY = 'margin:0;padding:24px 16px;font:16px/1.55 system-ui,-apple-system,Segoe UI,Roboto,sans-serif';
const COLUMN = 'max-width:32rem;margin:0 auto';
const BRAND = 'margin:0 0 24px;font-size:20px;font-weight:700';
const PARAGRAPH = 'margin:0 0 16px';
const CODE = 'margin:0 0 16px;font:700 32px/1.3 ui-monospace,Menlo,Consolas,monospace;letter-spacing:6px';
const BUTTON =
  'display:inline-block;padding:12px 20px;border-radius:8px;background:#1a56c4;color:#ffffff;font-weight:600;text-decoration:none';
const SMALL = 'margin:0 0 16px;font-size:14px;overflow-wrap:anywhere';
const ADDRESS = 'color:inherit';
const FOOTER = 'margin:32px 0 0;padding-top:16px;border-top:1px solid #8a8a94;font-size:13px;opacity:.8';

// No table and no image: whatever shows HTML shows this, and nobody is told when it was opened.
const PAGE = Handlebars.compile<{ language: Language; subject: string; content: string; footer: readonly string[] }>(
  `<!doctype html>
<html lang="{{language}}" style="color-scheme:light dark">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{{subject}}</title>
</head>
<body style="${BODY}">
<div style="${COLUMN}">
<p style="${BRAND}">Roster</p>
{{{content}}}
<p style="${FOOTER}">{{#each footer}}{{#unless @first}}<br>{{/unless}}{{this}}{{/each}}</p>
</div>
</body>
</html>
`,
  { strict: true },
);

const FOOTERS = {
  en: WORDS.en.footer.map((line) => Handlebars.compile<Frame>(line, { strict: true, noEscape: true })),
  de: WORDS.de.footer.map((line) => Handlebars.compile<Frame>(line, { strict: true, noEscape: true })),
};

const footerOf = (language: Language, host: string): string[] => FOOTERS[language].map((line) => line({ host }));

/** @param content HTML that was escaped already, by a template */
export function htmlPart(subject: string, content: string, language: Language, host: string): string {
  return PAGE({ language, subject, content, footer: footerOf(language, host) });
}

/** `-- ` is where readers know a signature by (RFC 3676, 4.3). */
export function textPart(content: string, language: Language, host: string): string {
  return `${content}\n\n-- \n${footerOf(language, host).join('\n')}\n`;
}
