// Streams that break off, read with each vendor's own SDK through the relay: where they are taken
// up again, the user notices nothing; where they are not, the SDK throws an error of its own, and
// never is a short answer quiet.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { Models, Relay } from './fixtures.mjs';
import { chat, collect, content, message, presets } from './places.mjs';
import { POOL, TOKEN, pooled } from './relay_env.mjs';
import { FINISH, TEXT, cuts, errors, readers, spoken, thinking, tokens } from './resume_suite.mjs';
import { watch } from './stream_suite.mjs';

const QUICK = 'backoff: 1ms, backoff_most: 2ms, idle: 500ms';
// Here every stream breaks off, so that the budget of further tries is no measure.
const RETRY = 'backoff: 1ms, within: 5s, budget_least: 1000';
const upstream = (name, resume) =>
  `kind: Upstream\nname: ${name}\nspec: {retry: {${RETRY}}, resume: {${resume}}}\n`;
const config = (extra = '') =>
  [
    upstream('openai', `on: true, continuation: prefix, ${QUICK}${extra}`),
    upstream('anthropic', `on: true, continuation: prefill, ${QUICK}${extra}`),
    upstream('gemini', `${QUICK}${extra}`),
  ].join('---\n');

let models;
let relay;
const place = () => presets(relay, TOKEN);
before(async () => {
  models = await Models.start({ keys: POOL });
  relay = await Relay.start(pooled(models.url), config());
});
after(async () => {
  await relay?.close();
  await models?.close();
});
beforeEach(() => models.reset());

// The first call breaks off, what follows goes on.
const cutOnce = (cut, goes_on = 'exact', more = {}) =>
  models.behave({ text: TEXT, times: 1, ...cut, ...more }, { text: TEXT, goes_on, ...more });

const requests = async (count) => {
  await models.wait({ ended: count });
  const all = await models.requests();
  assert.equal(all.length, count);
  return all.map((r) => ({ ...r, json: r.body ? JSON.parse(r.body) : null }));
};

for (const [vendor, ways] of Object.entries(readers)) {
  describe(vendor, () => {
    for (const [way, read] of Object.entries(ways)) {
      for (const [cut, rule] of Object.entries(cuts)) {
        test(`${way}: ${cut} in the middle is not noticed`, async () => {
          await cutOnce(rule, 'repeats');
          const got = await read(place());
          assert.equal(got.text, TEXT);
          assert.deepEqual(got.ends, [FINISH[vendor]]);
          if (got.ids) assert.equal(got.ids, 1);
          if (way === 'a chat') assert.equal(got.kept, TEXT);
          if (got.blocks) assert.deepEqual(got.blocks, ['text']);
          if (got.numbers) assert.deepEqual(got.numbers, [...got.numbers.keys()]);
          // Where the reason of the end has come, the sign behind it is the relay's to add.
          const told = cut === 'a missing end' && ['openai', 'anthropic'].includes(vendor);
          await requests(told ? 1 : 2);
        });
      }
    }
  });
}

describe('usage is that of both attempts', () => {
  test('gemini', async () => {
    await cutOnce(cuts.FIN);
    const { usage } = await readers.gemini.generateContentStream(place());
    const [first, second] = await requests(2);
    const asked = (r) => tokens(r.json.contents.map((c) => c.parts[0].text).join(' '));
    const said = second.json.contents[1].parts[0].text;
    const letters = [...TEXT];
    const cutAt = (n) => Math.floor((letters.length * n) / 20);
    const pieces = [...Array(9).keys()].map((n) => letters.slice(cutAt(n), cutAt(n + 1)).join(''));
    assert.equal(pieces.join(''), said);
    const told = pieces.reduce((sum, piece) => sum + tokens(piece), 0);
    assert.equal(usage.promptTokenCount, asked(first) + asked(second));
    assert.equal(usage.candidatesTokenCount, told + tokens(TEXT.slice(said.length)));
    assert.equal(usage.totalTokenCount, usage.promptTokenCount + usage.candidatesTokenCount);
  });

  test('anthropic', async () => {
    await cutOnce(cuts.FIN);
    const { usage } = await readers.anthropic['messages.stream'](place());
    const [first, second] = await requests(2);
    const asked = (r) => r.json.messages.reduce((sum, m) => sum + tokens(m.content), 0);
    const said = second.json.messages.at(-1).content;
    assert.equal(usage.input_tokens, asked(first) + asked(second));
    assert.equal(usage.output_tokens, 1 + tokens(TEXT.slice(said.length)));
  });

  // It tells its usage at the end only, so of the lost attempt nothing is known.
  test('openai', async () => {
    await cutOnce(cuts.FIN);
    const { usage } = await readers.openai['chat.completions.create'](place());
    const [, second] = await requests(2);
    const said = second.json.messages.at(-1);
    assert.deepEqual([said.role, said.prefix], ['assistant', true]);
    assert.equal(usage.completion_tokens, tokens(TEXT.slice(said.content.length)));
    assert.equal(usage.prompt_tokens, tokens('ask') + tokens(said.content));
  });

  test('openai responses: one generation, one usage', async () => {
    await cutOnce(cuts.FIN);
    const { usage } = await readers['openai responses']['responses.stream'](place());
    assert.deepEqual([usage.input_tokens, usage.output_tokens], [tokens('ask'), tokens(TEXT)]);
    const [first, second] = await requests(2);
    assert.deepEqual([second.method, second.key], ['GET', first.key]);
    assert.match(second.target, /^\/v1\/responses\/resp_\w+\?stream=true&starting_after=8$/);
  });
});

