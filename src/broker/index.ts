export { BrokerModule } from './broker.module.js';
export { serveQuestions } from './serve-questions.js';
