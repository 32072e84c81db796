import { createHmac, randomBytes } from 'node:crypto';

import { WebhookRefused, verifyWebhook } from '../../sdk/src/index.js';

const KEY = randomBytes(32);
const SECRET = `whsec_${KEY.toString('base64')}`;
const NOW = Date.parse('2026-11-21T12:00:00Z');
const PAYLOAD = '{"type":"user.created","data":{"userId":"1"}}';

function signed(payload = PAYLOAD, { key = KEY, id = 'msg_1', at = NOW / 1000 } = {}): Record<string, string> {
  const signature = createHmac('sha256', key).update(`${id}.${at}.${payload}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': String(at), 'webhook-signature': `v1,${signature}` };
}

describe('a webhook', () => {
  it('that was signed with the secret is read', async () => {
    expect(await verifyWebhook(PAYLOAD, signed(), SECRET, NOW)).toEqual(JSON.parse(PAYLOAD));
    expect(await verifyWebhook(Buffer.from(PAYLOAD), new Headers(signed()), SECRET, NOW)).toEqual(JSON.parse(PAYLOAD));
  });

  it('agrees with the example of the specification', async () => {
    const payload = '{"test": 2432232314}';
    const headers = {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    };
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    expect(await verifyWebhook(payload, headers, secret, 1_614_265_330_000)).toEqual({ test: 2432232314 });
  });

  it('may have several signatures, and its reader several secrets', async () => {
    const headers = signed();
    const several = { ...headers, 'webhook-signature': `v1a,xx v1,AAAA ${headers['webhook-signature']}` };
    const other = `whsec_${randomBytes(32).toString('base64')}`;
    expect(await verifyWebhook(PAYLOAD, several, [other, SECRET], NOW)).toBeDefined();
  });

  it.each<[string, string, Record<string, string>]>([
    ['another payload', `${PAYLOAD} `, signed()],
    ['another id', PAYLOAD, { ...signed(), 'webhook-id': 'msg_2' }],
    ['another moment', PAYLOAD, { ...signed(), 'webhook-timestamp': String(NOW / 1000 + 1) }],
    ['another key', PAYLOAD, signed(PAYLOAD, { key: randomBytes(32) })],
    ['a moment six minutes ago', PAYLOAD, signed(PAYLOAD, { at: NOW / 1000 - 360 })],
    ['a moment six minutes ahead', PAYLOAD, signed(PAYLOAD, { at: NOW / 1000 + 360 })],
    ['a moment that is none', PAYLOAD, { ...signed(), 'webhook-timestamp': 'now' }],
    ['a signature that is no base64', PAYLOAD, { ...signed(), 'webhook-signature': 'v1,%%%' }],
    [
      'a signature of another version',
      PAYLOAD,
      { ...signed(), 'webhook-signature': signed()['webhook-signature']!.replace('v1', 'v2') },
    ],
    ['no signature', PAYLOAD, { ...signed(), 'webhook-signature': '' }],
  ])('with %s is refused', async (_, payload, headers) => {
    await expect(verifyWebhook(payload, headers, SECRET, NOW)).rejects.toThrow(WebhookRefused);
  });
});
