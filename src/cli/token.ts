import { Administrators } from '../auth/index.js';
import { OperatorFault } from '../platform/config/operator-fault.js';
import { SettingsRepository } from '../platform/database/settings.repository.js';
import { withApplication } from './application.js';
import type { Invocation } from './invocation.js';
import { reachable } from './ports.js';

export async function giveToken({ answer, email }: Invocation): Promise<number> {
  const accessToken = await withApplication(async (app, { config, publicUrl }) => {
    if (config.production)
      throw new OperatorFault('A token without a sign-in is for developing: not with NODE_ENV=production.');
    const { PUBLIC_URL, HOST, PORT } = config.values;
    publicUrl.settle(PUBLIC_URL || (await app.get(SettingsRepository).settle('public_url', reachable(HOST, PORT))));
    return app.get(Administrators).token(email);
  });
  return answer(accessToken, { accessToken });
}
