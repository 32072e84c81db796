import type { INestApplication } from '@nestjs/common';
import type { MicroserviceOptions } from '@nestjs/microservices';

import { PublicUrl } from '../platform/http/public-url.js';
import { AnswerWriter, schemasOfQuestions } from './answers.js';
import { BrokerModule } from './broker.module.js';
import { QuestionsServer } from './questions-server.js';

/** Makes the application a hybrid one, if somebody has said where NATS is. It does not wait for NATS. */
export async function serveQuestions(app: INestApplication): Promise<void> {
  const server = app.get(QuestionsServer);
  if (!server.isWanted) return;
  const publicUrl = app.get(PublicUrl);
  server.writeBy(new AnswerWriter(schemasOfQuestions(app, BrokerModule), () => publicUrl.value));
  app.connectMicroservice<MicroserviceOptions>({ strategy: server });
  await app.startAllMicroservices();
}
