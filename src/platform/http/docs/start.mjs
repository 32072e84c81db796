import { forPeople } from './document.mjs';
import { drawPanel } from './panel.mjs';
import { Session } from './session.mjs';

const { document, window } = globalThis;

/** The name of the scheme in the document, and what it says there. */
const SCHEME = 'bearer';
const schema = { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' };

let draw = () => undefined;
let swagger;
/** True while the plugin itself authorises: only what people do in the dialog is a token by hand. */
let ours = false;

const session = new Session(
  {
    fetch: (...request) => window.fetch(...request),
    storage: window.sessionStorage,
    now: () => Date.now(),
    setTimeout: (...timer) => window.setTimeout(...timer),
    clearTimeout: (timer) => window.clearTimeout(timer),
  },
  (kept, why) => {
    authorise(kept);
    draw(kept, why);
    void renewAlone(kept);
  },
);

function authorise(kept) {
  if (!swagger) return;
  ours = true;
  if (kept) swagger.authActions.authorize({ [SCHEME]: { name: SCHEME, schema, value: kept.accessToken } });
  else swagger.authActions.logout([SCHEME]);
  ours = false;
}

/** Swagger UI's own dialog and our panel show the same authorisation. */
const SignInPlugin = () => ({
  afterLoad(system) {
    swagger = system;
  },
  statePlugins: {
    spec: { wrapActions: { updateJsonSpec: (original) => (document) => original(forPeople(document)) } },
    auth: {
      wrapActions: {
        authorize: (original) => (payload) => {
          const value = payload[SCHEME]?.value;
          if (!ours && value) session.takeBearer(value.replace(/^Bearer\s+/i, '').trim());
          return ours || !value ? original(payload) : undefined;
        },
        logout: (original) => (payload) => {
          // The panel tells what the server says to it.
          if (!ours && session.kept) document.getElementById('sign-out').requestSubmit();
          return original(payload);
        },
      },
    },
  },
});

/** Every operation is sent with a token that still lives. */
async function renewFirst(request) {
  const before = session.kept?.accessToken;
  if (!before || request.headers?.Authorization !== `Bearer ${before}`) return request;
  const token = await session.token();
  if (token) request.headers.Authorization = `Bearer ${token}`;
  return request;
}

const ENDED = new Set(['token_revoked', 'token_expired']);

/** Says above what an answer means for the session, which its own place on the page does not. */
function notice(answer) {
  const code = answer.status === 401 && session.kept ? (answer.body?.code ?? answer.obj?.code) : undefined;
  if (ENDED.has(code)) session.ended('Your session has ended. Sign in again.');
  return answer;
}

let heldLock;

/** One tab renews a session: this lock is held until the tab closes, and free again at once after a reload. */
async function renewAlone(kept) {
  const { locks } = window.navigator;
  const name = `roster.docs.${kept?.identifier}.${kept?.since}`;
  // Only where the browser trusts the address (https, or this machine); elsewhere the 30 seconds of grace must do.
  if (!locks || !kept?.refreshToken || name === heldLock) return;
  heldLock = name;
  try {
    await locks.request(name, { signal: window.AbortSignal.timeout(1000) }, () => new Promise(() => undefined));
  } catch {
    // Not had in time: the tab that this one was copied from, with its sessionStorage, holds it.
    session.leaveRenewal();
  }
}

const ui = window.SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#swagger-ui',
  plugins: [SignInPlugin],
  deepLinking: true,
  // A hundred operations drawn at once take seconds: a tag shows its own when it is opened.
  docExpansion: 'none',
  // The session keeps the authorisation over a reload: in one place, with what renews it.
  persistAuthorization: false,
  displayRequestDuration: true,
  filter: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  defaultModelsExpandDepth: 0,
  requestInterceptor: renewFirst,
  responseInterceptor: notice,
  syntaxHighlight: { theme: 'agate' },
});
window.ui = ui;

draw = drawPanel(session);
session.restore();
draw(session.kept);
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) session.renewIfDue();
});
