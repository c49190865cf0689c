// Streams that do not end well, with each vendor's SDK at a place: the user leaves, the upstream is
// cut, the upstream says an error in the stream. None may look complete, and what the user left
// must be left at the upstream too, as the model server's own record says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chat, content, message } from './places.mjs';

// Each starts a stream and gives an async iterable; `signal` aborts it.
export const streams = {
  openai: (place, prompt, signal) =>
    place.openai().chat.completions.create(chat(prompt, { stream: true }), { signal }),
  'openai responses': (place, prompt, signal) =>
    place.openai().responses.create({ model: 'gpt-5.5', input: prompt, stream: true }, { signal }),
  anthropic: (place, prompt, signal) =>
    place.anthropic().messages.create(message(prompt, { stream: true }), { signal }),
  gemini: (place, prompt, signal) =>
    place
      .gemini()
      .models.generateContentStream(content(prompt, { config: { abortSignal: signal } })),
};

export const vendors = (names) =>
  Object.entries(streams).filter(([name]) => names.includes(name.split(' ')[0]));

// What a user has after a stream: how many pieces, and whether it looked whole.
export async function watch(start) {
  let pieces = 0;
  try {
    for await (const piece of await start) pieces += piece ? 1 : 0;
    return { pieces, error: null };
  } catch (error) {
    return { pieces, error };
  }
}

export function streamsEndRightly(place, models, names = ['openai', 'anthropic', 'gemini']) {
  for (const [name, start] of vendors(names)) {
    test(`${name}: an abort in mid-stream cancels the upstream`, async () => {
      await models().reset();
      await models().behave({ stall: { event: 6 } });
      const leave = new AbortController();
      let pieces = 0;
      try {
        for await (const piece of await start(place(), 'leave me', leave.signal)) {
          pieces += piece ? 1 : 0;
          if (pieces === 3) leave.abort();
        }
      } catch (error) {
        assert.match(`${error.name} ${error.message}`, /abort/i);
      }
      assert.equal(leave.signal.aborted, true);
      await models().wait({ aborted: 1 });
      const [seen] = await models().requests();
      assert.equal(seen.state, 'aborted');
      assert.ok(seen.body_sent > 0);
    });

    test(`${name}: an abort before the first byte cancels the upstream`, async () => {
      await models().reset();
      await models().behave({ stall: 'head' });
      const leave = new AbortController();
      const left = watch(start(place(), 'leave me early', leave.signal));
      await models().wait({ stalled_now: 1 });
      leave.abort();
      assert.notEqual((await left).error, null);
      await models().wait({ aborted: 1 });
    });

    for (const how of ['fin', 'rst', 'no_notify']) {
      test(`${name}: a cut in mid-stream (${how}) raises an error`, async () => {
        await models().reset();
        await models().behave({ cut: { event: 8, how } });
        const { pieces, error } = await watch(start(place(), 'cut me'));
        assert.notEqual(error, null, 'the stream looked complete');
        assert.ok(pieces <= 8, `${pieces} pieces`);
      });
    }

    test(`${name}: an error event in the stream raises an error`, async () => {
      await models().reset();
      await models().behave({ error_event: { after: 5, code: 503 } });
      const { error } = await watch(start(place(), 'fail me'));
      assert.notEqual(error, null, 'the stream looked complete');
    });
  }
}

// Only a relay can see this one: to an SDK a stream that ends well as HTTP is whole, whatever it
// said.
export function missingEndsAreErrors(place, models, names = ['openai', 'anthropic', 'gemini']) {
  for (const [name, start] of vendors(names)) {
    test(`${name}: a stream without its end marker raises an error`, async () => {
      await models().reset();
      await models().behave({ no_end: true });
      const { error } = await watch(start(place(), 'end me'));
      assert.notEqual(error, null, 'the stream looked complete');
    });
  }
}
