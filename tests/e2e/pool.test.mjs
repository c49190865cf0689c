// A pool of three keys of which one is rate-limited and one is refused: the SDK's user notices
// nothing, the operator sees it in the access log and in the metrics, under masked names.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Models, Relay } from './fixtures.mjs';
import { chat, content, message, presets } from './places.mjs';
import { POOL, TOKEN, masks, pooled } from './relay_env.mjs';
import { streams, watch } from './stream_suite.mjs';

const calls = {
  openai: (place, n) => place.openai().chat.completions.create(chat(`${n}`)),
  anthropic: (place, n) => place.anthropic().messages.create(message(`${n}`)),
  gemini: (place, n) => place.gemini().models.generateContent(content(`${n}`)),
};

// Samples of culvert_keys: {upstream, key, state} of those that are 1.
function keyStates(text) {
  const found = [];
  for (const [, labels] of text.matchAll(/^culvert_keys\{([^}]*)\} 1$/gm)) {
    found.push(
      Object.fromEntries(
        [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]),
      ),
    );
  }
  return found;
}

describe('three keys, one limited, one refused', () => {
  let models;
  let relay;
  const [good, limited, refused] = POOL;
  before(async () => {
    models = await Models.start();
    relay = await Relay.start(pooled(models.url));
    await models.behave(
      { key: limited, status: 429, retry_after: 600 },
      { key: refused, status: 401 },
    );
  });
  after(async () => {
    await relay?.close();
    await models?.close();
  });

  for (const [vendor, call] of Object.entries(calls)) {
    test(`${vendor}: every call succeeds, at once and streamed`, async () => {
      const place = presets(relay, TOKEN);
      for (let n = 0; n < 6; n++) await call(place, n);
      for (let n = 0; n < 6; n++) {
        const { pieces, error } = await watch(streams[vendor](place, `${n}`));
        assert.equal(error, null);
        assert.ok(pieces > 10);
      }
    });
  }

  test('each bad key was tried once per upstream and then left alone', async () => {
    const seen = await models.requests();
    assert.equal(seen.filter((r) => r.key === limited).length, 3);
    assert.equal(seen.filter((r) => r.key === refused).length, 3);
    assert.equal(seen.filter((r) => r.key === good && r.state === 'complete').length, 36);
  });

  test('the access log says who paid and how often was tried, masked', async () => {
    const lines = await relay.accessLog.wait((l) => l.outcome === 'ok' && l.status === 200, 36);
    for (const line of lines) assert.ok(masks(good)(line.key), line.key);
    assert.equal(
      lines.reduce((sum, l) => sum + l.attempts, 0),
      36 + 6,
    );
  });

  test('the metrics show one ready, one resting, one isolated, masked', async () => {
    const states = keyStates(await relay.metrics());
    for (const upstream of ['openai', 'anthropic', 'gemini']) {
      const of = (state) =>
        states.filter((s) => s.upstream === upstream && s.state === state).map((s) => s.key);
      for (const [state, key] of [
        ['ready', good],
        ['resting', limited],
        ['isolated', refused],
      ]) {
        assert.equal(of(state).length, 1, `${upstream} ${state}: ${JSON.stringify(states)}`);
        assert.ok(masks(key)(of(state)[0]), of(state)[0]);
      }
    }
    assert.ok(![...POOL, TOKEN].some((secret) => JSON.stringify(states).includes(secret)));
  });
});
