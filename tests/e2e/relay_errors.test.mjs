// Errors that the relay makes itself: with each vendor's SDK they raise that vendor's own class,
// carry the relay's marks, and name the stage.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { ApiError } from '@google/genai';
import OpenAI from 'openai';
import { raised } from './error_suite.mjs';
import { Models, Relay } from './fixtures.mjs';
import { chat, content, message, presets, tokenInPath } from './places.mjs';
import { POOL, TOKEN, pooled } from './relay_env.mjs';

let models;
let relay;
before(async () => {
  models = await Models.start({ keys: POOL });
  relay = await Relay.start(pooled(models.url));
});
after(async () => {
  await relay?.close();
  await models?.close();
});

const calls = {
  openai: (place) => place.openai().chat.completions.create(chat('hi')),
  anthropic: (place) => place.anthropic().messages.create(message('hi')),
  gemini: (place) => place.gemini().models.generateContent(content('hi')),
};

// `classes`: what each SDK must raise. The body must be in the vendor's own form.
async function expectErrors(place, status, classes) {
  for (const [vendor, call] of Object.entries(calls)) {
    const error = await raised(() => call(place));
    assert.ok(
      error instanceof classes[vendor],
      `${vendor}: ${error.constructor.name}: ${error.message}`,
    );
    assert.equal(error.status, status, `${vendor}: ${error.message}`);
    if (vendor === 'gemini') {
      const body = JSON.parse(error.message).error;
      assert.equal(body.code, status);
      assert.match(body.status, /^[A-Z_]+$/);
      continue;
    }
    assert.equal(error.headers.get('x-proxy-error'), 'true', vendor);
    assert.match(error.headers.get('x-request-id'), /^\S+$/);
    if (vendor === 'openai') assert.ok(error.type && error.error.message);
    else assert.deepEqual([error.error.type, typeof error.type], ['error', 'string']);
  }
}

const kinds = (openai, anthropic) => ({ openai, anthropic, gemini: ApiError });

test('a wrong token is an authentication error', () =>
  expectErrors(
    presets(relay, 'not-the-token-0123456789'),
    401,
    kinds(OpenAI.AuthenticationError, Anthropic.AuthenticationError),
  ));

// Neither may be probed, so both are answered alike, and as no dialect is known there,
// in no dialect.
test('an unknown alias and a wrong token in the path are not found, alike', async () => {
  const unknown = presets(relay, TOKEN);
  for (const vendor of Object.keys(unknown.at)) {
    unknown.at[vendor] = unknown.at[vendor].replace(
      relay.url,
      `${relay.url}/nobody-0123456789abcdef`,
    );
  }
  const wrong = tokenInPath(relay, 'not-the-token-0123456789', TOKEN);
  const classes = kinds(OpenAI.NotFoundError, Anthropic.NotFoundError);
  for (const [vendor, call] of Object.entries(calls)) {
    const errors = [await raised(() => call(unknown)), await raised(() => call(wrong))];
    for (const error of errors) {
      assert.ok(error instanceof classes[vendor], `${vendor}: ${error.constructor.name}: ${error}`);
      assert.equal(error.status, 404);
    }
    const shown = errors.map((e) => e.message.replace(/"(timestamp|request_id)":"[^"]*"/g, ''));
    assert.equal(shown[0], shown[1]);
  }
});

describe('an upstream that cannot be used', () => {
  const unusable = kinds(OpenAI.InternalServerError, Anthropic.InternalServerError);

  test('nobody listens there: 502, stage connect', async () => {
    const dead = await Relay.start(pooled('https://127.0.0.1:1'));
    try {
      await expectErrors(presets(dead, TOKEN), 502, unusable);
      const error = await raised(() => calls.openai(presets(dead, TOKEN)));
      assert.equal(error.headers.get('x-proxy-stage'), 'connect');
    } finally {
      await dead.close();
    }
  });

  test('its certificate is not trusted: 502, stage tls', async () => {
    const careful = await Relay.start({
      ...pooled(models.url),
      SSL_CERT_FILE: process.env.CULVERT_E2E_STRANGER,
    });
    try {
      await models.reset();
      await expectErrors(presets(careful, TOKEN), 502, unusable);
      const error = await raised(() => calls.anthropic(presets(careful, TOKEN)));
      assert.equal(error.headers.get('x-proxy-stage'), 'tls');
      assert.deepEqual(
        await models.requests(),
        [],
        'nothing was sent to an upstream that is not trusted',
      );
    } finally {
      await careful.close();
    }
  });

  test('it never answers: 504, stage first_byte', async () => {
    const short = await Relay.start({ ...pooled(models.url), CULVERT_TIMEOUT_FIRST_BYTE: '200ms' });
    try {
      await models.reset();
      await models.behave({ stall: 'head' });
      await expectErrors(presets(short, TOKEN), 504, unusable);
      const error = await raised(() => calls.openai(presets(short, TOKEN)));
      assert.equal(error.headers.get('x-proxy-stage'), 'first_byte');
    } finally {
      await models.reset();
      await short.close();
    }
  });
});

test('all keys resting is a rate limit that says when to come back', async () => {
  const tired = await Relay.start(pooled(models.url));
  try {
    await models.reset();
    await models.behave(
      { key: POOL[0], status: 429, retry_after: 300 },
      { key: POOL[1], status: 429, retry_after: 120 },
      { key: POOL[2], status: 429, retry_after: 600 },
    );
    const limited = kinds(OpenAI.RateLimitError, Anthropic.RateLimitError);
    await expectErrors(presets(tired, TOKEN), 429, limited);
    const before = (await models.requests()).length;
    for (const vendor of ['openai', 'anthropic']) {
      const error = await raised(() => calls[vendor](presets(tired, TOKEN)));
      const seconds = Number(error.headers.get('retry-after'));
      assert.ok(
        seconds > 0 && seconds <= 120,
        `Retry-After: ${seconds}, and the soonest key is back in 120 s`,
      );
    }
    assert.equal((await models.requests()).length, before, 'a resting key was used');
  } finally {
    await models.reset();
    await tired.close();
  }
});

test('a body over the limit is 413', async () => {
  const narrow = await Relay.start(
    pooled(models.url),
    'kind: Relay\nname: relay\nspec: {limits: {body_bytes: 1KiB}}\n',
  );
  try {
    const place = presets(narrow, TOKEN);
    const long = 'x'.repeat(100_000);
    const error = await raised(() => place.openai().chat.completions.create(chat(long)));
    assert.ok(
      error instanceof OpenAI.APIError && error.status === 413,
      `${error.constructor.name}: ${error.message}`,
    );
    assert.equal(error.headers.get('x-proxy-stage'), 'limit');
    const other = await raised(() => place.anthropic().messages.create(message(long)));
    assert.equal(other.status, 413);
    assert.equal(other.type, 'request_too_large');
    const third = await raised(() => place.gemini().models.generateContent(content(long)));
    assert.ok(third instanceof ApiError && third.status === 413);
  } finally {
    await narrow.close();
  }
});