test('openai responses: a user who reads on by itself', async () => {
  await models.behave({ text: TEXT });
  const client = place().openai();
  const background = { model: 'gpt-5.5', input: 'ask', background: true, store: true };
  const events = await collect(await client.responses.create({ ...background, stream: true }));
  const { id } = events[0].response;
  // Only the key that asked for it has the response, and the pool's next may be another.
  for (let n = 0; n < POOL.length; n++) {
    try {
      const more = await client.responses.retrieve(id, { stream: true, starting_after: 5 });
      assert.deepEqual(await collect(more), events.slice(6));
      return;
    } catch (error) {
      if (error.status !== 404) throw error;
    }
  }
  assert.fail('no key of the pool had it');
});

describe('thoughts and tools', () => {
  const thought = /I think about [0-9a-f]{12} before I speak\./g;
  const functionDeclarations = [{ name: 'look_up', description: 'Looks something up' }];

  test('gemini: thoughts come once, and are no part of what goes up', async () => {
    await cutOnce(cuts.FIN, 'restarts', { thoughts: true });
    const got = await readers.gemini.generateContentStream(place(), thinking);
    assert.deepEqual([got.text, got.ends], [TEXT, ['STOP']]);
    assert.match(got.thoughts, thought);
    assert.equal(got.thoughts.match(thought).join(''), got.thoughts);
    const [, second] = await requests(2);
    assert.ok(TEXT.startsWith(second.json.contents[1].parts[0].text));
    assert.ok(!second.body.includes('I think'));
  });

  test('gemini: a cut among the thoughts', async () => {
    await cutOnce({ cut: { event: 3 } }, 'exact', { thoughts: true });
    const got = await readers.gemini.generateContentStream(place(), thinking);
    assert.deepEqual([got.text, got.ends], [TEXT, ['STOP']]);
    const [first, second] = await requests(2);
    assert.equal(second.body, first.body);
  });

  test('gemini: a chat whose tool was called before', async () => {
    await models.behave({ tools: true, thoughts: true, times: 1 });
    await cutOnce(cuts.RST, 'repeats', { thoughts: true });
    const talk = place()
      .gemini()
      .chats.create({
        model: 'gemini-3.8-flash',
        config: { ...thinking, tools: [{ functionDeclarations }] },
      });
    const called = await collect(await talk.sendMessageStream({ message: 'find it' }));
    const [call] = called.flatMap((p) => p.functionCalls ?? []);
    assert.equal(call.name, 'look_up');
    const functionResponse = { name: call.name, response: { output: 'found' } };
    const parts = await collect(await talk.sendMessageStream({ message: [{ functionResponse }] }));
    assert.equal(parts.map((p) => p.text ?? '').join(''), TEXT);
    const [, second, third] = await requests(3);
    const asked = second.json.contents.length;
    assert.deepEqual(third.json.contents.slice(0, asked), second.json.contents);
    assert.deepEqual(
      third.json.contents.slice(asked).map((c) => c.role),
      ['model', 'user'],
    );
    // The next turn shows the model one whole answer.
    await models.reset();
    assert.ok((await talk.sendMessage({ message: 'thanks' })).text);
    const [next] = await requests(1);
    const own = next.json.contents.slice(0, -1).filter((c) => c.role === 'model');
    assert.equal(spoken(own.flatMap((c) => c.parts)), TEXT);
  });

  test('openai: the runner of tools', async () => {
    await models.behave({ tools: true, times: 1 });
    await cutOnce(cuts.RST, 'repeats');
    const asked = [];
    const runner = place()
      .openai()
      .chat.completions.runTools(
        chat('find it', {
          stream: true,
          tools: [
            {
              type: 'function',
              function: {
                name: 'look_up',
                description: 'Looks something up',
                parameters: { type: 'object', properties: { query: { type: 'string' } } },
                parse: JSON.parse,
                function: (given) => {
                  asked.push(given);
                  return 'found';
                },
              },
            },
          ],
        }),
      );
    assert.equal(await runner.finalContent(), TEXT);
    assert.equal(asked.length, 1);
    const [, second, third] = await requests(3);
    assert.deepEqual(third.json.messages.slice(0, 3), second.json.messages);
    assert.equal(third.json.messages.length, 4);
  });
});

