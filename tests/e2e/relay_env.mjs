// The environment of the relays that these tests start: the three presets overridden to the model
// server.
export const TOKEN = 'e2e-relay-token-0123456789';
export const POOL = [
  'sk-pool-aaaa-000000001111',
  'sk-pool-bbbb-000000002222',
  'sk-pool-cccc-000000003333',
];
export const OWN = 'sk-own-dddd-000000004444';

// As the surface says keys are shown everywhere: first four … last four.
export const masks = (key) => (text) =>
  text.includes(key.slice(0, 4)) && text.includes(key.slice(-4)) && !text.includes(key);

export function targets(url) {
  return { PROXY_OPENAI_TARGET: url, PROXY_ANTHROPIC_TARGET: url, PROXY_GEMINI_TARGET: url };
}

// Where a cut is to be seen, and no stream is taken up again.
export function visibleCuts(env) {
  return { ...env, GEMINI_SPECIAL_HANDLING_ENABLED: 'false' };
}

export function pooled(url, keys = POOL) {
  const list = keys.join(',');
  return {
    ...targets(url),
    AUTH_TOKEN: TOKEN,
    OPENAI_API_KEYS: list,
    ANTHROPIC_API_KEYS: list,
    GEMINI_API_KEYS: list,
  };
}
