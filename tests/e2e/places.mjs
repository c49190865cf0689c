// The SDK clients of a test, by place: a place is where the three base URLs are and which
// credential goes with them (the vendor itself, a relay's preset with a pooled key, with the token
// in the path, …). Retries are off, so that a test sees each answer.
import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import OpenAI from 'openai';

export class Place {
  // `at` holds openai, anthropic, gemini: base URLs as a user would give them to the SDK.
  constructor(name, at, key, geminiVersion = undefined) {
    this.name = name;
    this.geminiVersion = geminiVersion;
    this.at = at;
    this.key = key;
  }

  openai(key = this.key) {
    return new OpenAI({ apiKey: key, baseURL: this.at.openai, maxRetries: 0 });
  }

  anthropic(key = this.key) {
    return new Anthropic({ apiKey: key, baseURL: this.at.anthropic, maxRetries: 0 });
  }

  anthropicBearer(key = this.key) {
    return new Anthropic({
      apiKey: null,
      authToken: key,
      baseURL: this.at.anthropic,
      maxRetries: 0,
    });
  }

  gemini(key = this.key) {
    return new GoogleGenAI({
      apiKey: key,
      apiVersion: this.geminiVersion,
      httpOptions: { baseUrl: this.at.gemini },
    });
  }
}

export function direct(models, key = 'sk-direct-0123456789abcdef') {
  return new Place(
    'direct',
    { openai: `${models.url}/v1`, anthropic: models.url, gemini: models.url },
    key,
  );
}

export function presets(relay, key, name = 'presets') {
  return new Place(
    name,
    {
      openai: `${relay.url}/openai/v1`,
      anthropic: `${relay.url}/anthropic`,
      gemini: `${relay.url}/gemini`,
    },
    key,
  );
}

// The same with the token as the first segment of the path; the SDK's own key is then the caller's.
export function tokenInPath(relay, token, key) {
  const at = presets(relay, key).at;
  for (const vendor of Object.keys(at))
    at[vendor] = at[vendor].replace(relay.url, `${relay.url}/${token}`);
  return new Place('token in the path', at, key);
}

// Gemini's own form at the relay's root. The SDK's own version is v1; there /v1/models is every
// vendor's, so that listing models needs v1beta.
export function root(relay, key, version) {
  return new Place(`root ${version}`, { gemini: relay.url }, key, version);
}

export const chat = (prompt, more = {}) => ({
  model: 'gpt-6-sol',
  messages: [{ role: 'user', content: prompt }],
  ...more,
});
export const message = (prompt, more = {}) => ({
  model: 'claude-sonnet-5-5',
  max_tokens: 1024,
  messages: [{ role: 'user', content: prompt }],
  ...more,
});
export const content = (prompt, more = {}) => ({
  model: 'gemini-3.8-flash',
  contents: prompt,
  ...more,
});

export async function collect(stream) {
  const all = [];
  for await (const one of stream) all.push(one);
  return all;
}
