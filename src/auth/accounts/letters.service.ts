import { Injectable } from '@nestjs/common';

import { Mail } from '../../mail/index.js';
import type { Recipient, defineMail } from '../../mail/index.js';
import type { FlowPurpose } from '../flows/flow.entity.js';
import { Flows } from '../flows/flows.service.js';
import type { NewFlow } from '../flows/flows.service.js';
import { AccountLinks } from './account-links.js';
import type { AccountPage } from './account-links.js';

type Template<V extends object> = ReturnType<typeof defineMail<V>>;

/** The letters about accounts; those that carry a proof begin the flow that it ends. Part of the caller's transaction. */
@Injectable()
export class Letters {
  constructor(
    private readonly mail: Mail,
    private readonly flows: Flows,
    private readonly links: AccountLinks,
  ) {}

  /** @param to null for nobody: the same work @returns the flow */
  async begin(
    purpose: FlowPurpose,
    flow: NewFlow,
    letter: { readonly template: Template<{ code: string; link: string }>; readonly page: AccountPage },
    to: Recipient | null,
  ): Promise<string> {
    const { flowId, code, token } = await this.flows.begin(purpose, flow);
    await this.mail.send(letter.template, to, { code, link: this.links.to(letter.page, token) });
    return flowId;
  }

  tell<V extends object>(template: Template<V>, to: Recipient, values: V): Promise<void> {
    return this.mail.send(template, to, values);
  }
}
