import { defineMail } from '../mail/index.js';

interface Stopped {
  readonly server: string;
}

export const WebhookFailing = defineMail<Stopped>('webhook-failing', {
  en: {
    subject: 'A webhook was disabled: {{server}}',
    paragraphs: [
      'Hello,',
      'the webhook that you made for {{server}} has taken nothing for days, so nothing is sent to it any more.',
      'What happens from now on is kept for it for a while. Mend the server, then enable the webhook again.',
    ],
  },
  de: {
    subject: 'Ein Webhook wurde abgeschaltet: {{server}}',
    paragraphs: [
      'Guten Tag,',
      'der Webhook, den Sie für {{server}} angelegt haben, hat seit Tagen nichts angenommen; es wird nichts mehr dorthin gesendet.',
      'Was von jetzt an geschieht, wird eine Zeit lang aufgehoben. Bringen Sie den Server in Ordnung und schalten Sie den Webhook wieder ein.',
    ],
  },
});

export const WebhookGone = defineMail<Stopped>('webhook-gone', {
  en: {
    subject: 'A webhook was disabled: {{server}}',
    paragraphs: [
      'Hello,',
      'the webhook that you made for {{server}} answered that it is gone for good (410), so nothing is sent to it any more.',
      'If that was a mistake, enable the webhook again; otherwise delete it.',
    ],
  },
  de: {
    subject: 'Ein Webhook wurde abgeschaltet: {{server}}',
    paragraphs: [
      'Guten Tag,',
      'der Webhook, den Sie für {{server}} angelegt haben, hat geantwortet, dass es ihn nicht mehr gibt (410); es wird nichts mehr dorthin gesendet.',
      'Wenn das ein Irrtum war, schalten Sie den Webhook wieder ein; sonst löschen Sie ihn.',
    ],
  },
});
