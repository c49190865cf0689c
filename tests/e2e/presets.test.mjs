// The SDKs through the relay's presets: with the relay's token as the SDK's key (the relay's pool
// pays), with the token in the path, with the caller's own key, and Gemini's form at the root. The
// model server takes the pool's keys and the caller's own and no other, so that a relay token that
// leaks upstream fails the call.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { upstreamErrors } from './error_suite.mjs';
import { Models, Relay } from './fixtures.mjs';
import { anthropicWorks, geminiLists, geminiWorks, openaiWorks } from './good_suite.mjs';
import { chat, collect, presets, root, tokenInPath } from './places.mjs';
import { OWN, POOL, TOKEN, pooled, targets, visibleCuts } from './relay_env.mjs';
import { missingEndsAreErrors, streamsEndRightly } from './stream_suite.mjs';

let models;
let relay;
before(async () => {
  models = await Models.start({ keys: [...POOL, OWN] });
  relay = await Relay.start(visibleCuts(pooled(models.url)));
});
after(async () => {
  await relay?.close();
  await models?.close();
});

function everythingWorks(place) {
  before(() => models.reset());
  openaiWorks(place);
  anthropicWorks(place);
  geminiWorks(place);
  geminiLists(place);
}

// What is said upstream: a key of the pool (or the caller's own), never the token, nothing of the
// relay's.
async function onlyKeysWentUp(allowed) {
  for (const seen of await models.requests()) {
    assert.ok(allowed.includes(seen.key), `${seen.target} came with the credential ${seen.key}`);
    assert.ok(
      !seen.head.includes(TOKEN) && !seen.body.includes(TOKEN),
      `${seen.target} shows the token`,
    );
    assert.doesNotMatch(
      seen.head,
      /x-culvert|x-stainless|x-forwarded|cookie|sec-fetch|accept-language/i,
    );
  }
}

describe('the token as the key', () => {
  const place = () => presets(relay, TOKEN);
  everythingWorks(place);
  test('the pool paid, every key of it', async () => {
    await onlyKeysWentUp(POOL);
    const used = new Set((await models.requests()).map((r) => r.key));
    assert.deepEqual([...used].sort(), [...POOL].sort());
  });
  streamsEndRightly(place, () => models);
  missingEndsAreErrors(place, () => models);
});

describe("the token in the path, the caller's own key", () => {
  everythingWorks(() => tokenInPath(relay, TOKEN, OWN));
  test('the caller paid', () => onlyKeysWentUp([OWN]));
});

describe("Gemini's form at the root", () => {
  before(() => models.reset());
  geminiWorks(() => root(relay, TOKEN, 'v1'));
  geminiWorks(() => root(relay, TOKEN, 'v1beta'));
  geminiLists(() => root(relay, TOKEN, 'v1beta'));
  test('the pool paid', () => onlyKeysWentUp(POOL));
  streamsEndRightly(
    () => root(relay, TOKEN, 'v1'),
    () => models,
    ['gemini'],
  );
});

describe("no token, the caller's own key", () => {
  let open;
  let strict;
  before(async () => {
    strict = models;
    models = await Models.start();
    open = await Relay.start(visibleCuts(targets(models.url)));
  });
  after(async () => {
    await open.close();
    await models.close();
    models = strict;
  });
  everythingWorks(() => presets(open, OWN));
  test('the caller paid', () => onlyKeysWentUp([OWN]));
  streamsEndRightly(
    () => presets(open, OWN),
    () => models,
  );
  upstreamErrors(
    () => presets(open, OWN),
    () => models,
  );

  test('a list of keys is a pool', async () => {
    await models.reset();
    await models.behave({ key: POOL[0], status: 429, retry_after: 60 });
    const client = presets(open, POOL.join(',')).openai();
    for (let n = 0; n < 6; n++) {
      assert.equal(
        (await client.chat.completions.create(chat(`${n}`))).choices[0].finish_reason,
        'stop',
      );
    }
    const used = (await models.requests()).filter((r) => r.status === 200).map((r) => r.key);
    assert.deepEqual([...new Set(used)].sort(), POOL.slice(1).sort());
  });
});

describe('the access log', () => {
  test('has a line with the facts of a streamed call', async () => {
    await models.reset();
    const stream = await presets(relay, TOKEN)
      .openai()
      .chat.completions.create(
        chat('log me', { stream: true, stream_options: { include_usage: true } }),
      );
    const chunks = await collect(stream);
    const [line] = (
      await relay.accessLog.wait(
        (l) =>
          l.path.endsWith('/chat/completions') &&
          l.tokens_out === chunks.at(-1).usage.completion_tokens &&
          l.outcome === 'ok',
      )
    ).slice(-1);
    assert.equal(line.status, 200);
    assert.equal(line.upstream, 'openai');
    assert.equal(line.mode, 'preset');
    assert.equal(line.model, 'gpt-6-sol');
    assert.ok(line.bytes_out > 1000 && line.bytes_in > 10);
    const text = JSON.stringify(relay.accessLog.all) + relay.stderr.join('\n');
    for (const secret of [TOKEN, OWN, ...POOL])
      assert.ok(!text.includes(secret), 'a secret is in a log');
  });
});
