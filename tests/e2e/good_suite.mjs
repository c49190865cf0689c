// What must simply work with each vendor's SDK at a place: every call answered whole, streams delta
// by delta, with ids and usage. The same tests run directly against the model server, which proves
// the fake, and through the relay.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chat, collect, content, message } from './places.mjs';

const tool = {
  name: 'look_up',
  description: 'Looks something up',
  schema: { type: 'object', properties: { query: { type: 'string' } } },
};

export function openaiWorks(place) {
  test('openai: chat', async () => {
    const answer = await place().openai().chat.completions.create(chat('one'));
    assert.equal(answer.choices[0].finish_reason, 'stop');
    assert.match(answer.choices[0].message.content, /You said: one\./);
    assert.ok(answer.usage.total_tokens > 20);
    assert.match(answer._request_id, /^\S+$/);
  });

  test('openai: chat streams, with usage, the same words as at once', async () => {
    const client = place().openai();
    const stream = await client.chat.completions.create(
      chat('two', { stream: true, stream_options: { include_usage: true } }),
    );
    const chunks = await collect(stream);
    const words = chunks.map((c) => c.choices[0]?.delta?.content ?? '').join('');
    const whole = await client.chat.completions.create(chat('two'));
    assert.equal(words, whole.choices[0].message.content);
    assert.equal(chunks.at(-2).choices[0].finish_reason, 'stop');
    assert.deepEqual(chunks.at(-1).usage, whole.usage);
    assert.ok(chunks.length > 20);
  });

  test('openai: the streaming helper with a tool call', async () => {
    const tools = [{ type: 'function', function: { name: tool.name, parameters: tool.schema } }];
    const runner = place()
      .openai()
      .chat.completions.stream(chat('three', { tools, tool_choice: 'required' }));
    const done = await runner.finalChatCompletion();
    const call = done.choices[0].message.tool_calls[0];
    assert.equal(call.function.name, tool.name);
    assert.match(JSON.parse(call.function.arguments).query, /^[0-9a-f]{16}$/);
  });

  test('openai: legacy completions, embeddings, models', async () => {
    const client = place().openai();
    const old = await client.completions.create({ model: 'gpt-6-sol', prompt: 'four' });
    assert.match(old.choices[0].text, /You said: four\./);
    const vectors = await client.embeddings.create({
      model: 'text-embedding-3-small',
      input: ['a', 'b'],
      dimensions: 8,
    });
    assert.deepEqual(
      vectors.data.map((d) => d.embedding.length),
      [8, 8],
    );
    assert.notDeepEqual(vectors.data[0].embedding, vectors.data[1].embedding);
    const names = (await collect(await client.models.list())).map((m) => m.id);
    assert.ok(names.includes('gpt-6-sol'));
    assert.equal((await client.models.retrieve('gpt-6-sol')).object, 'model');
  });

  test('openai: responses, at once and streamed', async () => {
    const client = place().openai();
    const whole = await client.responses.create({ model: 'gpt-5.5', input: 'five' });
    assert.match(whole.output_text, /You said: five\./);
    const events = await collect(
      await client.responses.create({ model: 'gpt-5.5', input: 'five', stream: true }),
    );
    const words = events
      .filter((e) => e.type === 'response.output_text.delta')
      .map((e) => e.delta)
      .join('');
    assert.equal(words, whole.output_text);
    assert.equal(events.at(-1).type, 'response.completed');
    const final = await client.responses
      .stream({ model: 'gpt-5.5', input: 'five' })
      .finalResponse();
    assert.equal(final.output_text, whole.output_text);
  });
}

export function anthropicWorks(place) {
  for (const make of ['anthropic', 'anthropicBearer']) {
    test(`${make}: a message, at once and streamed`, async () => {
      const client = place()[make]();
      const whole = await client.messages.create(message('six'));
      assert.equal(whole.stop_reason, 'end_turn');
      assert.match(whole.content[0].text, /You said: six\./);
      assert.match(whole._request_id, /^\S+$/);
      const streamed = await client.messages.stream(message('six')).finalMessage();
      assert.equal(streamed.content[0].text, whole.content[0].text);
      assert.equal(streamed.usage.output_tokens, whole.usage.output_tokens);
      const events = await collect(await client.messages.create(message('six', { stream: true })));
      assert.deepEqual([events[0].type, events.at(-1).type], ['message_start', 'message_stop']);
    });
  }

  test('anthropic: thinking, a tool, count_tokens, models', async () => {
    const client = place().anthropic();
    const thought = await client.messages
      .stream(
        message('seven', { max_tokens: 4096, thinking: { type: 'enabled', budget_tokens: 1024 } }),
      )
      .finalMessage();
    assert.deepEqual(
      thought.content.map((c) => c.type),
      ['thinking', 'text'],
    );
    assert.ok(thought.content[0].signature);
    const tools = [{ name: tool.name, input_schema: tool.schema }];
    const called = await client.messages
      .stream(message('seven', { tools, tool_choice: { type: 'any' } }))
      .finalMessage();
    assert.equal(called.stop_reason, 'tool_use');
    assert.match(called.content[0].input.query, /^[0-9a-f]{16}$/);
    const counted = await client.messages.countTokens({
      model: 'claude-sonnet-5-5',
      messages: message('seven').messages,
    });
    assert.ok(counted.input_tokens > 0);
    assert.ok(
      (await collect(await client.models.list())).some((m) => m.id === 'claude-sonnet-5-5'),
    );
  });
}

export function geminiWorks(place) {
  test('gemini: content, at once and streamed', async () => {
    const client = place().gemini();
    const whole = await client.models.generateContent(content('eight'));
    assert.match(whole.text, /You said: eight\./);
    assert.equal(whole.candidates[0].finishReason, 'STOP');
    const parts = await collect(await client.models.generateContentStream(content('eight')));
    assert.equal(parts.map((p) => p.text ?? '').join(''), whole.text);
    assert.equal(parts.at(-1).candidates[0].finishReason, 'STOP');
    assert.equal(parts.filter((p) => p.candidates[0].finishReason).length, 1);
    assert.ok(parts.length >= 20);
  });

  test('gemini: thoughts, a tool', async () => {
    const client = place().gemini();
    const thought = await collect(
      await client.models.generateContentStream(
        content('nine', { config: { thinkingConfig: { includeThoughts: true } } }),
      ),
    );
    assert.ok(thought.flatMap((p) => p.candidates[0].content.parts).some((p) => p.thought));
    const functionDeclarations = [{ name: tool.name, description: tool.description }];
    const called = await client.models.generateContent(
      content('nine', {
        config: {
          tools: [{ functionDeclarations }],
          toolConfig: { functionCallingConfig: { mode: 'ANY' } },
        },
      }),
    );
    assert.equal(called.functionCalls[0].name, tool.name);
  });

  test('gemini: countTokens, embedContent', async () => {
    const client = place().gemini();
    assert.ok((await client.models.countTokens(content('ten'))).totalTokens > 0);
    const vectors = await client.models.embedContent({
      model: 'gemini-embedding-001',
      contents: ['a', 'b'],
    });
    assert.equal(vectors.embeddings[0].values.length, 64);
  });
}

export function geminiLists(place) {
  test('gemini: models', async () => {
    const client = place().gemini();
    const names = (await collect(await client.models.list())).map((m) => m.name);
    assert.ok(names.includes('models/gemini-3.8-flash'));
  });
}
