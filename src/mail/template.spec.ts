import { defineMail } from './template.js';
import type { MailWords } from './template.js';

const plain: MailWords = { subject: 'Hello', paragraphs: ['How are you?'] };

describe('a mail that is defined', () => {
  it.each<[string, MailWords, MailWords, string]>([
    ['names a value in one language only', plain, { ...plain, subject: 'Hallo {{name}}' }, 'other values'],
    ['does not escape a value', { ...plain, paragraphs: ['{{{name}}}'] }, plain, 'nothing else'],
    ['does not escape a value, in other signs', { ...plain, paragraphs: ['{{&name}}'] }, plain, 'nothing else'],
    ['has a block', { ...plain, paragraphs: ['{{#if name}}x{{/if}}'] }, plain, 'nothing else'],
    ['has half a place', { ...plain, paragraphs: ['Hello {{name'] }, plain, 'nothing else'],
    ['has a button that says nothing', { ...plain, paragraphs: ['{{link}}'] }, plain, 'says nothing'],
    ['has a button in one language only', { ...plain, action: 'Go' }, plain, 'other values'],
  ])('stops the start when it %s', (what, en, de, says) => {
    expect(() => defineMail(what, { en, de })).toThrow(says);
  });

  it('stops the start when there is another of its name', () => {
    defineMail('twice', { en: plain, de: plain });
    expect(() => defineMail('twice', { en: plain, de: plain })).toThrow('defined twice');
  });

  it('does not render without one of its values', () => {
    const words = { ...plain, paragraphs: ['Hello {{name}}'] };
    const template = defineMail<{ name?: string }>('lacking', { en: words, de: words });
    expect(() => template.render({}, 'en', 'example.com')).toThrow('name');
    expect(template.render({ name: 'Ada' }, 'en', 'example.com').text).toContain('Hello Ada');
  });
});
