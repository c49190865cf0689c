// Errors of the upstream, passed on with status, body and headers: each vendor's SDK raises its own
// class for it. The key is the caller's own and another one each time, so that what a relay learns
// of one key tells nothing of the next.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { ApiError } from '@google/genai';
import OpenAI from 'openai';
import { chat, content, message } from './places.mjs';

let count = 0;
const freshKey = () => `sk-own-${String(++count).padStart(4, '0')}-0123456789abcdef`;

const openaiClasses = {
  400: OpenAI.BadRequestError,
  401: OpenAI.AuthenticationError,
  403: OpenAI.PermissionDeniedError,
  404: OpenAI.NotFoundError,
  413: OpenAI.APIError,
  429: OpenAI.RateLimitError,
  500: OpenAI.InternalServerError,
  503: OpenAI.InternalServerError,
};
const anthropicClasses = {
  400: Anthropic.BadRequestError,
  401: Anthropic.AuthenticationError,
  403: Anthropic.PermissionDeniedError,
  404: Anthropic.NotFoundError,
  413: Anthropic.APIError,
  429: Anthropic.RateLimitError,
  500: Anthropic.InternalServerError,
  503: Anthropic.InternalServerError,
  529: Anthropic.InternalServerError,
};

// The error that `call` raises; a test that gets an answer instead fails.
export async function raised(call) {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new assert.AssertionError({ message: 'there was an answer where an error was due' });
}

export function upstreamErrors(place, models) {
  for (const [status, kind] of Object.entries(openaiClasses)) {
    test(`openai: ${status} raises ${kind.name}`, async () => {
      await models().reset();
      await models().behave({ status: Number(status), retry_after: status === '429' ? 7 : null });
      for (const stream of [false, true]) {
        const client = place().openai(freshKey());
        const error = await raised(() => client.chat.completions.create(chat('no', { stream })));
        assert.ok(error instanceof kind, `${error.constructor.name}: ${error.message}`);
        assert.equal(error.status, Number(status));
        assert.ok(error.type, "the vendor's own body came through");
        assert.match(error.requestID, /^\S+$/);
        if (status === '429') assert.equal(error.headers.get('retry-after'), '7');
      }
    });
  }

  for (const [status, kind] of Object.entries(anthropicClasses)) {
    test(`anthropic: ${status} raises ${kind.name}`, async () => {
      await models().reset();
      await models().behave({ status: Number(status), retry_after: status === '429' ? 7 : null });
      for (const stream of [false, true]) {
        const client = place().anthropic(freshKey());
        const error = await raised(() => client.messages.create(message('no', { stream })));
        assert.ok(error instanceof kind, `${error.constructor.name}: ${error.message}`);
        assert.equal(error.status, Number(status));
        assert.equal(error.error.type, 'error');
        assert.match(error.requestID, /^req_/);
        if (status === '429') assert.equal(error.headers.get('retry-after'), '7');
      }
    });
  }

  for (const status of [400, 401, 403, 404, 429, 500, 503]) {
    test(`gemini: ${status} raises ApiError`, async () => {
      await models().reset();
      await models().behave({ status, retry_after: status === 429 ? 7 : null });
      const client = place().gemini(freshKey());
      for (const call of ['generateContent', 'generateContentStream']) {
        const error = await raised(() => client.models[call](content('no')));
        assert.ok(error instanceof ApiError, `${error.constructor.name}: ${error.message}`);
        assert.equal(error.status, status);
        const body = JSON.parse(error.message).error;
        assert.equal(body.code, status);
        if (status === 429) assert.ok(body.details.some((d) => d.retryDelay === '7s'));
      }
    });
  }
}