describe("gemini's answers that do not stream", () => {
  test('one that is empty is asked for again', async () => {
    await models.behave({ text: '', times: 1 }, { text: TEXT });
    const got = await place().gemini().models.generateContent(content('ask'));
    assert.equal(got.text, TEXT);
    await requests(2);
  });

  test('one that stays empty is an error', async () => {
    await models.behave({ text: '' });
    await assert.rejects(
      place().gemini().models.generateContent(content('ask')),
      (error) => error instanceof errors.gemini && error.status === 502,
    );
  });
});

// Cut behind a piece that is none of an end, so that an SDK that hears nothing would call it whole.
const CUT = { cut: { event: 9 } };
const ofTool = (parts) => {
  const candidates = [{ content: { parts, role: 'model' }, index: 0 }];
  return `data: ${JSON.stringify({ candidates })}\r\n\r\n`;
};
const tool = { name: 'look_up', description: 'Looks up', parameters: { type: 'object' } };

const refused = {
  "gemini's JSON by type": ['gemini', { responseMimeType: 'application/json' }],
  "gemini's JSON by schema": [
    'gemini',
    { responseMimeType: 'application/json', responseSchema: { type: 'OBJECT' } },
  ],
  "gemini's tools of mode ANY": [
    'gemini',
    { toolConfig: { functionCallingConfig: { mode: 'ANY' } } },
  ],
  "gemini's several candidates": ['gemini', { candidateCount: 2 }],
  "openai's JSON": ['openai', { response_format: { type: 'json_object' } }],
  "openai's several choices": ['openai', { n: 2 }],
  "openai's forced tool": [
    'openai',
    { tools: [{ type: 'function', function: tool }], tool_choice: 'required' },
    { cut: { event: 5 } },
  ],
  "anthropic's forced tool": [
    'anthropic',
    {
      tools: [{ name: 'look_up', input_schema: { type: 'object' } }],
      tool_choice: { type: 'any' },
    },
  ],
  "anthropic's thinking": [
    'anthropic',
    { max_tokens: 4096, thinking: { type: 'enabled', budget_tokens: 1024 } },
  ],
  'a response that is not in the background': ['openai responses', { background: false }],
};

async function raises(vendor, start) {
  const { error } = await watch(start().then((whole) => [whole]));
  assert.notEqual(error, null, 'a short answer was quiet');
  const kind = errors[vendor.split(' ')[0]];
  assert.ok(error instanceof kind, `${error.constructor.name}: ${error.message}`);
  return error;
}

describe('what is not gone on with throws', () => {
  for (const [name, [vendor, more, cut = CUT]] of Object.entries(refused)) {
    for (const [way, read] of Object.entries(readers[vendor])) {
      test(`${name}, ${way}`, async () => {
        await models.behave({ text: TEXT, ...cut });
        await raises(vendor, () => read(place(), more));
        await requests(1);
      });
    }
  }

  test("gemini's call of a tool that the user has", async () => {
    const pieces = [ofTool([{ text: 'I look it up.' }]), ofTool([{ functionCall: tool }])];
    await models.behave({ pieces, cut: { event: 2 } });
    await raises('gemini', () => readers.gemini.generateContentStream(place()));
    await requests(1);
  });

  test('a response that is not there any more', async () => {
    await models.behave({ text: TEXT, times: 1, ...CUT }, { method: 'GET', status: 404 });
    for (const read of Object.values(readers['openai responses'])) {
      await raises('openai', () => read(place()));
      await models.reset();
      await models.behave({ text: TEXT, times: 1, ...CUT }, { method: 'GET', status: 404 });
    }
  });

  test('a service that breaks off every time', async () => {
    for (const [vendor, ways] of Object.entries(readers)) {
      for (const read of Object.values(ways)) {
        await models.reset();
        await models.behave({ text: TEXT, goes_on: 'exact', cut: { event: 4 } });
        await raises(vendor, () => read(place()));
        assert.ok((await models.requests()).length <= 5);
      }
    }
  });

  test('all of them, where it is off', async () => {
    const off = await Relay.start(pooled(models.url), config(', on: false').replaceAll(
      'on: true, ',
      '',
    ));
    try {
      for (const [vendor, ways] of Object.entries(readers)) {
        for (const [cut, rule] of Object.entries(cuts)) {
          if (cut === 'a stall') continue; // without recovery it is waited for
          for (const read of Object.values(ways)) {
            await models.reset();
            await models.behave({ text: TEXT, ...rule });
            await raises(vendor, () => read(presets(off, TOKEN)));
            await requests(1);
          }
        }
      }
    } finally {
      await off.close();
    }
  });
});

test('the log and the metrics tell of it', async () => {
  await cutOnce(cuts.FIN);
  await place().anthropic().messages.stream(message('ask')).finalMessage();
  const [line] = (await relay.accessLog.wait((l) => l.upstream === 'anthropic' && l.resumed === 1))
    .slice(-1);
  assert.deepEqual([line.attempts, line.outcome], [2, 'ok']);
  assert.match(await relay.metrics(), /culvert_streams_resumed_total\{[^}]*anthropic[^}]*\} \d/);
});
