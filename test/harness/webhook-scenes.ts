import type { TestApp } from './app.js';
import { unique } from './people.js';
import type { Setting } from './scene.js';

/** Nobody has a server there; and it listens to what hardly happens. */
export async function aWebhook(app: TestApp): Promise<string> {
  const body = { url: `https://hooks.customer.example/${unique('h')}`, eventTypes: ['webhook.secret_rotated'] };
  return (await (await app.people.admin()).post<{ id: string }>('/api/v1/webhooks', body)).body.id;
}

async function aDelivery(app: TestApp, webhookId: string): Promise<string> {
  const url = `/api/v1/webhooks/${webhookId}/test`;
  return (await (await app.people.admin()).post<{ id: string }>(url)).body.id;
}

const withWebhook: Setting = async (app) => ({ id: await aWebhook(app) });
const withDelivery: Setting = async (app) => ({ id: await aDelivery(app, await aWebhook(app)) });

export const WEBHOOK_SETTINGS: Readonly<Record<string, Setting>> = {
  'webhooks.list': async (app) => {
    for (let webhooks = 0; webhooks < 2; webhooks += 1) await aWebhook(app);
    return {};
  },
  'webhooks.get': withWebhook,
  'webhooks.patch': withWebhook,
  'webhooks.delete': withWebhook,
  'webhooks.rotateSecret': withWebhook,
  'webhooks.replay': withWebhook,
  'webhooks.test': withWebhook,
  'webhooks.deliveries': async (app) => {
    const id = await aWebhook(app);
    for (let deliveries = 0; deliveries < 2; deliveries += 1) await aDelivery(app, id);
    return { id };
  },
  'webhookDeliveries.get': withDelivery,
  'webhookDeliveries.redeliver': withDelivery,
};
